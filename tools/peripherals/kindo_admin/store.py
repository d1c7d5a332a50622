"""Rows of the stand-in in SQLite: models and model providers. Keys are kept as fingerprints only."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.peripherals.kindo_admin.schema import SECRET_FIELDS

_SCHEMA = """
CREATE TABLE IF NOT EXISTS model_provider (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE NOT NULL,
    name TEXT UNIQUE NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS model (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE NOT NULL,
    name TEXT UNIQUE NOT NULL,
    document TEXT NOT NULL,
    provider TEXT NOT NULL REFERENCES model_provider(id),
    fingerprints TEXT NOT NULL
);
"""


class Duplicate(Exception):
    """A row with this name exists."""


class InUse(Exception):
    """A provider that models refer to; `count` of them."""

    def __init__(self, count: int) -> None:
        self.count = count


class UnknownProvider(Exception):
    pass


class Store:
    """`path` None keeps the rows in memory. Safe to use from several threads."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.executescript(_SCHEMA)
        self._lock = threading.RLock()

    def close(self) -> None:
        self._connection.close()

    def get(self, table: str, row_id: str) -> dict[str, Any] | None:
        found = self._all(f"SELECT document FROM {table} WHERE id = ?", row_id)
        return found[0] if found else None

    def page(self, table: str, name: str | None, after: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Rows in the order of their creation, and the number to go on after (None at the end)."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT number, document FROM {table} WHERE number > ? AND (? IS NULL OR name = ?) "
                "ORDER BY number LIMIT ?",
                (after, name, name, limit + 1),
            ).fetchall()
        shown = rows[:limit]
        return [json.loads(document) for _, document in shown], shown[-1][0] if len(rows) > limit else None

    def add_provider(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        row = _new_row(fields)
        self._insert(
            "INSERT INTO model_provider (id, name, document) VALUES (?, ?, ?)",
            (row["id"], row["displayName"], json.dumps(row)),
        )
        return row

    def add_model(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        shown, fingerprints = _split(fields)
        row = _new_row(shown)
        with self._lock:
            self._require_provider(row["modelProviderId"])
            self._insert(
                "INSERT INTO model (id, name, document, provider, fingerprints) VALUES (?, ?, ?, ?, ?)",
                (row["id"], row["litellmModelName"], json.dumps(row), row["modelProviderId"], json.dumps(fingerprints)),
            )
        return row

    def change_provider(self, row_id: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        with self._transaction():
            row = self.get("model_provider", row_id)
            if row is None:
                return None
            row = {**row, **fields, "updatedAt": _now()}
            self._insert(
                "UPDATE model_provider SET name = ?, document = ? WHERE id = ?",
                (row["displayName"], json.dumps(row), row_id),
            )
            return row

    def change_model(self, row_id: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        shown, fingerprints = _split(fields)
        with self._transaction():
            row = self.get("model", row_id)
            if row is None:
                return None
            row = {**row, **shown, "updatedAt": _now()}
            self._require_provider(row["modelProviderId"])
            kept = {**self.fingerprints(row_id), **fingerprints}
            self._connection.execute(
                "UPDATE model SET document = ?, provider = ?, fingerprints = ? WHERE id = ?",
                (json.dumps(row), row["modelProviderId"], json.dumps(kept), row_id),
            )
            return row

    def delete(self, table: str, row_id: str) -> bool:
        """False when there is no such row; InUse for a provider that has models."""
        with self._transaction():
            if table == "model_provider":
                (count,) = self._connection.execute(
                    "SELECT count(*) FROM model WHERE provider = ?", (row_id,)
                ).fetchone()
                if count:
                    raise InUse(count)
            return self._connection.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,)).rowcount > 0

    def fingerprints(self, model_id: str) -> dict[str, str | None]:
        """SHA-256 of the keys that were sent, for tests of key rotation; null for an emptied one."""
        with self._lock:
            row = self._connection.execute("SELECT fingerprints FROM model WHERE id = ?", (model_id,)).fetchone()
        return json.loads(row[0]) if row else {}

    def _all(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with self._lock:
            return [json.loads(document) for (document,) in self._connection.execute(statement, values)]

    def _insert(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._lock:
            try:
                self._connection.execute(statement, values)
            except sqlite3.IntegrityError as error:
                raise Duplicate from error

    def _require_provider(self, provider_id: str) -> None:
        if self.get("model_provider", provider_id) is None:
            raise UnknownProvider(provider_id)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _split(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str | None]]:
    """What a row shows, and fingerprints of what it never shows."""
    shown = {name: value for name, value in fields.items() if name not in SECRET_FIELDS}
    hidden = {
        name: value and hashlib.sha256(value.encode()).hexdigest()
        for name, value in fields.items()
        if name in SECRET_FIELDS
    }
    return shown, hidden


def _new_row(fields: Mapping[str, Any]) -> dict[str, Any]:
    now = _now()
    return {"id": str(uuid.uuid4()), **fields, "createdAt": now, "updatedAt": now}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

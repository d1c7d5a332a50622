"""Kubernetes: the few reads and writes that gate and secrets need, on plain dictionaries in the API's own spelling.

The `kubernetes` package is imported on first use (it takes about a second), so programs that only declare resources
do not pay for it.
"""

from __future__ import annotations

import importlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from kindo_models.registration.clients.redaction import readable
from kindo_models.registration.errors import (
    Conflict,
    NotFound,
    Refused,
    RegistrationError,
    Rejected,
    Unreachable,
)

SETTING = (
    "The cluster comes from KUBECONFIG (environment) or kubernetes:kubeconfig, and cluster.context of the stack's "
    "environment or kubernetes:context"
)
REQUEST_SECONDS = (5.0, 30.0)
ATTEMPTS = 5
T = TypeVar("T")
Document = dict[str, Any]


class _TryAgain(Exception):
    pass


@dataclass
class Cluster:
    """One cluster. `kubeconfig` is a path, several joined by `:`, or the document itself; None takes KUBECONFIG, then
    ~/.kube/config, then the pod's own service account."""

    kubeconfig: str | None = field(default=None, repr=False)
    context: str | None = None
    pause_seconds: float = 0.3
    _client: Any = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    # --- secrets

    def secret(self, namespace: str, name: str) -> Document | None:
        return self._get(lambda core: core.read_namespaced_secret(name, namespace, _request_timeout=REQUEST_SECONDS))

    def create_secret(self, namespace: str, body: Document) -> Document:
        """Raises Conflict when it exists."""
        return self._call(lambda core: core.create_namespaced_secret(namespace, body, _request_timeout=REQUEST_SECONDS))

    def patch_secret(self, namespace: str, name: str, body: Document) -> Document:
        """Merge patch; with `metadata.resourceVersion` in it, Conflict when somebody was faster."""
        return self._call(
            lambda core: core.patch_namespaced_secret(
                name, namespace, body, _content_type="application/merge-patch+json", _request_timeout=REQUEST_SECONDS
            )
        )

    def delete_secret(self, namespace: str, name: str, uid: str) -> None:
        """Only the object with this uid; gone or replaced by another is fine."""
        body = {"preconditions": {"uid": uid}}
        try:
            self._call(
                lambda core: core.delete_namespaced_secret(name, namespace, body=body, _request_timeout=REQUEST_SECONDS)
            )
        except (NotFound, Conflict):
            pass

    # --- jobs and pods

    def job(self, namespace: str, name: str) -> Document | None:
        return self._get(
            lambda core: self._batch().read_namespaced_job(name, namespace, _request_timeout=REQUEST_SECONDS)
        )

    def jobs(self, namespace: str, selector: str) -> list[Document]:
        found = self._call(
            lambda core: self._batch().list_namespaced_job(
                namespace, label_selector=selector, _request_timeout=REQUEST_SECONDS
            )
        )
        return list(found.get("items") or [])

    def create_job(self, namespace: str, body: Document) -> Document:
        return self._call(
            lambda core: self._batch().create_namespaced_job(namespace, body, _request_timeout=REQUEST_SECONDS)
        )

    def delete_job(self, namespace: str, name: str, *, seconds: float = 60.0) -> None:
        """Delete it with its pods and wait until its name is free; absent is fine."""
        try:
            self._call(
                lambda core: self._batch().delete_namespaced_job(
                    name, namespace, propagation_policy="Background", _request_timeout=REQUEST_SECONDS
                )
            )
        except NotFound:
            return
        ends = time.monotonic() + seconds
        while self.job(namespace, name) is not None:
            if time.monotonic() > ends:
                raise Unreachable(
                    f"The Job {namespace}/{name} is being deleted, but is still there after {seconds:.0f} s."
                )
            time.sleep(self.pause_seconds)

    def deployment(self, namespace: str, name: str) -> Document | None:
        return self._get(
            lambda core: self._apps().read_namespaced_deployment(name, namespace, _request_timeout=REQUEST_SECONDS)
        )

    def pods(self, namespace: str, selector: str) -> list[Document]:
        found = self._call(
            lambda core: core.list_namespaced_pod(namespace, label_selector=selector, _request_timeout=REQUEST_SECONDS)
        )
        return list(found.get("items") or [])

    def wait_for_pod_change(self, namespace: str, selector: str, seconds: float) -> Iterator[None]:
        """Yields at each change of such a pod, ends after `seconds`. A broken watch ends early: the caller looks
        anyway.
        """
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        watch, core = _module("kubernetes.watch"), self._core()
        try:
            for _ in watch.Watch().stream(
                core.list_namespaced_pod,
                namespace,
                label_selector=selector,
                timeout_seconds=max(int(seconds), 1),
                _request_timeout=(REQUEST_SECONDS[0], seconds + 5.0),
            ):
                yield None
        except (HTTPError, ApiException, OSError):
            time.sleep(min(seconds, 1.0))

    def events(self, namespace: str, uid: str) -> list[Document]:
        """Events about one object, oldest first. They only explain, so that no permission for them is needed."""
        try:
            found = self._call(
                lambda core: core.list_namespaced_event(
                    namespace, field_selector=f"involvedObject.uid={uid}", _request_timeout=REQUEST_SECONDS
                )
            )
        except Refused:
            return []
        return sorted(found.get("items") or [], key=lambda event: str(event.get("lastTimestamp") or ""))

    # --- plumbing

    def _core(self) -> Any:
        return _module("kubernetes.client").CoreV1Api(self._api())

    def _apps(self) -> Any:
        return _module("kubernetes.client").AppsV1Api(self._api())

    def _batch(self) -> Any:
        return _module("kubernetes.client").BatchV1Api(self._api())

    def _api(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        from kubernetes.config.config_exception import ConfigException

        client, config = _module("kubernetes.client"), _module("kubernetes.config")
        given = self.kubeconfig or os.environ.get("KUBECONFIG")
        try:
            if (given and "\n" in given) or (given or "").lstrip().startswith("{"):
                import yaml

                api = config.new_client_from_config_dict(yaml.safe_load(str(given)), context=self.context)
            elif not given and "KUBERNETES_SERVICE_HOST" in os.environ and not os.path.exists(_default_path()):
                config.load_incluster_config()
                api = client.ApiClient()
            else:
                api = config.new_client_from_config(given or _default_path(), context=self.context)
        except (ConfigException, OSError, ValueError) as error:
            raise RegistrationError(f"No Kubernetes cluster to talk to: {readable(str(error))}. {SETTING}.") from None
        # Retries are ours: bounded, with a pause, and not for what is final.
        api.configuration.retries = False
        api.rest_client.pool_manager.connection_pool_kw["retries"] = False
        return api

    def _get(self, call: Callable[[Any], Any]) -> Document | None:
        try:
            return self._call(call)
        except NotFound:
            return None

    def _call(self, call: Callable[[Any], Any]) -> Document:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        core = self._core()
        host = core.api_client.configuration.host

        def attempt() -> Any:
            try:
                return call(core)
            except ApiException as error:
                if error.status in (429, 500, 502, 503, 504):
                    raise _TryAgain(f"{error.status} {_status_message(error)}") from None
                raise _error(host, error) from None
            except (HTTPError, OSError) as error:
                raise _TryAgain(readable(str(error))) from None

        retrying = Retrying(
            retry=retry_if_exception_type(_TryAgain),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=self.pause_seconds, max=5.0),
            reraise=True,
        )
        try:
            answer = retrying(attempt)
        except _TryAgain as error:
            raise Unreachable(f"The Kubernetes API at {host} does not answer: {error}. {SETTING}.") from None
        document = core.api_client.sanitize_for_serialization(answer)
        return document if isinstance(document, dict) else {}


def _module(name: str) -> Any:
    """Imported on use; its functions carry no types."""
    return importlib.import_module(name)


def _default_path() -> str:
    return os.path.expanduser("~/.kube/config")


def _status_message(error: Any) -> str:
    try:
        return readable(str(json.loads(error.body)["message"]))
    except (TypeError, ValueError, KeyError):
        return readable(str(error.reason or error.body or ""))


def _error(host: str, error: Any) -> RegistrationError:
    said = _status_message(error)
    if error.status in (401, 403):
        return Refused(f"The Kubernetes API at {host} refused this ({error.status}): {said}. {SETTING}.")
    kind: type[RegistrationError] = {404: NotFound, 409: Conflict}.get(error.status, Rejected)
    return kind(f"The Kubernetes API at {host} answered {error.status}: {said}.")

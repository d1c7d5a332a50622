"""The set-up's step framework: skipped when done, never half-built, in order, one run at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from tests.support.soak import soak_cases
from tools.paths import REPOSITORY, bin_dir, cache_dir
from tools.setup.runner import KEPT_VERSIONS, carry_out
from tools.setup.step import Lane, SetUpFailed, Step, Steps, Task, digest_of, fingerprint

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINDO_MODELS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Made:
    """Counts what steps do."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def step(
        self, name: str, *needs: str, pins: Sequence[str] = (), lane: Lane = Lane.BUILD, fails: str | None = None
    ) -> Step:
        def make(task: Task) -> None:
            self.names.append(name)
            (task.scratch / "in-between").write_text("x")
            (task.target / "bin").mkdir(parents=True)
            program = task.target / "bin" / name
            program.write_text("".join(sorted(place.name for place in task.places.values())) + "".join(pins))
            program.chmod(0o755)
            if fails:
                raise SetUpFailed(fails)

        return Step(name, name, 1, make, tuple(pins), needs, lane, outputs=(f"bin/{name}",))


def run(steps: Sequence[Step], only: Sequence[str] | None = None) -> Steps:
    catalog = Steps(steps)
    carry_out(catalog, catalog.selected(only))
    return catalog


def test_a_done_step_is_not_done_again(capsys: pytest.CaptureFixture[str]) -> None:
    made = Made()
    run([made.step("a"), made.step("b", "a")])
    assert made.names == ["a", "b"]
    capsys.readouterr()
    run([made.step("a"), made.step("b", "a")])
    assert made.names == ["a", "b"]
    assert capsys.readouterr().err == "", "nothing to do, nothing to say"


def test_a_changed_pin_redoes_the_step_and_what_needs_it() -> None:
    made = Made()
    run([made.step("a"), made.step("b", "a"), made.step("c")])
    made.names.clear()
    run([made.step("a", pins=["1.2.4"]), made.step("b", "a"), made.step("c")])
    assert sorted(made.names) == ["a", "b"]


def test_a_lost_output_is_made_again() -> None:
    made = Made()
    catalog = run([made.step("a")])
    (catalog.place("a") / "bin" / "a").unlink()
    run([made.step("a")])
    assert made.names == ["a", "a"]


def test_binaries_are_linked_as_files_beside_each_other() -> None:
    catalog = run([Made().step("a")])
    assert (bin_dir() / "a").samefile(catalog.place("a") / "bin" / "a")
    assert not (bin_dir() / "a").is_symlink(), "pulumi would look for its plugins beside the link's target"


def test_a_clone_with_older_pins_gets_its_binaries_back_without_a_build() -> None:
    made = Made()
    run([made.step("a", pins=["old"])])
    run([made.step("a", pins=["new"])])
    assert (bin_dir() / "a").read_text() == "new"
    run([made.step("a", pins=["old"])])
    assert (bin_dir() / "a").read_text() == "old"
    assert made.names == ["a", "a"]


def test_only_a_few_versions_are_kept() -> None:
    made = Made()
    for version in range(5):
        last = run([made.step("a", pins=[str(version)])])
    assert len(list((cache_dir() / "builds").glob("a-*"))) == KEPT_VERSIONS
    assert last.is_done("a")


def test_a_failed_step_leaves_nothing_that_counts_as_done() -> None:
    made = Made()
    with pytest.raises(SetUpFailed, match=r"step b .*no such header"):
        run([made.step("a"), made.step("b", "a", fails="no such header"), made.step("c", "b")])
    catalog = Steps([made.step("a"), made.step("b", "a"), made.step("c", "b")])
    assert [catalog.is_done(name) for name in "abc"] == [True, False, False]
    assert not (bin_dir() / "b").exists()
    made.names.clear()
    run([made.step("a"), made.step("b", "a"), made.step("c", "b")])
    assert made.names == ["b", "c"], "goes on where it failed"
    assert not list(cache_dir().rglob("*.partial"))
    assert not list((cache_dir() / "work").iterdir())


def test_a_step_without_its_outputs_is_a_failure() -> None:
    step = Step("a", "a", 1, lambda task: task.target.mkdir(), outputs=("bin/a",))
    with pytest.raises(SetUpFailed, match="ended without its outputs"):
        run([step])


def test_lanes_run_side_by_side_and_wait_for_what_they_need() -> None:
    order: list[str] = []

    def slow(name: str, seconds: float) -> Callable[[Task], None]:
        def make(task: Task) -> None:
            order.append(f"{name} begins")
            time.sleep(seconds)
            task.target.mkdir()
            order.append(f"{name} ends")

        return make

    run(
        [
            Step("fetch", "fetch", 1, slow("fetch", 0.6), lane=Lane.FETCH),
            Step("needs-fetch", "needs-fetch", 1, slow("needs-fetch", 0), needs=("fetch",)),
            Step("build", "build", 1, slow("build", 0.1)),
        ]
    )
    assert order.index("build ends") < order.index("fetch ends") < order.index("needs-fetch begins")


def test_only_takes_what_is_needed_and_names_unknown_steps() -> None:
    made = Made()
    steps = [made.step("a"), made.step("b"), made.step("c", "a")]
    run(steps, only=["c"])
    assert made.names == ["a", "c"]
    with pytest.raises(SetUpFailed, match=r"no set-up step 'd'; steps are: a, b, c"):
        run(steps, only=["d"])


def test_a_step_must_come_after_what_it_needs() -> None:
    made = Made()
    with pytest.raises(ValueError, match="must come before"):
        Steps([made.step("b", "a"), made.step("a")])


def test_progress_says_what_how_far_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    made = Made()
    run([made.step("a")])
    capsys.readouterr()
    run([made.step("a"), made.step("b", "a"), made.step("c", "b")])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"Setting up {cache_dir()}: 3 steps, 1 of them done already; usually 2 s")
    assert lines[1] == "[2/3] b … (usually 1 s)"
    assert lines[2] == "[2/3] b: done in 0 s; 1 step left, usually 1 s"
    assert lines[4] == "[3/3] c: done in 0 s; that was the last step"


CHILD = """
import sys, time
from tools.setup.runner import carry_out
from tools.setup.step import SetUpFailed, Step, Steps

def make(task):
    task.shell.run(["sh", "-c", f"echo working; exec sleep {sys.argv[1]}"])
    task.target.mkdir()
    (task.target / "made-by").write_text(sys.argv[2])

steps = Steps([Step("a", "a", 1, make)])
try:
    carry_out(steps, steps.selected(None))
except SetUpFailed as failure:
    sys.exit(str(failure))
"""


def child(seconds: float, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(seconds), name],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


def wait_for(path: Path, text: str) -> None:
    deadline = time.monotonic() + 10
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < deadline, f"{path} never said {text!r}"
        time.sleep(0.02)


def test_two_runs_take_turns_and_the_second_says_for_whom_it_waits(cache: Path) -> None:
    first = child(1.0, "first")
    wait_for(cache / "logs" / "a.log", "\nworking")
    second = child(0, "second")
    said_by_first, said_by_second = (one.communicate(timeout=30)[1] for one in (first, second))
    assert (first.returncode, second.returncode) == (0, 0), said_by_first + said_by_second
    assert f"(process {first.pid}, since " in said_by_second
    assert "at step: a)" in said_by_second
    assert [path.read_text() for path in cache.rglob("made-by")] == ["first"], "the second found it done"


def test_a_run_that_is_killed_takes_its_commands_along(cache: Path) -> None:
    seconds = 60 + os.getpid() / 10_000_000  # found again among all processes of the machine
    killed = child(seconds, "killed")
    wait_for(cache / "logs" / "a.log", "\nworking")
    killed.kill()
    killed.wait(timeout=10)
    deadline = time.monotonic() + 10
    while subprocess.run(["pgrep", "-f", f"sleep {seconds}"], capture_output=True).returncode == 0:
        assert time.monotonic() < deadline, "the command goes on without its set-up"
        time.sleep(0.05)
    left_behind = cache / "builds" / "older-0123456789ab.partial"
    left_behind.mkdir()
    again = child(0, "again")
    assert again.communicate(timeout=20)
    assert [path.read_text() for path in cache.rglob("made-by")] == ["again"]
    assert not left_behind.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_stops_its_commands_and_can_be_repeated(cache: Path, number: signal.Signals) -> None:
    interrupted = child(60, "interrupted")
    wait_for(cache / "logs" / "a.log", "\nworking")
    interrupted.send_signal(number)
    said = interrupted.communicate(timeout=20)[1]
    assert interrupted.returncode == 1
    assert said.strip().endswith("Run the same command again: it goes on from here.")
    assert "Traceback" not in said
    again = child(0, "again")
    assert again.communicate(timeout=20)
    assert [path.read_text() for path in cache.rglob("made-by")] == ["again"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", soak_cases(full=50, sample=2))
def test_a_set_up_killed_at_any_moment_is_finished_by_the_next_one(cache: Path, seed: int) -> None:
    killed = child(0.2, "killed")
    time.sleep(Random(seed).uniform(0.1, 1.5))
    killed.kill()
    killed.wait(timeout=10)
    again = child(0, "again")
    said = again.communicate(timeout=20)[1]
    assert again.returncode == 0, said
    assert [path.read_text() for path in cache.rglob("made-by")] in (["again"], ["killed"])
    assert not list(cache.rglob("*.partial"))


def test_fingerprints_keep_parts_apart() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint("ab", "c") == fingerprint("ab", "c")


def test_the_digest_of_a_folder_sees_names_content_and_execution(tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "main.go").write_text("package main")
    first = digest_of(folder)
    (folder / "main_test.go").write_text("package main")
    assert digest_of(folder, without=["*_test.go"]) == first
    assert digest_of(folder) != first
    (folder / "main_test.go").unlink()
    assert digest_of(folder) == first
    (folder / "main.go").chmod(0o755)
    assert digest_of(folder) != first

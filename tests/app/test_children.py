"""Children are watched: how they are is known, who fails is started again, and all end with their parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.program import ROOT

from ringfence.app.daemons import children
from ringfence.app.daemons.captures import Captures
from ringfence.app.daemons.children import Child

Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(children, "_FIRST_WAIT", 0.05)
    made: list[Child] = []
    told: list[str] = []

    def begin(code: str, *lines: str) -> Child:
        environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        child = Child("helper", "tests.app.child_program", [str(tmp_path), code, *lines], told.append, environment)
        made.append(child)
        child.start()
        return child

    yield begin
    for child in made:
        child.stop()


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def said(state: str, code: str | None = None, text: str | None = None) -> str:
    return json.dumps({"state": state, "code": code, "text": text})


def test_what_it_says_is_its_state(start: Start) -> None:
    child = start("stay", said("reading"), "no JSON", "[]", '{"nothing": 1}', said("waiting", "disk-full", "no room"))
    until(lambda: child.state.state == "waiting")
    assert (child.state.code, child.state.text, child.state.running) == ("disk-full", "no room", True)
    assert not child.state.well
    assert (child.state.starts, child.state.failures) == (1, 0)


def test_a_line_without_end_is_bounded(start: Start) -> None:
    child = start("stay", "x" * 100_000, said("y" * 1_000, None, "z" * 1_000), said("reading"))
    until(lambda: child.state.state == "reading")
    assert child.state.well


def test_one_that_fails_is_started_again_and_says_why(start: Start, tmp_path: Path) -> None:
    child = start("3", said("failed", "lake-busy", "somebody else has it"))
    until(lambda: child.state.failures >= 3)
    assert child.state.starts >= 3
    assert child.state.failed_at is not None
    until(lambda: child.state.state == "starting again")
    assert child.state.text == "somebody else has it"
    assert not child.state.well
    assert len(list(tmp_path.glob("pid-*"))) >= 3


def test_one_that_is_killed_is_told_by_its_signal(start: Start, tmp_path: Path) -> None:
    child = start("stay", said("reading"))
    until(lambda: child.state.state == "reading")
    (path,) = tmp_path.glob("pid-*")
    os.kill(int(path.name.partition("-")[2]), signal.SIGKILL)
    until(lambda: child.state.failures == 1)
    until(lambda: child.state.state == "reading" and child.state.starts == 2)


def test_one_that_ended_well_has_done_its_work(start: Start) -> None:
    child = start("0", said("reading"))
    until(lambda: child.state.state == "ended")
    assert child.state.well
    assert (child.state.running, child.state.starts, child.state.failures) == (False, 1, 0)


def test_one_that_can_not_be_started_is_tried_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tries = subprocess.Popen, []

    def short(*words: object, **named: object) -> object:
        tries.append(words)
        if len(tries) < 3:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real(*words, **named)  # type: ignore[call-overload]  # As it was called.

    monkeypatch.setattr("ringfence.app.daemons.children.subprocess.Popen", short)
    child = start("stay", said("reading"))
    until(lambda: child.state.state == "reading")
    assert (child.state.starts, child.state.failures) == (1, 2)


def test_it_ends_when_it_is_stopped(start: Start, tmp_path: Path) -> None:
    child = start("stay", said("reading"))
    until(lambda: child.state.state == "reading")
    child.stop()
    assert (tmp_path / "ended well").exists()
    assert child.state.state == "ended"


def test_what_a_terminal_sends_does_not_reach_it(start: Start, tmp_path: Path) -> None:
    child = start("stay", said("reading"))
    until(lambda: child.state.state == "reading")
    (path,) = tmp_path.glob("pid-*")
    assert os.getpgid(int(path.name.partition("-")[2])) != os.getpgid(0)


def test_nobody_hears_is_no_error() -> None:
    program = "from ringfence.app.daemons.children import say\nsay('reading')\nsay('reading')\nimport os\nos._exit(7)"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (7, b"")


# --- captures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pipes(tmp_path: Path) -> Iterator[tuple[Captures, int, int]]:
    """Two captures by named pipe, and the writing ends of both."""
    ends = []
    for name in ("eth1", "eth2"):
        os.mkfifo(tmp_path / f"{name}.pcapng")
        # Open for reading as well, or opening would wait for the reader.
        ends.append(os.open(tmp_path / f"{name}.pcapng", os.O_RDWR))
    captures = Captures(["eth1", "eth2"], tmp_path)
    writing = []
    for name, end in zip(("eth1", "eth2"), ends, strict=True):
        writing.append(os.open(tmp_path / f"{name}.pcapng", os.O_WRONLY))
        os.close(end)
    yield captures, writing[0], writing[1]
    for pipe in captures.pipes:
        os.close(pipe)


def test_captures_have_begun_when_each_has_written(pipes: tuple[Captures, int, int]) -> None:
    captures, one, other = pipes
    os.write(one, b"head")
    os.write(other, b"head")
    assert captures.begun() is None
    os.close(one)
    os.close(other)


def test_a_capture_that_ends_before_it_begins_is_named(pipes: tuple[Captures, int, int]) -> None:
    captures, one, other = pipes
    os.write(one, b"head")
    os.close(other)
    assert captures.begun() == "eth2"
    os.close(one)


def test_where_one_capture_ends_all_end_once_what_it_wrote_was_read(pipes: tuple[Captures, int, int]) -> None:
    captures, one, other = pipes
    ended: list[float] = []
    os.write(other, b"the rest")
    captures.watch(lambda: ended.append(time.monotonic()))
    assert captures.dead is None
    os.close(other)
    until(lambda: captures.dead == "eth2")
    assert ended == [], "there is something left to read"
    assert os.read(captures.pipes[1], 100) == b"the rest"
    until(lambda: len(ended) == 1)
    os.close(one)

"""Child processes that live and die with their parent, and that say how they are.

Rule 1: a child's standard input is a pipe whose other end the parent holds: when the parent goes, however it goes, the
child reads the end of it and stops.
Rule 2: a child that fails, or that can't be started, is started again after a wait that doubles up to a bound; one that
ends well has done its work.
Rule 3: what a child prints is its state: lines of JSON (``say``). The parent keeps the last one, for those who ask.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

__all__ = ["Child", "ChildState", "say", "until_parent_goes"]

_FIRST_WAIT = 0.5  # seconds
_LONGEST_WAIT = 30.0
_STEADY = 60.0  # seconds after which a failure counts as the first again
_PATIENCE = 20.0  # seconds that a child has for its last batch
_LONGEST_LINE = 8_192  # bytes of what a child says at once
_LONGEST_TEXT = 500  # letters, at most 12 bytes each as JSON


@dataclass(frozen=True, slots=True)
class ChildState:
    """How a child is. ``state`` is a word of its own while it runs, else ``starting again`` or ``ended``.

    ``code`` and ``text`` say what it waits for, or why it went the last time. ``failed_at`` is in ns since 1970, UTC,
    and None where it never failed.
    """

    name: str
    running: bool
    state: str
    starts: int
    failures: int
    code: str | None = None
    text: str | None = None
    failed_at: int | None = None

    @property
    def well(self) -> bool:
        """True where it runs and waits for nothing, or has done its work."""
        return self.state == "ended" or (self.running and self.code is None)


class Child:
    """One watched process.

    Args:
        name: how it is called, such as ``sensor``.
        module: the module to run with ``python -m``.
        arguments: its arguments.
        tell: takes one sentence for the log.
        environment: what it is told besides; other users of the machine can read arguments, but not this.
        clock: ns since 1970, UTC.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        tell: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self._tell = tell
        self._environment = {**os.environ, **(environment or {})}
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._state = ChildState(name, False, "starting", 0, 0)
        self._thread = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)

    @property
    def state(self) -> ChildState:
        """How it is now."""
        return self._state

    def start(self) -> None:
        """Start it and watch it."""
        self._thread.start()

    def stop(self) -> None:
        """Let it finish what it has; end it where it takes too long."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        self._thread.join(_PATIENCE)
        if process is not None and process.poll() is None:
            self._tell(f"the {self.name} did not stop in {_PATIENCE:.0f} s and was ended")
            process.kill()
            self._thread.join(_PATIENCE)

    def _watch(self) -> None:
        wait = _FIRST_WAIT
        while True:
            begun = time.monotonic()
            how = self._run()
            if how is None:
                self._change(running=False, state="ended", code=None, text=None)
                return
            wait = _FIRST_WAIT if time.monotonic() - begun > _STEADY else wait
            failures, text = self._state.failures + 1, self._state.text if self._state.state == "failed" else None
            self._change(
                running=False,
                state="starting again",
                failures=failures,
                failed_at=self._clock(),
                code=self._state.code if text else None,
                text=text or how,
            )
            self._tell(f"the {self.name} failed: {text or how}; it is started again in {wait:.1f} s")
            self._stopping.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _run(self) -> str | None:
        """Run it once; answers how it failed, None where there is nothing more to do."""
        with self._lock:
            if self._stopping.is_set():
                return None
            try:
                # A process group of its own: what a terminal sends with Ctrl-C is for the parent, which ends its child.
                process = self._process = subprocess.Popen(  # noqa: S603 Our own module.
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=self._environment,
                    process_group=0,
                )
            except OSError as error:  # No process or no memory is to be had now.
                return f"it could not be started ({error.strerror})"
        self._change(running=True, state="starting", starts=self._state.starts + 1, code=None, text=None)
        if process.stdout is not None:
            self._listen(process.stdout)
        code = process.wait()
        if code == 0 or self._stopping.is_set():
            return None
        return f"it was ended by signal {-code}" if code < 0 else f"it left with {code}"

    def _listen(self, said: IO[bytes]) -> None:
        """Take what it says until it ends. A line that is none of ours is passed over."""
        with said:
            while line := said.readline(_LONGEST_LINE):
                with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
                    told = json.loads(line)
                    code, text = told.get("code"), told.get("text")
                    self._change(
                        state=str(told["state"])[:40],
                        code=None if code is None else str(code)[:80],
                        text=None if text is None else str(text)[:_LONGEST_TEXT],
                    )

    def _change(self, **values: Any) -> None:
        self._state = replace(self._state, **values)


def say(state: str, code: str | None = None, text: str | None = None) -> None:
    """Tell the parent how this process is; nobody hears it where there is no parent any more."""
    line = json.dumps({"state": state, "code": code, "text": text and text[:_LONGEST_TEXT]})
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def until_parent_goes(stop: Callable[[], None]) -> None:
    """Call ``stop`` once standard input ends, from a thread of its own."""

    def watch() -> None:
        # Not through ``sys.stdin``: its lock, held by a thread that waits, would abort the interpreter's end.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()

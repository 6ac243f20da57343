"""``ringfence up`` as a process of its own, and somebody who visits it over real HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.program import SETTING

PASSWORD = "correct horse battery staple"  # noqa: S105 Of a person who exists in this test only.


@dataclass
class Running:
    """A server that is up."""

    process: subprocess.Popen[str]
    url: str
    link: str | None
    lines: list[str]
    jar: CookieJar = field(default_factory=CookieJar)

    @property
    def opener(self) -> urllib.request.OpenerDirector:
        return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def enter(self) -> None:
        """Use the one-time link as the first administrator does."""
        assert self.link is not None
        form = {"link": self.link.rpartition("#")[2], "name": "ada", "display": "Ada", "password": PASSWORD}
        request = urllib.request.Request(f"{self.url}/welcome", urlencode(form).encode(), {"Origin": self.url})
        with self.opener.open(request) as answer:
            assert answer.status == 200
        assert len(self.jar)

    def get(self, path: str) -> Any:
        with self.opener.open(f"{self.url}{path}") as answer:
            return json.load(answer)

    def every(self, path: str) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            more = f"&cursor={cursor}" if cursor else ""
            page = self.get(f"{path}?limit=100{more}")
            rows += page[path.rpartition("/")[2]]
            cursor = page["next"]
            if not cursor:
                return rows

    def until(self, what: str, check: Any, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, f"{what} within {seconds} s; it said: {self.told()}"
            assert self.process.poll() is None, f"it left with {self.process.returncode}: {''.join(self.lines[-20:])}"
            time.sleep(0.2)

    def told(self) -> str:
        """What it said last, beside requests."""
        return "".join(line for line in self.lines if '"source": "ringfence.request"' not in line)[-5_000:]

    def children(self) -> list[int]:
        """Process ids of its children."""
        path = Path(f"/proc/{self.process.pid}/task")
        found = [(each / "children").read_text().split() for each in path.iterdir()]
        return sorted({int(pid) for pids in found for pid in pids})


@contextmanager
def up(folder: Path, *words: str | Path, within: Sequence[str] = ()) -> Iterator[Running]:
    """Run ``ringfence up`` on a free loopback port with its data in ``folder``, started under ``within``."""
    command = [
        *within,
        sys.executable,
        "-m",
        "ringfence.app.cli",
        "up",
        "--data",
        str(folder),
        "--listen",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(
        [*command, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **SETTING, "PYTHONUNBUFFERED": "1"},
    )
    lines: list[str] = []
    running = Running(process, "", None, lines)
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True)  # type: ignore[union-attr] # A pipe.
    reader.start()
    try:
        running.until("an address", lambda: any(line.startswith("Ringfence is at") for line in lines))
        running.url = next(m[1] for m in (re.match(r"Ringfence is at (\S+)", line) for line in lines) if m)
        time.sleep(0.3)
        links = [m[0] for m in (re.search(r"https?://\S+#\S+", line) for line in list(lines)) if m]
        running.link = links[0] if links else None
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        reader.join(timeout=5)

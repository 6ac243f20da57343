"""What tshark says of a capture: one process per capture for all fields; its output is kept outside the checkout."""

from __future__ import annotations

import csv
import os
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from hashlib import sha256
from pathlib import Path

#: Neither occurs in what tshark prints: it escapes control characters in values.
SEPARATOR, AGGREGATOR = "\x1f", "\x1e"
_WORDS = ("and", "or", "not")
_ALWAYS = ("frame.number", "frame.protocols", "frame.len", "frame.cap_len")


@dataclass(frozen=True)
class Wanted:
    """One row of ``fields.tsv``."""

    protocol: str
    display_filter: str
    field: str

    def passes(self, present: set[str]) -> bool:
        """Tell whether a frame with these protocols passes the filter; it has ``and``, ``or`` and ``not`` only."""

        def holds(term: str) -> bool:
            name = term.removeprefix("not ").strip()
            return (name in present) != term.startswith("not ")

        alternatives = self.display_filter.split(" or ")
        return any(all(holds(term.strip()) for term in part.split(" and ")) for part in alternatives)


def wanted(path: Path) -> list[Wanted]:
    """Read ``fields.tsv``."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [Wanted(row["protocol"], row["tshark_display_filter"], row["tshark_field"]) for row in rows]


@cache
def version() -> str:
    """Return the first line of ``tshark --version``."""
    done = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


@dataclass
class Said:
    """What tshark says of one capture."""

    values: dict[Wanted, list[tuple[int, str]]]
    layers: dict[int, str]  # by frame: eth:ethertype:ip:udp:dns, with :snapped where the capture cut it


@dataclass(frozen=True)
class Query:
    """The fields asked of every capture, and how they are asked."""

    rows: tuple[Wanted, ...]
    ports: tuple[tuple[str, str], ...] = ()  # a glob over captures, and what goes in with -d

    @property
    def protocols(self) -> list[str]:
        """The protocols that the filters name, each a column of its own."""
        return sorted({word for row in self.rows for word in row.display_filter.split()} - {*_WORDS})

    @property
    def fields(self) -> list[str]:
        """Every field once; protocols share some."""
        return list(dict.fromkeys(row.field for row in self.rows))

    def command(self, capture: Path) -> list[str]:
        """Return the command."""
        columns = [*_ALWAYS, *self.protocols, *self.fields]
        told = [port for pattern, port in self.ports if fnmatchcase(capture.as_posix(), f"*/captures/{pattern}")]
        return [
            *("tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "occurrence=a"),
            *("-E", f"separator={SEPARATOR}", "-E", f"aggregator={AGGREGATOR}"),
            *(part for port in told for part in ("-d", port)),
            *(part for column in columns for part in ("-e", column)),
        ]

    def ask(self, capture: Path) -> Said | None:
        """Return every non-empty value of every row; None where tshark can't read the file."""
        output = self._output(capture)
        if output is None:
            return None
        said = Said({row: [] for row in self.rows}, {})
        protocols, fields = self.protocols, self.fields
        for line in output.split("\n"):
            cells = line.split(SEPARATOR)
            if len(cells) != len(_ALWAYS) + len(protocols) + len(fields):
                continue
            number, layers, length, captured = cells[: len(_ALWAYS)]
            frame, cells = int(number), cells[len(_ALWAYS) :]
            said.layers[frame] = layers + (":snapped" if length != captured else "")
            present = {name for name, cell in zip(protocols, cells, strict=False) if cell}
            by_field = dict(zip(fields, cells[len(protocols) :], strict=True))
            for row in self.rows:
                if by_field[row.field] and row.passes(present):
                    texts = by_field[row.field].split(AGGREGATOR)
                    said.values[row].extend((frame, text) for text in texts if text)
        return said

    def _output(self, capture: Path) -> str | None:
        """Return what tshark prints, from the cache if it was asked before."""
        command = self.command(capture)
        question = "\0".join([version(), *(part for part in command if part != str(capture))])
        name = sha256(question.encode() + sha256(capture.read_bytes()).digest()).hexdigest()
        kept = _cache_folder() / name[:2] / name
        if kept.is_file():
            raw = zlib.decompress(kept.read_bytes())
        else:
            done = subprocess.run(command, capture_output=True, check=False)
            unreadable = not done.stdout and done.returncode and b"cut short" not in done.stderr
            raw = b"unreadable" if unreadable else done.stdout
            _keep(kept, zlib.compress(raw))
        return None if raw == b"unreadable" else raw.decode("utf-8", "replace")


def _cache_folder() -> Path:
    """Return a folder that outlives this checkout."""
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "ringfence-oracle"


def _keep(path: Path, content: bytes) -> None:
    """Write the whole file or nothing; a folder that can't be written costs time only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError:
        return

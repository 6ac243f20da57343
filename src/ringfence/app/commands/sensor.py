"""``ringfence sensor check``: is this interface a good place to watch from, and what to do where it is not."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from secrets import token_bytes

from ringfence.app.daemons.brief import captured
from ringfence.app.escape import terminal_text
from ringfence.model.errors import RingfenceError
from ringfence.sensor.live import Batch, LiveOptions, LiveRun
from ringfence.sensor.mirror import Gathering, Judgement, MirrorFacts, State, judge

__all__ = ["check"]

_MARKS = {State.GOOD: "ok  ", State.BAD: "BAD ", State.UNKNOWN: "?   "}


def check(arguments: argparse.Namespace) -> int:
    """Watch an interface for some seconds, or read a capture, and judge it; exit 1 where something is bad."""
    if (arguments.interface is None) == (arguments.file is None):
        raise RingfenceError("usage", "sensor check", "name one interface, or one capture with --file")
    facts = _of_file(arguments.file) if arguments.file else _of_interface(arguments.interface, arguments.seconds)
    judgements = judge(facts)
    if arguments.json:
        rows = [{"code": j.code, "state": j.state.value, "text": j.text, "remedy": j.remedy} for j in judgements]
        json.dump({"schema_version": 1, "seconds": facts.seconds, "packets": facts.packets, "checks": rows}, sys.stdout)
        sys.stdout.write("\n")
    else:
        for judgement in judgements:
            sys.stdout.write(_lines(judgement))
    return 1 if any(judgement.state is State.BAD for judgement in judgements) else 0


def _lines(judgement: Judgement) -> str:
    line = f"{_MARKS[judgement.state]}  {judgement.code:<11} {terminal_text(judgement.text)}\n"
    if judgement.remedy:
        line += f"                  what to do: {terminal_text(judgement.remedy)}\n"
    return line


def _of_file(path: str) -> MirrorFacts:
    gathering, last = _gather(Gathering(None), Path(path))
    first, end = last.summary["first"], last.summary["last"]
    seconds = (end - first) / 1e9 if first is not None and end is not None else 0.0
    return gathering.facts(dict(last.summary), seconds, None)


def _of_interface(interface: str, seconds: float) -> MirrorFacts:
    folder = Path("/sys/class/net") / interface
    if "/" in interface or interface in ("", ".", "..") or not folder.exists():
        raise RingfenceError("interface-not-found", interface, "there is no such interface")
    own = (folder / "address").read_text(encoding="ascii").strip()
    sent_before = _sent(folder)
    gathering, last = captured(interface, seconds, lambda pipe: _gather(Gathering(own), pipe))
    return gathering.facts(dict(last.summary), seconds, max(_sent(folder) - sent_before, 0))


def _sent(folder: Path) -> int:
    return int((folder / "statistics" / "tx_packets").read_text(encoding="ascii"))


def _gather(gathering: Gathering, source: Path | int) -> tuple[Gathering, Batch]:
    seen: list[Batch] = []

    def take(batch: Batch) -> bool:
        gathering.add(batch.observations, batch.conversations)
        seen[:] = [batch]
        return True

    # Nothing of this read is kept, so that any key seals as well as another.
    LiveRun([source], LiveOptions(site_key=token_bytes(32))).run(take)
    return gathering, seen[0]

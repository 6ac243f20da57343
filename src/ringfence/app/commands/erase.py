"""``ringfence erase DEVICE --why TEXT``: erase all that a server keeps of one device, and say what stays."""

from __future__ import annotations

import argparse
import json
import sys

from ringfence.app.commands.listing import opened
from ringfence.app.escape import terminal_text

__all__ = ["erase"]


def erase(arguments: argparse.Namespace) -> int:
    """Erase it; where four eyes are demanded, the same command works once another person approved it."""
    answered = opened(arguments).erase_device(arguments.device, arguments.why)
    if arguments.json:
        json.dump({"schema_version": 1, **answered}, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return 0
    counts = ", ".join(f"{number:,} {kind}" for kind, number in answered["erased"].items() if isinstance(number, int))
    lines = [f"Erased: {counts}.", f"The audit log knows it as {answered['digest']}.", "What stays:"]
    lines += [f"  - {each['text']}" for each in answered["stays"]]
    sys.stdout.write("\n".join(terminal_text(line, 400) for line in lines) + "\n")
    return 0

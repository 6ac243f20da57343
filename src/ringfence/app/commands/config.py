"""``ringfence config show`` and ``config validate``: which value holds, and where it is from."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ringfence.app.config import load
from ringfence.app.escape import terminal_text

__all__ = ["show", "validate"]


def show(arguments: argparse.Namespace) -> int:
    """Print every key with its value; a secret is only said to be set."""
    rows = list(_loaded(arguments).rows())
    if arguments.json:
        made = {key.path: {"value": value, "origin": origin} for key, value, origin in rows}
        json.dump({"schema_version": 1, "configuration": made}, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return 0
    for key, value, origin in rows:
        line = f"{key.path} = {_shown(value)}"
        if arguments.origin:
            line = f"{line.ljust(48)}  # {origin}"
        sys.stdout.write(terminal_text(line, 400) + "\n")
    return 0


def validate(arguments: argparse.Namespace) -> int:
    """Read the configuration and say that it holds together; an error ends with exit code 2."""
    made = _loaded(arguments)
    chosen = sum(origin != "default" for origin in made.origins.values())
    sys.stdout.write(f"The configuration is valid: {chosen} of {len(made.origins)} keys are set.\n")
    return 0


def _loaded(arguments: argparse.Namespace) -> Any:
    return load(Path(arguments.config) if arguments.config else None)


def _shown(value: Any) -> str:
    if value is None:
        return "(not set)"
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)

"""``ringfence doctor``: does this installation work, and how old is what it knows?"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator

from ringfence import __version__

__all__ = ["doctor"]


def doctor(arguments: argparse.Namespace) -> int:
    """Run the checks; exit 5 where one fails."""
    checks = list(_checks())
    if arguments.json:
        rows = [{"name": name, "ok": ok, "detail": detail} for name, ok, detail in checks]
        json.dump({"schema_version": 1, "ringfence": __version__, "checks": rows}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        for name, ok, detail in checks:
            sys.stdout.write(f"{'ok  ' if ok else 'FAIL'}  {name:<12} {detail}\n")
    return 0 if all(ok for _, ok, _ in checks) else 5


def _checks() -> Iterator[tuple[str, bool, str]]:
    yield "ringfence", True, __version__
    yield "python", sys.version_info >= (3, 11), platform.python_version()
    yield "processors", True, str(os.cpu_count() or 1)
    try:
        from ringfence import _core

        rows = _core.registry()
        yield "core", True, f"{sum(bool(row['carriers']) for row in rows)} protocols"
    except ImportError as error:
        yield "core", False, str(error)
    try:
        from ringfence.app.knowledge import in_use

        knowledge = in_use()
        yield "knowledge", True, f"{knowledge.id} of {knowledge.date}, signature verified"
    except Exception as error:  # noqa: BLE001 Whatever is wrong with the knowledge is this check's answer.
        yield "knowledge", False, str(error)
    sockets = [name for name in sys.modules if name in ("socket", "_socket")]
    yield "listen-only", True, "analyze opens no socket" + (" (the socket module is loaded)" if sockets else "")

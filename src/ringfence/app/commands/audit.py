"""``ringfence audit``: is the log as it was written, what can't be proved, and a checkpoint to keep elsewhere."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from ringfence.app.access import anchors
from ringfence.app.access.access import Access
from ringfence.app.access.sealing import audit_key
from ringfence.app.access.terminal import at_terminal
from ringfence.app.escape import terminal_text
from ringfence.model.errors import RingfenceError
from ringfence.store.audit import Checkpoint
from ringfence.store.audit_check import Verdict, as_line, check, export, read_checkpoints

__all__ = ["checkpoint", "verify"]

_SHOWN = 50  # faults on the terminal; JSON has all
_LARGEST = 64_000_000  # bytes of a file of checkpoints


def verify(arguments: argparse.Namespace) -> int:
    """Check the whole log; exit 3 where something is wrong."""
    outside = [each for path in arguments.checkpoint for each in _read(path)]
    with at_terminal(arguments) as (access, _), access.platform.database.reading() as connection:
        verdict = check(connection, audit_key(access.platform.secret).public_key(), outside)
        if arguments.export:
            _write(arguments.export, export(connection))
    if arguments.json:
        json.dump({"schema_version": 1, **asdict(verdict)}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _say(verdict)
    if verdict.faults:
        raise RingfenceError("audit-broken", "audit log", f"{len(verdict.faults)} faults were found")
    return 0


def checkpoint(arguments: argparse.Namespace) -> int:
    """Sign the end of the log, anchor it, and print the checkpoint."""
    with at_terminal(arguments) as (access, configuration):
        wanted = anchors.Anchors(
            (*configuration.audit.anchor_files, *arguments.file), configuration.audit.anchor_syslogs
        )
        done = anchors.anchor(access.platform, anchors.checked(wanted))
        made = done.checkpoint or _last(access)
    if made is None:
        sys.stderr.write("The audit log is empty: there is nothing to sign.\n")
        return 0
    sys.stdout.write(as_line(made) + "\n")
    if done.checkpoint is None:
        sys.stderr.write("Nothing was written since the last checkpoint, which is shown again.\n")
    for place in done.places:
        sys.stderr.write(terminal_text(f"kept in {place}") + "\n")
    if done.failed:
        raise RingfenceError("output-not-writable", done.failed[0].partition(":")[0], "; ".join(done.failed))
    return 0


def _last(access: Access) -> Checkpoint | None:
    from ringfence.store.audit import checkpoints

    with access.platform.database.reading() as connection:
        found = checkpoints(connection)
    return found[-1] if found else None


def _read(path: str) -> list[Checkpoint]:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise RingfenceError("input-not-found", path, error.strerror or str(error)) from error
    if len(data) > _LARGEST:
        raise RingfenceError("checkpoint-invalid", path, f"it is larger than {_LARGEST:,} bytes")
    return read_checkpoints(data.decode("utf-8", "replace"), path)


def _write(path: str, lines: Iterable[str]) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise RingfenceError("output-not-writable", path, error.strerror or str(error)) from error


def _say(verdict: Verdict) -> None:
    state = "whole" if not verdict.faults else f"broken: {len(verdict.faults)} faults"
    lines = [f"{verdict.entries:,} entries, {verdict.checkpoints:,} checkpoints: {state}"]
    lines += [f"  {fault.number:>8}  {fault.kind:<10} {fault.detail}" for fault in verdict.faults[:_SHOWN]]
    if len(verdict.faults) > _SHOWN:
        lines.append(f"  … and {len(verdict.faults) - _SHOWN} more (--json shows all)")
    lines.append("What this does not prove:")
    lines += [f"  - {sentence}" for sentence in verdict.unproven]
    sys.stdout.write("\n".join(terminal_text(line, 400) for line in lines) + "\n")

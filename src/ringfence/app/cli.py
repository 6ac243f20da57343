"""The ``ringfence`` command: reads its arguments, calls one command, answers its exit code (contract §9).

Rule 1: one document on standard output, everything else on standard error.
Rule 2: exit codes 0 ok, 1 findings at or over ``--fail-on``, 2 usage, 3 input partly unreadable, 4 knowledge stale,
5 internal; where several hold: 2, 5, 3, 4, 1.
Rule 3: starting must be fast, so a command's module is loaded only when it is called.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from ringfence import __version__
from ringfence.model.errors import Fault, RingfenceError

__all__ = ["main", "parser"]

SEVERITIES = ("informational", "low", "medium", "high", "critical")


def parser() -> argparse.ArgumentParser:
    """Return the parser; the generated reference is made from it."""
    top = argparse.ArgumentParser(
        prog="ringfence",
        description="See every connected device, what it really does, and what is risky about it. Sends nothing.",
        epilog="Exit codes: 0 ok · 1 findings at or over --fail-on · 2 usage · 3 input partly unreadable · "
        "4 knowledge stale · 5 internal.",
    )
    top.add_argument("--version", action="version", version=f"ringfence {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _analyze(commands.add_parser("analyze", help="read captures: devices, why, who talks to whom, what is risky"))
    _explain(commands.add_parser("explain", help="show what was understood of one packet"))
    for name, text in (
        ("protocols", "list the protocols understood"),
        ("rules", "list the rules"),
        ("clues", "list the clues that identify devices"),
    ):
        listing = commands.add_parser(name, help=text)
        listing.add_argument("--json", action="store_true", help="as JSON")
        listing.set_defaults(call=("lists", name))
    _bundle(commands.add_parser("bundle", help="check or import a knowledge bundle"))
    for noun, text in (
        ("devices", "list the devices that a server knows"),
        ("findings", "list what a server found risky"),
        ("flows", "list who talks to whom, as a server saw it"),
        ("sensors", "list what sees, how much and how well"),
    ):
        _of_server(commands.add_parser(noun, help=text), noun)
    _erase(commands.add_parser("erase", help="erase all that a server keeps of one device, for good"))
    _sensor(commands.add_parser("sensor", help="check where a sensor watches from"))
    _up(commands.add_parser("up", help="run the platform: sensor, store, API and screens"))
    _people(commands.add_parser("people", help="invite, list and disable people, at this machine's database"))
    _audit(commands.add_parser("audit", help="check, sign and export the audit log"))
    _config(commands.add_parser("config", help="show or check the configuration"))
    _backup(commands.add_parser("backup", help="write, check or restore a backup of an installation"))
    _upgrade(commands.add_parser("upgrade", help="bring an installation's tables to this version; backs them up first"))
    _lake(commands.add_parser("lake", help="flows and transactions for other programs"))
    _support(commands.add_parser("support-bundle", help="write a ZIP for whoever helps; nothing is sent anywhere"))
    doctor = commands.add_parser("doctor", help="check this installation")
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.set_defaults(call=("doctor", "doctor"))
    return top


def _analyze(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "paths", nargs="+", metavar="PATH", help="pcap or pcapng, plain, gzip, zstd or lz4; - for stdin"
    )
    command.add_argument("--json", metavar="FILE", help="write the analysis as JSON (- for standard output)")
    command.add_argument("--html", metavar="FILE", help="write the report as one HTML file")
    command.add_argument("--observations", metavar="FILE", help="write the observations as JSON lines")
    command.add_argument("--flows", metavar="FILE", help="write the flows as Parquet")
    command.add_argument("--transactions", metavar="FILE", help="write the protocol transactions as Parquet")
    command.add_argument(
        "--workers", type=_positive, default=None, metavar="N", help="threads (default: the processors)"
    )
    command.add_argument(
        "--domains",
        choices=("joined", "per-input"),
        default="joined",
        help="per-input: each input is a network of its own, so that equal addresses stay two devices",
    )
    command.add_argument("--fail-on", choices=SEVERITIES, help="exit 1 where a finding is this severe or more")
    command.add_argument("--max-age", type=_positive, metavar="DAYS", help="exit 4 where the knowledge is older")
    command.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary")
    command.set_defaults(call=("analyze", "analyze"))


def _explain(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="the capture")
    command.add_argument("--packet", type=_positive, required=True, metavar="N", help="frame number, from 1")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(call=("explain", "explain"))


def _bundle(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="check signature, digests and age of a bundle")
    verify.set_defaults(call=("bundle", "verify"))
    take = actions.add_parser("import", help="check a bundle and use it from now on")
    take.add_argument("--allow-older", action="store_true", help="take it though newer knowledge is in use")
    take.set_defaults(call=("bundle", "take"))
    for action in (verify, take):
        action.add_argument("file", metavar="FILE")
        action.add_argument("--trust", action="append", default=[], metavar="KEYFILE", help="also trust this key")
        action.add_argument("--json", action="store_true", help="as JSON")


def _of_server(command: argparse.ArgumentParser, noun: str) -> None:
    if noun != "sensors":
        command.add_argument("query", nargs="?", default="", metavar="QUERY", help="such as 'class:plc seen<7d'")
        command.add_argument("--sort", metavar="COLUMN", help="by this column; a minus before it turns the order")
        command.add_argument("--limit", type=_positive, metavar="N", help="at most so many")
    shown = command.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="as one JSON document")
    shown.add_argument("--format", choices=("table", "csv", "jsonl"), default="table", help="default: table")
    if noun == "findings":
        command.add_argument("--fail-on", choices=SEVERITIES, help="exit 1 where an open one is this severe or more")
    _server(command)
    command.set_defaults(call=(noun, noun))


def _server(command: argparse.ArgumentParser) -> None:
    command.description = "The API token is RINGFENCE_TOKEN, or stands in the file that RINGFENCE_TOKEN_FILE names."
    command.add_argument("--server", metavar="URL", help="default: RINGFENCE_SERVER, or this machine's port 8470")
    command.add_argument("--ca", metavar="FILE", help="trust these authorities (PEM) instead of the system's")


def _erase(command: argparse.ArgumentParser) -> None:
    command.add_argument("device", metavar="DEVICE", help="its id")
    command.add_argument("--why", required=True, metavar="TEXT", help="stands in the audit log")
    command.add_argument("--json", action="store_true", help="as JSON")
    _server(command)
    command.set_defaults(call=("erase", "erase"))


def _sensor(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="is this interface a good place to watch from, and what to do if not")
    check.add_argument("interface", nargs="?", metavar="IFACE", help="the interface to watch; needs CAP_NET_RAW")
    check.add_argument("--file", metavar="FILE", help="judge this capture instead")
    check.add_argument("--seconds", type=_positive, default=10, metavar="N", help="watch so long (default: 10)")
    check.add_argument("--json", action="store_true", help="as JSON")
    check.set_defaults(call=("sensor", "check"))


def _up(command: argparse.ArgumentParser) -> None:
    sources = command.add_mutually_exclusive_group()
    sources.add_argument(
        "--interface", action="append", default=[], metavar="NAME", help="watch this interface (again for more)"
    )
    sources.add_argument(
        "--replay",
        action="append",
        default=[],
        metavar="FILE",
        help="take this capture instead (again for more)",
    )
    command.add_argument(
        "--speed",
        type=_speed,
        default=0.0,
        metavar="N",
        help="replay N times as fast as captured (default: no waiting)",
    )
    command.add_argument("--listen", metavar="ADDRESS:PORT", help="default 127.0.0.1:8470; port 0 takes a free one")
    _installation(command)
    command.set_defaults(call=("up", "up"))


def _people(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    invite = actions.add_parser("invite", help="print a one-time link; without people, the first administrator's")
    invite.add_argument(
        "--role", action="append", default=[], metavar="ROLE[@SITE]", help="such as engineer@north; again for more"
    )
    invite.add_argument("--person", metavar="NAME", help="a new password for somebody known instead")
    invite.add_argument("--origin", metavar="URL", help="how the server is opened (default: as configured)")
    listed = actions.add_parser("list", help="who may come in, and what they may do")
    listed.add_argument("--json", action="store_true", help="as JSON")
    disable = actions.add_parser("disable", help="end somebody's sessions and tokens at once, and let them in no more")
    enable = actions.add_parser("enable", help="let somebody in again")
    for action in (disable, enable):
        action.add_argument("name", metavar="NAME")
    glass = actions.add_parser("break-glass", help="make or renew the account for emergencies; prints its password")
    glass.add_argument("name", metavar="NAME", nargs="?", default="break-glass")
    for name, action in (
        ("invite", invite),
        ("listed", listed),
        ("disable", disable),
        ("enable", enable),
        ("break_glass", glass),
    ):
        if action is not listed:
            action.add_argument("--why", metavar="TEXT", help="stands in the audit log")
        _installation(action)
        action.set_defaults(call=("people", name))


def _audit(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="find removal, change, reordering and truncation; exit 3 where there is")
    verify.add_argument(
        "--checkpoint", action="append", default=[], metavar="FILE", help="checkpoints kept elsewhere (again for more)"
    )
    verify.add_argument("--export", metavar="FILE", help="also write every entry and checkpoint as lines of JSON")
    verify.add_argument("--json", action="store_true", help="as JSON")
    verify.set_defaults(call=("audit", "verify"))
    checkpoint = actions.add_parser("checkpoint", help="sign the end of the log now and anchor it as configured")
    checkpoint.add_argument("--file", action="append", default=[], metavar="FILE", help="also add it to this file")
    checkpoint.set_defaults(call=("audit", "checkpoint"))
    for action in (verify, checkpoint):
        _installation(action)


def _installation(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", metavar="FOLDER", help="data folder")
    command.add_argument("--database", metavar="URL", help="sqlite:///PATH or postgresql://USER@HOST/NAME")
    command.add_argument("--config", metavar="FILE", help="configuration (TOML)")


def _config(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="every key with its value")
    show.add_argument("--origin", action="store_true", help="also where each value is from")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(call=("config", "show"))
    validate = actions.add_parser("validate", help="check it; exit 2 where it is wrong")
    validate.set_defaults(call=("config", "validate"))
    for action in (show, validate):
        action.add_argument("--config", metavar="FILE", help="the TOML file (default: what RINGFENCE_CONFIG names)")


def _backup(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="write a backup of an installation, running or not")
    create.add_argument("file", nargs="?", metavar="FILE", help="default: a new one in the data folder's 'backups'")
    create.set_defaults(call=("backup", "create"))
    verify = actions.add_parser("verify", help="read all of a backup and check every digest")
    verify.set_defaults(call=("backup", "verify"))
    restore = actions.add_parser("restore", help="restore into an empty place; nobody stays logged in")
    restore.set_defaults(call=("backup", "put_back"))
    for action in (create, verify, restore):
        if action is not create:
            action.add_argument("file", metavar="FILE")
        if action is not verify:
            _installation(action)
        opens = action.add_mutually_exclusive_group()
        opens.add_argument("--passphrase-file", metavar="FILE", help="its first line is the passphrase")
        opens.add_argument("--key-file", metavar="FILE", help="32 bytes or more that nobody else has")
        action.add_argument("--json", action="store_true", help="as JSON")


def _upgrade(command: argparse.ArgumentParser) -> None:
    command.add_argument("--check", action="store_true", help="only say what would be done")
    command.add_argument("--json", action="store_true", help="as JSON")
    _installation(command)
    command.set_defaults(call=("upgrade", "upgrade"))


def _lake(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    export = actions.add_parser("export", help="write plain Parquet, for Spark, Trino, ClickHouse or a notebook")
    export.add_argument("folder", metavar="FOLDER")
    export.add_argument("--since", metavar="DAY", help="first day (UTC), such as 2026-11-27")
    export.add_argument("--until", metavar="DAY", help="last day")
    _installation(export)
    export.set_defaults(call=("lake", "export"))


def _support(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", nargs="?", default="ringfence-support.zip", metavar="FILE")
    command.add_argument(
        "--anonymize",
        nargs="?",
        const="pseudonyms",
        choices=("pseudonyms", "strict"),
        help="replace addresses, names and serial numbers; strict: leave out every single device and all free text",
    )
    _installation(command)
    command.set_defaults(call=("support", "support_bundle"))


def _speed(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    chosen = parser().parse_args(arguments)
    module, name = chosen.call
    try:
        command: Callable[[argparse.Namespace], int] = getattr(import_module(f"ringfence.app.commands.{module}"), name)
        return command(chosen)
    except RingfenceError as error:
        return _complain(error)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); that is no error, and nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("ringfence: stopped", file=sys.stderr)  # noqa: T201 The command line speaks on standard error.
        return 130
    except Exception as error:
        if os.environ.get("RINGFENCE_TRACEBACK"):
            raise
        return _complain(RingfenceError("internal", type(error).__name__, str(error)))


def _complain(error: RingfenceError) -> int:
    from ringfence.app.escape import terminal_text

    row = error.code
    wrong, remedy = _told_once(error)
    lines = [f"ringfence: {terminal_text(wrong)}", f"  what to do: {terminal_text(remedy)}"]
    if row.fault is Fault.OURS:
        lines.append("  set RINGFENCE_TRACEBACK=1 to see where it happened")
    print("\n".join([*lines, f"  ({row.code})"]), file=sys.stderr)  # noqa: T201 The command line speaks on standard error.
    return row.exit_code


def _told_once(error: RingfenceError) -> tuple[str, str]:
    """Return what is wrong and what to do. For inputs the core adds a remedy of its own, after a semicolon."""
    remedy = error.code.remedy
    if not error.code.code.startswith("input-"):
        return str(error), remedy
    wrong, _, own = error.detail.partition("; ")
    if own and own.casefold().split()[:3] != remedy.casefold().strip(".").split()[:3]:
        remedy = f"{own[0].upper()}{own[1:]}. {remedy}"
    return f"{error.culprit}: {wrong}.", remedy


if __name__ == "__main__":
    sys.exit(main())

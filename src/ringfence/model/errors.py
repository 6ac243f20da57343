"""Errors name the culprit and the remedy; the vocabulary is closed (house.md, principle 6).

Rule 1: every code stands in ``CODES`` with whose fault it is, its exit code and its remedy; nothing else can be raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["CODES", "ErrorCode", "Fault", "RingfenceError"]


class Fault(Enum):
    """Whose fault an error is."""

    OURS = "ours"
    INPUT = "input"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row of the vocabulary."""

    code: str
    fault: Fault
    exit_code: int
    title: str
    remedy: str


CODES: dict[str, ErrorCode] = {
    row.code: row
    for row in (
        ErrorCode(
            "input-not-found",
            Fault.OPERATOR,
            2,
            "The input can't be opened",
            "Check the path and that you may read it; '-' reads standard input.",
        ),
        ErrorCode(
            "input-not-a-capture",
            Fault.INPUT,
            2,
            "The input is not a capture",
            "Give a pcap or pcapng file, plain or compressed with gzip, zstd or lz4.",
        ),
        ErrorCode(
            "output-not-writable",
            Fault.OPERATOR,
            2,
            "The output can't be written",
            "Check that the folder exists, that you may write there and that the disk has room.",
        ),
        ErrorCode(
            "usage",
            Fault.OPERATOR,
            2,
            "The command can't be understood",
            "See 'ringfence COMMAND --help'.",
        ),
        ErrorCode(
            "bundle-unreadable",
            Fault.INPUT,
            2,
            "The knowledge bundle can't be read",
            "Fetch the bundle again; a partial download or another kind of file looks like this.",
        ),
        ErrorCode(
            "bundle-signature",
            Fault.INPUT,
            2,
            "The knowledge bundle's signature doesn't verify",
            "Get the bundle from its publisher again, or trust its key with --trust KEYFILE if you know it.",
        ),
        ErrorCode(
            "bundle-schema",
            Fault.INPUT,
            2,
            "The knowledge bundle's format is of another version",
            "Use a bundle made for this version, or upgrade; the knowledge at hand stays in use.",
        ),
        ErrorCode(
            "bundle-older",
            Fault.OPERATOR,
            2,
            "The knowledge bundle is older than the one in use",
            "Import it with --allow-older if you really want to go back; that is written to the audit log.",
        ),
        ErrorCode(
            "knowledge-stale",
            Fault.OPERATOR,
            4,
            "The knowledge is older than allowed",
            "Import a newer bundle, or raise --max-age.",
        ),
        ErrorCode(
            "packet-not-found",
            Fault.OPERATOR,
            2,
            "The input has no packet of that number",
            "Packets are numbered from 1, as Wireshark shows them.",
        ),
        ErrorCode(
            "database-url",
            Fault.OPERATOR,
            2,
            "The database can't be opened",
            "Give sqlite:///PATH or postgresql://USER@HOST/NAME; PostgreSQL needs 'pip install ringfence[postgresql]'.",
        ),
        ErrorCode(
            "interface-not-found",
            Fault.OPERATOR,
            2,
            "The interface can't be captured on",
            "Name an Ethernet interface that `ip link` lists and that is up; check the spelling.",
        ),
        ErrorCode(
            "capture-not-permitted",
            Fault.OPERATOR,
            2,
            "This process may not capture",
            "Run as root or with CAP_NET_RAW, or hand over an open packet socket (LISTEN_FDS); it is given up at once.",
        ),
        ErrorCode(
            "capture-not-sealed",
            Fault.OPERATOR,
            5,
            "The capture could still send, so it did not begin",
            "Write to a pipe or a file, and use a kernel with seccomp (any since 5.9).",
        ),
        ErrorCode(
            "internal",
            Fault.OURS,
            5,
            "Something went wrong inside Ringfence",
            "Please report it with the text shown; the input was not changed.",
        ),
    )
}


class RingfenceError(Exception):
    """An error with a stable code.

    Args:
        code: a key of ``CODES``.
        culprit: what is at fault: a path, a key, a value.
        detail: what is wrong with it, one sentence.
    """

    def __init__(self, code: str, culprit: str, detail: str = "") -> None:
        self.code = CODES[code]
        self.culprit = culprit
        self.detail = detail
        super().__init__(f"{culprit}: {detail or self.code.title}")

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
            "database-older",
            Fault.OPERATOR,
            2,
            "The database was made by another version",
            "Migrate it with this version (a backup is made first), or start the version that made it.",
        ),
        ErrorCode(
            "query",
            Fault.OPERATOR,
            2,
            "The search can't be understood",
            "Write field:value, field:a,b, -field:value, seen<7d or free text; put values with spaces in quotes.",
        ),
        ErrorCode(
            "changed-meanwhile",
            Fault.OPERATOR,
            2,
            "Somebody else changed it meanwhile",
            "Load it again, look at what changed, and repeat your change if it still holds.",
        ),
        ErrorCode(
            "not-found",
            Fault.OPERATOR,
            2,
            "There is no such thing, or you may not see it",
            "Check the id; what stands at another site is answered like what does not exist.",
        ),
        ErrorCode(
            "value-refused",
            Fault.OPERATOR,
            2,
            "The value can't be taken",
            "Give one of the values named, within the bounds named.",
        ),
        ErrorCode(
            "import-unreadable",
            Fault.INPUT,
            2,
            "The list of devices can't be read",
            "Give CSV with a header line, or NetBox's JSON export of devices, in UTF-8.",
        ),
        ErrorCode(
            "secret-unsafe",
            Fault.OPERATOR,
            2,
            "The installation's secret can't be used",
            "Give it to the user that runs Ringfence with 'chmod 600'; if it was lost, restore a backup.",
        ),
        ErrorCode(
            "key-dropped",
            Fault.OPERATOR,
            2,
            "What is asked for was erased",
            "Its key was dropped by retention or on request; nothing can bring it back.",
        ),
        ErrorCode(
            "sealed-damaged",
            Fault.INPUT,
            5,
            "An encrypted file is not what was written",
            "Check the disk and restore a backup; 'ringfence backup verify' tells whether one is whole.",
        ),
        ErrorCode(
            "disk-full",
            Fault.OPERATOR,
            5,
            "The disk is full",
            "Make room or shorten the retention; what was acknowledged is kept, and work goes on when there is room.",
        ),
        ErrorCode(
            "backup-unreadable",
            Fault.INPUT,
            2,
            "The backup can't be read",
            "Take another one; a partial copy or another kind of file looks like this.",
        ),
        ErrorCode(
            "backup-key",
            Fault.OPERATOR,
            2,
            "The backup does not open with that passphrase or key",
            "Give the passphrase or key file with which it was made.",
        ),
        ErrorCode(
            "restore-not-empty",
            Fault.OPERATOR,
            2,
            "The place to restore into is not empty",
            "Restore into a new folder and an empty database, then start Ringfence with them.",
        ),
        ErrorCode(
            "restore-unfinished",
            Fault.OPERATOR,
            2,
            "A restore did not come to its end here",
            "Run 'ringfence backup restore' into the same place again.",
        ),
        ErrorCode(
            "upgrade-failed",
            Fault.OURS,
            5,
            "The upgrade failed and was undone",
            "The state before it was restored and its backup kept; report the text shown.",
        ),
        ErrorCode(
            "lake-busy",
            Fault.OPERATOR,
            2,
            "Another process writes this lake",
            "Only one 'ringfence up' may run with a data folder; stop the other one.",
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

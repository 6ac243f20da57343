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
            "config-unreadable",
            Fault.OPERATOR,
            2,
            "The configuration can't be read",
            "Check the path, that you may read it, and that it is TOML.",
        ),
        ErrorCode(
            "config-key",
            Fault.OPERATOR,
            2,
            "The configuration has an unknown key",
            "Correct or remove the key; 'ringfence config show' lists all.",
        ),
        ErrorCode(
            "config-value",
            Fault.OPERATOR,
            2,
            "A value of the configuration does not fit",
            "See docs/reference/configuration.md for what the key takes.",
        ),
        ErrorCode(
            "config-secret",
            Fault.OPERATOR,
            2,
            "A secret stands where others can read it",
            "Put it into a file of its own, a RINGFENCE_ variable or a systemd credential.",
        ),
        ErrorCode(
            "host-unknown",
            Fault.OPERATOR,
            2,
            "The server is not known by that name",
            "Open one of the addresses that 'ringfence up' printed, or start it with the name that you use.",
        ),
        ErrorCode(
            "origin-foreign",
            Fault.INPUT,
            2,
            "The request comes from another site",
            "Act from Ringfence's own screens, or use an API token from a program.",
        ),
        ErrorCode(
            "not-listed",
            Fault.OURS,
            5,
            "The way is not in the table of who may use it",
            "Please report it: every way stands in the table ENDPOINTS or is refused.",
        ),
        ErrorCode(
            "not-logged-in",
            Fault.OPERATOR,
            2,
            "Nobody is logged in",
            "Log in, or send an API token that is neither expired nor revoked.",
        ),
        ErrorCode(
            "not-allowed",
            Fault.OPERATOR,
            2,
            "Your roles don't allow it",
            "Ask an administrator for a role that allows it at this site.",
        ),
        ErrorCode(
            "csrf-token",
            Fault.INPUT,
            2,
            "The request doesn't carry the session's token",
            "Load the page again and repeat; a program sends it in X-CSRF-Token.",
        ),
        ErrorCode(
            "too-many-requests",
            Fault.OPERATOR,
            2,
            "Too many requests in a short time",
            "Wait as long as Retry-After says, then repeat.",
        ),
        ErrorCode(
            "log-in-refused",
            Fault.OPERATOR,
            2,
            "Name, password or code is wrong, or there were too many tries",
            "Check them, wait a little and repeat; an administrator can send a new link.",
        ),
        ErrorCode(
            "second-factor",
            Fault.OPERATOR,
            2,
            "The account asks for a code too",
            "Give the code of your authenticator, or one of your recovery codes.",
        ),
        ErrorCode(
            "password-weak",
            Fault.OPERATOR,
            2,
            "The password is too easy to guess",
            "Take at least 12 characters that are neither your name nor a well-known password.",
        ),
        ErrorCode(
            "link-invalid",
            Fault.OPERATOR,
            2,
            "The link is not valid, no longer valid, or was used",
            "Ask for a new one; the first administrator's is printed by 'ringfence people invite'.",
        ),
        ErrorCode(
            "person-invalid",
            Fault.OPERATOR,
            2,
            "A person can't be like that",
            "Choose another name, known roles and existing sites; somebody must stay administrator.",
        ),
        ErrorCode(
            "token-invalid",
            Fault.OPERATOR,
            2,
            "A token can't be like that",
            "Give it at most your own roles and sites and at most a year.",
        ),
        ErrorCode(
            "passkey-unavailable",
            Fault.OPERATOR,
            2,
            "Passkeys need a host name",
            "Open Ringfence by a name such as localhost, or by TLS under its own name; until then use a password.",
        ),
        ErrorCode(
            "passkey-refused",
            Fault.INPUT,
            2,
            "The passkey's answer doesn't verify",
            "Try again; if it stays so, register the passkey anew.",
        ),
        ErrorCode(
            "approval-needed",
            Fault.OPERATOR,
            2,
            "Another person must approve exactly this first",
            "Ask somebody with the role approver; then repeat the same request, or do it under System, Approvals.",
        ),
        ErrorCode(
            "sso-setting",
            Fault.OPERATOR,
            2,
            "Single sign-on is not set up rightly",
            "Use the test button of the settings: it names the step that fails.",
        ),
        ErrorCode(
            "sso-refused",
            Fault.INPUT,
            2,
            "What the identity provider answered is not accepted",
            "Begin again at the log-in page; if it stays so, an administrator uses the test button of the settings.",
        ),
        ErrorCode(
            "egress-refused",
            Fault.OPERATOR,
            2,
            "Ringfence doesn't connect there",
            "Give an https address of a host that is reachable and neither link-local nor multicast.",
        ),
        ErrorCode(
            "audit-broken",
            Fault.INPUT,
            3,
            "The audit log is not as it was written",
            "Keep a copy of the database, compare it with a backup and checkpoints kept outside, find out who wrote.",
        ),
        ErrorCode(
            "checkpoint-invalid",
            Fault.INPUT,
            2,
            "The checkpoint can't be used",
            "Give a file that Ringfence wrote as an anchor, and this installation's key.",
        ),
        ErrorCode(
            "request-invalid",
            Fault.OPERATOR,
            2,
            "The request does not fit",
            "Compare it with /api/v1/openapi.json; `errors` names each thing that is wrong.",
        ),
        ErrorCode(
            "request-method",
            Fault.OPERATOR,
            2,
            "The path does not take this method",
            "`Allow` says which methods it takes.",
        ),
        ErrorCode(
            "request-too-large",
            Fault.OPERATOR,
            2,
            "The request is too large",
            "Send less at once.",
        ),
        ErrorCode(
            "version-needed",
            Fault.OPERATOR,
            2,
            "The request does not say which version it changes",
            "Read the thing first and send its ETag as If-Match.",
        ),
        ErrorCode(
            "idempotency-conflict",
            Fault.OPERATOR,
            2,
            "The Idempotency-Key was used for another request",
            "Use a new key for each thing to do.",
        ),
        ErrorCode(
            "cursor-invalid",
            Fault.OPERATOR,
            2,
            "The cursor is not of this list",
            "Begin the list again without a cursor.",
        ),
        ErrorCode(
            "packets-not-kept",
            Fault.OPERATOR,
            2,
            "The packets are not kept any more",
            "Switch the packet ring on, or make it larger; what is gone stays gone.",
        ),
        ErrorCode(
            "events-too-many",
            Fault.OPERATOR,
            2,
            "Too many event streams are open",
            "Close one of them, or wait.",
        ),
        ErrorCode(
            "store-unreachable",
            Fault.OPERATOR,
            5,
            "The database does not answer",
            "Check that it runs, can be reached and that its disk has room; nothing that was acknowledged is lost.",
        ),
        ErrorCode(
            "server-unreachable",
            Fault.OPERATOR,
            2,
            "The server can't be reached",
            "Check --server, that `ringfence up` runs there, and its certificate.",
        ),
        ErrorCode(
            "server-refused",
            Fault.OPERATOR,
            2,
            "The server refused",
            "See what it says.",
        ),
        ErrorCode(
            "listen-refused",
            Fault.OPERATOR,
            2,
            "The address can't be listened on",
            "Choose another port with --listen, or end what uses it; check certificate and key where TLS is spoken.",
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

"""What the API takes and answers about access. Times are RFC 3339, UTC; secrets appear in exactly one answer each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ringfence.app.access.table import ROLES
from ringfence.model.clock import rfc3339
from ringfence.store.approvals import Approval
from ringfence.store.audit import Entry
from ringfence.store.credentials import Passkey, Token
from ringfence.store.people import Person

__all__ = [
    "ApprovalAnswer",
    "AuditAnswer",
    "AuditPage",
    "CheckpointAnswer",
    "CodeIn",
    "Codes",
    "ConfirmIn",
    "Decision",
    "Demand",
    "Ended",
    "EntryAnswer",
    "GrantShape",
    "Invite",
    "Link",
    "LogIn",
    "Mapped",
    "NewPassword",
    "Offer",
    "PasskeyAnswer",
    "PasskeyIn",
    "PersonAnswer",
    "Reason",
    "Roles",
    "SessionAnswer",
    "SsoShape",
    "StepAnswer",
    "TokenAnswer",
    "TokenIn",
    "TokenMade",
    "TotpOffer",
    "approval_answer",
    "entry_answer",
    "passkey_answer",
    "person_answer",
    "shaped",
    "time",
    "token_answer",
]

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Role = Literal["viewer", "analyst", "engineer", "approver", "auditor", "admin"]
Password = Annotated[str, Field(max_length=1_024)]
Short = Annotated[str, Field(max_length=200)]
Why = Annotated[str | None, Field(max_length=1_000)]

assert set(Role.__args__) == set(ROLES)  # type: ignore[attr-defined]  # noqa: S101 A Literal's words; said twice for mypy.


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GrantShape(_Shape):
    """A role at a site; site `*` is everywhere."""

    role: Role
    site: Short


class LogIn(_Shape):
    """Name, password and, where the account has one, the code."""

    name: Short
    password: Password
    code: Short = ""


class NewPassword(_Shape):
    """The present password and the new one."""

    old: Password
    new: Password


class CodeIn(_Shape):
    """The present password, before something that matters."""

    password: Password = ""


class ConfirmIn(_Shape):
    """A first code of the new key, with the ticket that came with the key."""

    ticket: Annotated[str, Field(max_length=2_000)]
    code: Short


class TotpOffer(_Shape):
    """A new key for an authenticator: shown once, not yet in use."""

    key: str
    uri: str
    ticket: str


class Codes(_Shape):
    """One-time recovery codes: shown once."""

    recovery: list[str]


class SessionAnswer(_Shape):
    """Who asks, and what they may do."""

    name: str
    display: str
    how: str
    roles: list[GrantShape]
    csrf: str | None
    passkeys: Annotated[str | None, Field(description="Host name to which passkeys are bound; null: not available.")]
    notices: Annotated[list[str], Field(description="What everybody must see, such as a break-glass session.")]


class Offer(_Shape):
    """Options for the browser's WebAuthn interface, and the ticket to bring back."""

    options: dict[str, Any]
    ticket: str
    host: str


class PasskeyIn(_Shape):
    """The browser's answer."""

    ticket: Annotated[str, Field(max_length=2_000)]
    name: Short = ""
    credential: dict[str, Any]


class PasskeyAnswer(_Shape):
    """A passkey."""

    id: str
    name: str
    created: Time
    used: Time | None


class TokenIn(_Shape):
    """What a token may do: at most what its maker may."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    roles: Annotated[list[GrantShape], Field(min_length=1, max_length=1_000)]
    days: Annotated[int, Field(ge=1, le=366)] = 90


class TokenAnswer(_Shape):
    """A token without its secret."""

    id: str
    person: str
    name: str
    roles: list[GrantShape]
    created: Time
    expires: Time
    used: Time | None
    revoked: Time | None


class TokenMade(_Shape):
    """A new token. `secret` is shown here and never again."""

    token: TokenAnswer
    secret: str


class PersonAnswer(_Shape):
    """A person."""

    id: str
    name: str
    display: str
    roles: list[GrantShape]
    second_factor: bool
    single_sign_on: bool
    break_glass: bool
    disabled: bool
    created: Time
    version: int


class Roles(_Shape):
    """Roles at sites."""

    roles: Annotated[list[GrantShape], Field(max_length=1_000)]
    why: Why = None


class Invite(Roles):
    """Whom a link is for: whoever opens it first gets these roles."""


class Reason(_Shape):
    """Why."""

    why: Why = None


class Ended(_Shape):
    """From how many sessions somebody was logged out."""

    ended: int


class Link(_Shape):
    """A one-time link: shown once."""

    link: str


class ApprovalAnswer(_Shape):
    """A dangerous act that waits for another person, or their word on it."""

    id: str
    act: str
    digest: str
    detail: Any
    asked_by: str
    asked: Time
    expires: Time
    answer: Literal["approved", "refused"] | None
    decided: Time | None
    used: Time | None
    mine: bool


class Decision(_Shape):
    """Yes or no, to exactly what the digest says."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    answer: Literal["approved", "refused"]
    why: Why = None


class Demand(_Shape):
    """Acts for which four eyes are demanded; `*` is every dangerous one."""

    acts: Annotated[list[Short], Field(max_length=500)]


class Mapped(_Shape):
    """Whoever is in the group holds the role at the site."""

    group: Annotated[str, Field(min_length=1, max_length=500)]
    role: Role
    site: Short


class SsoShape(_Shape):
    """Single sign-on. `secret` is taken and never answered; null keeps the one that is set, empty removes it."""

    enabled: bool
    issuer: Annotated[str, Field(max_length=1_000)]
    client_id: Annotated[str, Field(max_length=500)]
    secret: Annotated[str | None, Field(max_length=1_000)] = None
    secret_set: bool = False
    scopes: Annotated[str, Field(max_length=500)] = "openid profile email"
    claim: Annotated[str, Field(min_length=1, max_length=200)] = "groups"
    mapping: Annotated[list[Mapped], Field(max_length=2_000)] = []
    loopback: bool = False
    trust: Annotated[str | None, Field(max_length=100_000)] = None


class StepAnswer(_Shape):
    """A step of the test."""

    step: str
    ok: bool
    detail: str


class EntryAnswer(_Shape):
    """An entry of the audit log."""

    number: int
    time: Time
    who: str
    how: str
    act: str
    object: str | None
    before: Any
    after: Any
    why: str | None
    previous: str
    hash: str


class AuditPage(_Shape):
    """Entries, newest first. `before` goes on: give it as the parameter `before`."""

    items: list[EntryAnswer]
    before: int | None


class Fault(_Shape):
    """What is wrong with the log."""

    number: int
    kind: str
    detail: str


class AuditAnswer(_Shape):
    """What checking the whole chain found, and what a chain can't prove."""

    entries: int
    checkpoints: int
    head: str | None
    faults: list[Fault]
    unproven: list[str]


class CheckpointAnswer(_Shape):
    """A signed checkpoint, and where it was anchored."""

    number: int | None
    hash: str | None
    anchored: list[str]


def time(nanoseconds: int | None) -> str | None:
    """Return RFC 3339, or None."""
    return None if nanoseconds is None else rfc3339(nanoseconds)


def shaped(grants: Any) -> list[GrantShape]:
    """Return roles at sites in order."""
    return [GrantShape(role=role, site=site) for role, site in sorted(grants)]


def person_answer(row: Person) -> PersonAnswer:
    """Return a person without anything secret."""
    return PersonAnswer(
        id=row.id,
        name=row.name,
        display=row.display,
        roles=shaped(row.grants),
        second_factor=row.totp is not None,
        single_sign_on=row.subject is not None,
        break_glass=row.break_glass,
        disabled=row.disabled,
        created=rfc3339(row.created),
        version=row.version,
    )


def token_answer(row: Token, owner: str) -> TokenAnswer:
    """Return a token."""
    return TokenAnswer(
        id=row.id,
        person=owner,
        name=row.name,
        roles=shaped(row.roles),
        created=rfc3339(row.created),
        expires=rfc3339(row.expires),
        used=time(row.used),
        revoked=time(row.revoked),
    )


def passkey_answer(row: Passkey) -> PasskeyAnswer:
    """Return a passkey."""
    return PasskeyAnswer(id=row.credential, name=row.name, created=rfc3339(row.created), used=time(row.used))


def approval_answer(row: Approval, asked_by: str, mine: bool) -> ApprovalAnswer:
    """Return a request for approval."""
    return ApprovalAnswer(
        id=row.id,
        act=row.act,
        digest=row.digest,
        detail=row.detail,
        asked_by=asked_by,
        asked=rfc3339(row.asked),
        expires=rfc3339(row.expires),
        answer="approved" if row.answer == "approved" else "refused" if row.answer else None,
        decided=time(row.decided),
        used=time(row.used),
        mine=mine,
    )


def entry_answer(row: Entry) -> EntryAnswer:
    """Return an entry of the audit log."""
    words = {name: getattr(row, name) for name in Entry.__slots__ if name != "time"}
    return EntryAnswer(**words, time=rfc3339(row.time))

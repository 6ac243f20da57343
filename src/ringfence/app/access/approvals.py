"""Four eyes: a dangerous act needs another person's approval of exactly that act.

Rule 1: what is approved is a digest of method, path, query, content and the sites where the asker may act; a change
    needs a new approval. It is used once, by the one who asked, before it expires.
Rule 2: the other person holds the role approver at all those sites, is logged in as a person (no token approves), and
    is not the asker, whatever token the asker used.
Rule 3: which acts need it is a setting: names of the table, or ``*``. Changing it is dangerous itself.
Rule 4: an act from a file (a plan from git) is the same: its content is part of the digest.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ringfence.app.access.access import Access
from ringfence.app.access.principal import Principal
from ringfence.app.access.table import ENDPOINTS, Endpoint
from ringfence.model.errors import RingfenceError
from ringfence.store import approvals as rows
from ringfence.store import audit, people, settings

__all__ = [
    "SETTING",
    "Act",
    "Given",
    "again",
    "decide",
    "demanded",
    "digest_of_bytes",
    "give_back",
    "listed",
    "may_decide",
    "set_demanded",
    "to_decide",
    "use",
]

SETTING = "four_eyes"  # key: {"acts": ["POST /api/v1/…"]} or {"acts": ["*"]}

_SECRET_WORDS = ("password", "secret", "code", "token")
_SHOWN = 20_000  # characters of content kept to be shown; the digest covers all of it


@dataclass(frozen=True, slots=True)
class Act:
    """What exactly is to be done. ``sites`` None: everywhere."""

    name: str
    path: str
    query: list[tuple[str, str]]
    content: Any
    sites: frozenset[str] | None

    def digest(self) -> str:
        """Return the digest that an approval is bound to."""
        words = [self.name, self.path, self.query, self.content, None if self.sites is None else sorted(self.sites)]
        data = json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return sha256(data.encode("utf-8", "surrogatepass")).hexdigest()

    def detail(self) -> dict[str, Any]:
        """Return what the approver is shown; secrets are left out, long content is cut."""
        content = _without_secrets(self.content)
        if len(json.dumps(content)) > _SHOWN:
            content = {"cut": json.dumps(content)[:_SHOWN], "digest": self.digest()}
        sites = None if self.sites is None else sorted(self.sites)
        return {"path": self.path, "query": self.query, "content": content, "sites": sites}


@dataclass(frozen=True, slots=True)
class Given:
    """An approval's id, and whether it was granted (and is used now) or only asked for."""

    id: str
    granted: bool


def demanded(access: Access, endpoint: Endpoint) -> bool:
    """Return whether a dangerous row needs another person's approval."""
    with access.platform.database.reading() as connection:
        acts = settings.get(connection, SETTING, {}).get("acts", [])
    return endpoint.dangerous and not {"*", endpoint.name, endpoint.same_as}.isdisjoint(acts)


def use(access: Access, principal: Principal, act: Act) -> Given:
    """Use an approval of exactly this act, or ask for one."""
    now, digest = access.now(), act.digest()
    with access.platform.database.writing() as connection:
        taken = rows.take(connection, principal.person, digest, now)
        if taken is not None:
            audit.append(connection, now, principal.name, principal.via, "approval.use", taken, after={"act": act.name})
            return Given(taken, True)
        waiting = rows.pending(connection, principal.person, digest, now)
        if waiting is not None:
            return Given(waiting.id, False)
        made = rows.Approval(
            secrets.token_hex(8),
            act.name,
            digest,
            act.detail(),
            principal.person,
            now,
            now + access.options.approval,
        )
        rows.add(connection, made)
        after = {"act": act.name, "digest": digest}
        audit.append(connection, now, principal.name, principal.via, "approval.ask", made.id, after=after)
    return Given(made.id, False)


def give_back(access: Access, id: str) -> None:  # noqa: A002 The word of the schema.
    """Make an approval usable again, because the act that used it failed."""
    with access.platform.database.writing() as connection:
        rows.give_back(connection, id)
        audit.append(connection, access.now(), "server", "guard", "approval.give-back", id)


def decide(access: Access, principal: Principal, id: str, answer: str, why: str | None) -> rows.Approval:  # noqa: A002 As above.
    """Approve or refuse.

    Raises:
        RingfenceError: ``not-found`` where it is unknown, expired or decided; ``not-allowed`` where it is the person's
            own or concerns sites where they are no approver.
    """
    now = access.now()
    with access.platform.database.writing() as connection:
        row = rows.by_id(connection, id)
        if row is None or row.answer is not None or row.expires <= now:
            raise RingfenceError("not-found", id, "no request waits under this id")
        if row.asked_by == principal.person:
            raise RingfenceError("not-allowed", id, "it takes another person than the one who asked")
        if not _covers(principal, row):
            raise RingfenceError("not-allowed", id, "it concerns sites where you are no approver")
        if not rows.decide(connection, id, principal.person, answer, now):
            raise RingfenceError("not-found", id, "somebody decided meanwhile")
        after = {"act": row.act, "digest": row.digest}
        act = "approval.approve" if answer == "approved" else "approval.refuse"
        audit.append(connection, now, principal.name, principal.via, act, id, after=after, why=why)
        decided = rows.by_id(connection, id)
    assert decided is not None  # noqa: S101 It was changed in this very transaction.
    return decided


def listed(access: Access, principal: Principal) -> list[tuple[rows.Approval, str]]:
    """Return what the person asked for and what they may see of others, with the asker's name."""
    with access.platform.database.reading() as connection:
        names = {person.id: person.name for person in people.everybody(connection)}
        found = rows.recent(connection)
    watches = principal.scope(("auditor", "admin")).sites is None
    return [
        (row, names.get(row.asked_by, row.asked_by))
        for row in found
        if row.asked_by == principal.person or watches or _covers(principal, row)
    ]


def to_decide(access: Access, principal: Principal) -> list[rows.Approval]:
    """Return what waits for this person's word, oldest first; nothing for who is no approver, or asks by a token."""
    if principal.token is not None or not any(role == "approver" for role, _ in principal.grants):
        return []
    with access.platform.database.reading() as connection:
        found = rows.waiting(connection, access.now())
    return [row for row in found if may_decide(access, principal, row)]


def may_decide(access: Access, principal: Principal, row: rows.Approval) -> bool:
    """Return whether ``decide`` would take this person's word: it waits, is not their own, and its sites are theirs."""
    waits = row.answer is None and row.expires > access.now()
    return waits and row.asked_by != principal.person and principal.token is None and _covers(principal, row)


def again(row: rows.Approval) -> list[tuple[str, str]] | None:
    """Return the fields of a screen's form that is exactly what was approved; None where it can't be made again.

    What the store keeps to be shown has no secrets and no overlong content: only a digest that comes out the same
    proves that nothing is missing.
    """
    detail = row.detail
    content, sites = detail.get("content"), detail.get("sites")
    if not row.act.startswith("POST /") or row.act.startswith("POST /api/"):
        return None
    if not isinstance(content, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in content):
        return None
    query = [(str(name), str(value)) for name, value in detail.get("query", ())]
    act = Act(row.act, str(detail.get("path")), query, content, None if sites is None else frozenset(sites))
    return [(str(name), str(value)) for name, value in content] if act.digest() == row.digest else None


def set_demanded(access: Access, principal: Principal, acts: Iterable[str]) -> list[str]:
    """Set which acts need four eyes.

    Raises:
        RingfenceError: ``value-refused`` for an act that is not dangerous or unknown, or where nobody else approves.
    """
    known = {row.name for row in ENDPOINTS if row.dangerous}
    wanted = sorted(set(acts))
    for name in wanted:
        if name != "*" and name not in known:
            raise RingfenceError("value-refused", name, "no dangerous act of this name")
    now = access.now()
    with access.platform.database.writing() as connection:
        others = [
            person
            for person in people.everybody(connection)
            if not person.disabled and person.id != principal.person and ("approver", "*") in person.grants
        ]
        if wanted and not others:
            raise RingfenceError("value-refused", "acts", "nobody but you could approve: make somebody approver")
        before = settings.get(connection, SETTING, {}).get("acts", [])
        settings.put(connection, SETTING, {"acts": wanted})
        audit.append(
            connection, now, principal.name, principal.via, "approval.demand", None, {"acts": before}, {"acts": wanted}
        )
    return wanted


def digest_of_bytes(data: bytes) -> str:
    """Return SHA-256 of content that is no JSON."""
    return sha256(data).hexdigest()


def _covers(principal: Principal, row: rows.Approval) -> bool:
    mine = principal.scope(("approver",)).sites
    sites = row.detail.get("sites")
    return mine is None or (sites is not None and bool(sites) and set(sites) <= mine)


def _without_secrets(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: "…" if value and _is_secret(name) else _without_secrets(value) for name, value in content.items()}
    if isinstance(content, list):
        if len(content) == 2 and isinstance(content[0], str) and _is_secret(content[0]) and isinstance(content[1], str):
            return [content[0], content[1] and "…"]  # That none is given is no secret.
        return [_without_secrets(part) for part in content]
    return content


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)

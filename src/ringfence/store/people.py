"""People and what they may do: who exists, their roles at sites, and the links by which they come.

Rule 1: names are compared as casefolded NFKC, so that no two people look alike to a log-in form.
Rule 2: whatever takes something from a person raises ``epoch``: sessions and tokens of an older epoch are dead at once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ringfence.store.schema.people import grant, invitation, person

__all__ = [
    "Invitation",
    "Person",
    "add",
    "administrators",
    "by_id",
    "by_name",
    "by_subject",
    "change",
    "count",
    "everybody",
    "granted",
    "invite",
    "look_at_invitation",
    "normal_name",
    "set_grants",
    "sweep_invitations",
    "take_invitation",
    "take_recovery",
    "take_step",
]

Grant = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Person:
    """A person. ``grants`` are (role, site); times are nanoseconds since 1970."""

    id: str
    name: str
    display: str
    password: str | None
    totp: bytes | None  # sealed
    totp_step: int
    recovery: tuple[str, ...]
    subject: str | None
    break_glass: bool
    disabled: bool
    failures: int
    locked_until: int
    created: int
    epoch: int
    version: int
    grants: frozenset[Grant]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a one-time link stands for. ``roles`` empty and ``person`` set: a new password for somebody known."""

    roles: tuple[Grant, ...]
    who: str
    expires: int
    person: str | None = None


def normal_name(name: str) -> str:
    """Return the form in which log-in names are kept and compared."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def by_id(connection: Connection, id: str) -> Person | None:  # noqa: A002 The word of the schema.
    """Return the person with this id."""
    return _one(connection, person.c.id == id)


def by_name(connection: Connection, name: str) -> Person | None:
    """Return the person with this log-in name."""
    return _one(connection, person.c.name == normal_name(name))


def by_subject(connection: Connection, subject: str) -> Person | None:
    """Return the person whom an identity provider calls ``subject`` (issuer, space, sub)."""
    return _one(connection, person.c.subject == subject)


def everybody(connection: Connection) -> list[Person]:
    """Return all people, by name."""
    grants: dict[str, set[Grant]] = {}
    for row in connection.execute(select(grant)):
        grants.setdefault(row.person, set()).add((row.role, row.site))
    rows = connection.execute(select(person).order_by(person.c.name))
    return [_person(row, grants.get(row.id, set())) for row in rows]


def count(connection: Connection) -> int:
    """Return how many people there are, disabled ones too."""
    return int(connection.execute(select(func.count()).select_from(person)).scalar_one())


def administrators(connection: Connection) -> set[str]:
    """Return ids of everybody who is not disabled and is administrator everywhere; break-glass accounts don't count."""
    chosen = (
        select(person.c.id)
        .join(grant, grant.c.person == person.c.id)
        .where(grant.c.role == "admin", grant.c.site == "*", ~person.c.disabled, ~person.c.break_glass)
    )
    return set(connection.execute(chosen).scalars())


def add(
    connection: Connection,
    id: str,  # noqa: A002 The word of the schema.
    name: str,
    display: str,
    created: int,
    *,
    password: str | None = None,
    subject: str | None = None,
    break_glass: bool = False,
) -> None:
    """Add a person without any role."""
    connection.execute(
        insert(person).values(
            id=id,
            name=normal_name(name),
            display=display,
            password=password,
            subject=subject,
            break_glass=break_glass,
            created=created,
        )
    )


def change(connection: Connection, id: str, *, end: bool = False, **columns: Any) -> None:  # noqa: A002 As above.
    """Change columns of a person; ``end`` raises the epoch, which ends every session and token."""
    values: dict[str, Any] = {**columns, "version": person.c.version + 1}
    if end:
        values["epoch"] = person.c.epoch + 1
    connection.execute(update(person).where(person.c.id == id).values(**values))


def granted(connection: Connection, id: str, source: str) -> set[Grant]:  # noqa: A002 As above.
    """Return a person's roles that come from ``source``: ``local`` or ``oidc``."""
    chosen = select(grant.c.role, grant.c.site).where(grant.c.person == id, grant.c.source == source)
    return {(row.role, row.site) for row in connection.execute(chosen)}


def set_grants(connection: Connection, id: str, grants: Iterable[Grant], source: str = "local") -> None:  # noqa: A002 As above.
    """Replace a person's roles that come from ``source``; what also comes from elsewhere stays."""
    connection.execute(delete(grant).where(grant.c.person == id, grant.c.source == source))
    kept = {(row.role, row.site) for row in connection.execute(select(grant).where(grant.c.person == id))}
    rows = [{"person": id, "role": role, "site": site, "source": source} for role, site in sorted(set(grants) - kept)]
    if rows:
        connection.execute(insert(grant), rows)


def take_step(connection: Connection, id: str, step: int) -> bool:  # noqa: A002 As above.
    """Use a TOTP step once: True for exactly one caller, False where it or a later one was used."""
    done = connection.execute(update(person).where(person.c.id == id, person.c.totp_step < step).values(totp_step=step))
    return done.rowcount == 1


def take_recovery(connection: Connection, id: str, digest: str) -> bool:  # noqa: A002 As above.
    """Use a recovery code once."""
    row = connection.execute(select(person.c.recovery).where(person.c.id == id).with_for_update()).one_or_none()
    codes: Collection[str] = (row.recovery or ()) if row else ()
    if digest not in codes:
        return False
    change(connection, id, recovery=[code for code in codes if code != digest])
    return True


def invite(
    connection: Connection,
    digest: str,
    roles: Iterable[Grant],
    created: int,
    expires: int,
    who: str,
    person: str | None = None,
) -> None:
    """Keep a one-time link by its digest; ``person``: it sets a new password for somebody known."""
    content: Any = {"person": person} if person is not None else [list(pair) for pair in sorted(set(roles))]
    values = {"digest": digest, "roles": content, "created": created, "expires": expires, "who": who}
    connection.execute(insert(invitation).values(**values))


def look_at_invitation(connection: Connection, digest: str, now: int) -> Invitation | None:
    """Return what a link stands for, if it is still good; it stays usable."""
    chosen = select(invitation).where(
        invitation.c.digest == digest, invitation.c.used.is_(None), invitation.c.expires > now
    )
    row = connection.execute(chosen).one_or_none()
    return None if row is None else _invitation(row)


def take_invitation(connection: Connection, digest: str, now: int) -> Invitation | None:
    """Use a link once: what it stands for, or None where it is unknown, expired or was used."""
    found = look_at_invitation(connection, digest, now)
    done = connection.execute(
        update(invitation)
        .where(invitation.c.digest == digest, invitation.c.used.is_(None), invitation.c.expires > now)
        .values(used=now)
    )
    return found if done.rowcount == 1 else None


def sweep_invitations(connection: Connection, now: int) -> None:
    """Forget links that can no longer be used because their time is over."""
    connection.execute(delete(invitation).where(invitation.c.expires <= now))


def _one(connection: Connection, condition: Any) -> Person | None:
    row = connection.execute(select(person).where(condition)).one_or_none()
    if row is None:
        return None
    grants = connection.execute(select(grant.c.role, grant.c.site).where(grant.c.person == row.id))
    return _person(row, {(pair.role, pair.site) for pair in grants})


def _person(row: Row[Any], grants: set[Grant]) -> Person:
    columns = row._asdict()
    known = {name: columns[name] for name in Person.__slots__ if name not in ("grants", "recovery")}
    return Person(**known, recovery=tuple(row.recovery or ()), grants=frozenset(grants))


def _invitation(row: Row[Any]) -> Invitation:
    if isinstance(row.roles, dict):
        return Invitation((), row.who, row.expires, str(row.roles["person"]))
    return Invitation(tuple((role, site) for role, site in row.roles), row.who, row.expires)

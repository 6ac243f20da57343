"""People: how they come (links), log in, change their password, and how they are disabled.

Rule 1: nobody has a default password: the first administrator comes by a one-time link printed to the terminal.
Rule 2: every answer to a failed log-in is the same, and takes the same work (``passwords.py``).
Rule 3: disabling somebody raises their epoch: sessions and tokens are dead with the next request.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from ringfence.app.access import passwords, second_factor, sessions
from ringfence.app.access.access import Access
from ringfence.app.access.principal import Principal
from ringfence.app.access.table import ROLES
from ringfence.app.access.tokens import LINK, digest, make, well_formed
from ringfence.model.errors import RingfenceError
from ringfence.store import audit, credentials
from ringfence.store import people as rows
from ringfence.store.database import Connection
from ringfence.store.people import Grant, Invitation, Person

__all__ = [
    "ALL_ROLES",
    "break_glass",
    "checked_grants",
    "disable",
    "enable",
    "end_sessions",
    "first_link",
    "invite",
    "log_in",
    "look_at_link",
    "new_password",
    "password_is",
    "set_roles",
    "take_link",
]

#: What the first administrator holds: alone, one must be able to do everything; others are given less.
ALL_ROLES: tuple[Grant, ...] = tuple((role, "*") for role in ROLES)

_LONGEST_NAME = 100  # characters


def first_link(access: Access) -> str | None:
    """Return a one-time link for the first administrator, None where there are people. Print it; never log it."""
    with access.platform.database.writing() as connection:
        if rows.count(connection):
            return None
        secret = _link(access, connection, ALL_ROLES, access.options.first_link, "ringfence", None)
        audit.append(connection, access.now(), "ringfence", "terminal", "person.first-link")
    return _as_link(access, secret)


def invite(
    access: Access, grants: Iterable[Grant], who: str, how: str, *, person: str | None = None, why: str | None = None
) -> str:
    """Return a one-time link for somebody new with these roles, or a new password for ``person`` (an id).

    Raises:
        RingfenceError: ``person-invalid``, ``not-found``.
    """
    with access.platform.database.writing() as connection:
        wanted = () if person is not None else checked_grants(grants)
        if person is not None and rows.by_id(connection, person) is None:
            raise RingfenceError("not-found", person)
        secret = _link(access, connection, wanted, access.options.link, who, person)
        after = None if person is not None else {"roles": wanted}
        act = "person.link" if person is not None else "person.invite"
        audit.append(connection, access.now(), who, how, act, person, after=after, why=why)
    return _as_link(access, secret)


def look_at_link(access: Access, secret: str) -> Invitation:
    """Return what a link stands for; it stays usable.

    Raises:
        RingfenceError: ``link-invalid``.
    """
    with access.platform.database.reading() as connection:
        found = rows.look_at_invitation(connection, digest(secret), access.now()) if well_formed(secret, LINK) else None
    if found is None:
        raise RingfenceError("link-invalid", "link")
    return found


def take_link(access: Access, secret: str, name: str, display: str, password: str, where: str) -> str:
    """Use a link: make the person, or set the known one's password, and log in; return the cookie.

    Raises:
        RingfenceError: ``link-invalid``, ``person-invalid``, ``password-weak``.
    """
    found = look_at_link(access, secret)
    if found.person is None:
        name = _checked_name(name)
    passwords.accept(password, name)
    kept = passwords.digest(password)
    now = access.now()
    with access.platform.database.writing() as connection:
        taken = rows.take_invitation(connection, digest(secret), now)
        if taken is None:
            raise RingfenceError("link-invalid", "link")
        id_ = taken.person or _add(access, connection, taken, name, display, kept)
        if taken.person is not None:
            _reset(access, connection, taken.person, kept)
        person = rows.by_id(connection, id_)
        if person is None or person.disabled:
            raise RingfenceError("link-invalid", "link")
        return sessions.begin(access, connection, person, "password", where)


def log_in(access: Access, name: str, password: str, code: str, where: str, *, replaces: str | None = None) -> str:
    """Check name, password and, where the account has one, the second factor; return the cookie of a new session.

    1. The password is hashed in any case, for an unknown name too.
    2. An account that waits for too many failures is refused.
    3. A wrong password counts as a failure.
    4. The second factor: none given is asked for, a wrong one counts as a failure, a right one is used up.
    5. Failures are forgotten, an old digest is renewed, a new session begins.

    Raises:
        RingfenceError: ``log-in-refused``; ``second-factor`` where only the code is missing.
    """
    now = access.now()
    with access.platform.database.reading() as connection:
        person = rows.by_name(connection, name)
    right = passwords.matches(person.password if person else None, password)
    usable = person is not None and not person.disabled and person.locked_until <= now
    renews = right and usable and person is not None and passwords.stale(person.password or "")
    renewed = passwords.digest(password) if renews else None
    refusal = RingfenceError("log-in-refused", "log-in")
    with access.platform.database.writing() as connection:
        person = rows.by_id(connection, person.id) if person else None
        if person is None or not right or person.disabled or person.locked_until > now:
            _failed(access, connection, person, where)
        elif person.totp and not code:
            refusal = RingfenceError("second-factor", "code")
        elif person.totp and not second_factor.take(access, connection, person, code):
            _failed(access, connection, person, where)
        else:
            kept = renewed or person.password
            rows.change(connection, person.id, password=kept, failures=0, locked_until=0)
            how = "password+totp" if person.totp else "password"
            return sessions.begin(access, connection, person, how, where, replaces=replaces)
    raise refusal


def password_is(access: Access, principal: Principal, password: str) -> None:
    """Check the password of somebody who is logged in, before something that matters; failures count.

    Raises:
        RingfenceError: ``log-in-refused``.
    """
    with access.platform.database.reading() as connection:
        person = rows.by_id(connection, principal.person)
    if person is not None and person.password is None:
        return  # Came by single sign-on or passkey only: the session is all there is.
    right = passwords.matches(person.password if person else None, password)
    if person is not None and right and person.locked_until <= access.now():
        return
    with access.platform.database.writing() as connection:
        _failed(access, connection, person, principal.via)
    raise RingfenceError("log-in-refused", "password")


def new_password(access: Access, principal: Principal, old: str, new: str) -> None:
    """Change one's own password; other sessions end.

    Raises:
        RingfenceError: ``log-in-refused``, ``password-weak``.
    """
    password_is(access, principal, old)
    passwords.accept(new, principal.name)
    kept = passwords.digest(new)
    with access.platform.database.writing() as connection:
        rows.change(connection, principal.person, password=kept)
        credentials.end_sessions(connection, principal.person, keep=principal.session)
        audit.append(connection, access.now(), principal.name, principal.via, "person.password", principal.person)


def set_roles(access: Access, id: str, grants: Iterable[Grant], who: str, how: str, why: str | None = None) -> Person:  # noqa: A002 The word of the schema.
    """Replace somebody's local roles.

    Raises:
        RingfenceError: ``not-found``; ``person-invalid`` for unknown roles, or where no administrator would be left.
    """
    wanted = checked_grants(grants)
    with access.platform.database.writing() as connection:
        person = _known(connection, id)
        rows.set_grants(connection, id, wanted)
        rows.change(connection, id)
        _somebody_administers(connection)
        changed = _known(connection, id)
        before, after = {"roles": sorted(person.grants)}, {"roles": sorted(changed.grants)}
        audit.append(connection, access.now(), who, how, "person.roles", id, before, after, why)
    return changed


def disable(access: Access, id: str, who: str, how: str, why: str | None = None) -> Person:  # noqa: A002 As above.
    """Disable somebody: sessions and tokens end at once.

    Raises:
        RingfenceError: ``not-found``; ``person-invalid`` where no administrator would be left.
    """
    with access.platform.database.writing() as connection:
        _known(connection, id)
        rows.change(connection, id, end=True, disabled=True)
        credentials.end_sessions(connection, id)
        _somebody_administers(connection)
        audit.append(connection, access.now(), who, how, "person.disable", id, why=why)
        return _known(connection, id)


def end_sessions(access: Access, id: str, who: str, how: str, why: str | None = None) -> int:  # noqa: A002 As above.
    """Log somebody out everywhere and return from how many sessions; they may log in again, and tokens stay.

    Raises:
        RingfenceError: ``not-found``.
    """
    with access.platform.database.writing() as connection:
        _known(connection, id)
        ended = credentials.end_sessions(connection, id)
        audit.append(connection, access.now(), who, how, "person.end-sessions", id, after={"ended": ended}, why=why)
    return ended


def enable(access: Access, id: str, who: str, how: str, why: str | None = None) -> Person:  # noqa: A002 As above.
    """Let somebody in again; earlier sessions and tokens stay dead.

    Raises:
        RingfenceError: ``not-found``.
    """
    with access.platform.database.writing() as connection:
        _known(connection, id)
        rows.change(connection, id, end=True, disabled=False, failures=0, locked_until=0)
        audit.append(connection, access.now(), who, how, "person.enable", id, why=why)
        return _known(connection, id)


def break_glass(access: Access, name: str, who: str, why: str | None = None) -> str:
    """Make, or renew, the break-glass account and return its password, which is shown once. Only from the terminal.

    Raises:
        RingfenceError: ``person-invalid`` where the name belongs to somebody else.
    """
    name = _checked_name(name)
    password = "-".join(secrets.token_hex(3) for _ in range(6))
    kept = passwords.digest(password)
    now = access.now()
    with access.platform.database.writing() as connection:
        person = rows.by_name(connection, name)
        if person is not None and not person.break_glass:
            raise RingfenceError("person-invalid", name, "somebody has this name")
        id_ = person.id if person else secrets.token_hex(8)
        if person is None:
            rows.add(connection, id_, name, "Break glass", now, password=kept, break_glass=True)
            rows.set_grants(connection, id_, ALL_ROLES)
        else:
            rows.change(connection, id_, end=True, password=kept, disabled=False, failures=0, locked_until=0)
        audit.append(connection, now, who, "terminal", "person.break-glass", id_, why=why)
    return password


def checked_grants(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Return grants in order.

    Raises:
        RingfenceError: ``person-invalid`` for an unknown role or an empty site.
    """
    wanted = tuple(sorted({(role, site) for role, site in grants}))
    for role, site in wanted:
        if role not in ROLES:
            raise RingfenceError("person-invalid", role, f"roles are {', '.join(ROLES)}")
        if not site or len(site) > 200:
            raise RingfenceError("person-invalid", site[:50], "a site's id, or * for everywhere")
    if len(wanted) > 1_000:
        raise RingfenceError("person-invalid", "roles", "at most 1,000")
    return wanted


def _link(
    access: Access, connection: Connection, grants: Iterable[Grant], lasts: int, who: str, person: str | None
) -> str:
    secret, now = make(LINK), access.now()
    rows.invite(connection, digest(secret), grants, now, now + lasts, who, person)
    return secret


def _as_link(access: Access, secret: str) -> str:
    # Behind '#', so that it stands in no server's or proxy's log and in no Referer.
    return f"{access.platform.origins[0]}/welcome#{secret}"


def _add(access: Access, connection: Connection, taken: Invitation, name: str, display: str, kept: str) -> str:
    if rows.by_name(connection, name) is not None:
        raise RingfenceError("person-invalid", name, "somebody has this name")
    id_ = secrets.token_hex(8)
    rows.add(connection, id_, name, display.strip()[:_LONGEST_NAME] or name, access.now(), password=kept)
    rows.set_grants(connection, id_, taken.roles)
    after = {"name": rows.normal_name(name), "roles": taken.roles, "invited_by": taken.who}
    audit.append(connection, access.now(), rows.normal_name(name), "link", "person.create", id_, after=after)
    return id_


def _reset(access: Access, connection: Connection, id: str, kept: str) -> None:  # noqa: A002 As above.
    person = _known(connection, id)
    rows.change(connection, id, end=True, password=kept, totp=None, recovery=None, failures=0, locked_until=0)
    credentials.end_sessions(connection, id)
    audit.append(connection, access.now(), person.name, "link", "person.password", id)


def _failed(access: Access, connection: Connection, person: Person | None, where: str) -> None:
    """Count a failure and write it down; the name of nobody is left out: it may be a password in the wrong field."""
    now = access.now()
    if person is not None and person.locked_until <= now:
        failures = person.failures + 1
        rows.change(connection, person.id, failures=failures, locked_until=now + passwords.delay(failures))
    who = person.name if person else "unknown"
    after = {"where": where[:300]}
    audit.append(connection, now, who, "log-in", "session.refuse", person.id if person else None, after=after)


def _known(connection: Connection, id: str) -> Person:  # noqa: A002 As above.
    person = rows.by_id(connection, id)
    if person is None:
        raise RingfenceError("not-found", id)
    return person


def _somebody_administers(connection: Connection) -> None:
    if not rows.administrators(connection):
        raise RingfenceError("person-invalid", "roles", "nobody would be administrator any more")


def _checked_name(name: str) -> str:
    plain = rows.normal_name(name)
    if not plain or len(plain) > _LONGEST_NAME or not plain.isprintable() or any(letter.isspace() for letter in plain):
        raise RingfenceError("person-invalid", "name", f"1 to {_LONGEST_NAME} visible characters without spaces")
    return plain

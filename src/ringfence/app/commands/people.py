"""``ringfence people``: invite, list, disable, enable, and the break-glass account, at this machine's database."""

from __future__ import annotations

import argparse
import json
import sys

from ringfence.app.access import people
from ringfence.app.access.access import Access
from ringfence.app.access.terminal import at_terminal, who
from ringfence.app.escape import terminal_text
from ringfence.model.clock import rfc3339
from ringfence.model.errors import RingfenceError
from ringfence.store import people as rows
from ringfence.store.people import Person

__all__ = ["break_glass", "disable", "enable", "invite", "listed"]


def invite(arguments: argparse.Namespace) -> int:
    """Print a one-time link."""
    with at_terminal(arguments) as (access, _):
        if arguments.person:
            known = _known(access, arguments.person)
            link = people.invite(access, (), who(), "terminal", person=known.id, why=arguments.why)
        elif (first := _first(access, arguments.role)) is not None:
            link = first
        else:
            grants = [_grant(text) for text in arguments.role]
            if not grants:
                raise RingfenceError("usage", "--role", "name at least one role, such as --role viewer")
            link = people.invite(access, grants, who(), "terminal", why=arguments.why)
    # A redirected output would keep the link; it is still what was asked for.
    sys.stdout.write(link + "\n")
    sys.stderr.write("This link works once; whoever opens it first has what it gives.\n")
    return 0


def listed(arguments: argparse.Namespace) -> int:
    """Print who may come in."""
    with at_terminal(arguments) as (access, _), access.platform.database.reading() as connection:
        found = rows.everybody(connection)
    if arguments.json:
        json.dump({"schema_version": 1, "people": [_plain(row) for row in found]}, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return 0
    for row in found:
        roles = ", ".join(role if site == "*" else f"{role}@{site}" for role, site in sorted(row.grants))
        marks = [word for word, holds in (("disabled", row.disabled), ("break-glass", row.break_glass)) if holds]
        sys.stdout.write(
            terminal_text(f"{row.name:<24} {roles or 'no role'}{' – ' if marks else ''}{', '.join(marks)}")
        )
        sys.stdout.write("\n")
    return 0


def disable(arguments: argparse.Namespace) -> int:
    """Disable somebody."""
    with at_terminal(arguments) as (access, _):
        known = _known(access, arguments.name)
        people.disable(access, known.id, who(), "terminal", arguments.why)
    sys.stdout.write(terminal_text(f"{known.name} is disabled; sessions and tokens have ended.") + "\n")
    return 0


def enable(arguments: argparse.Namespace) -> int:
    """Let somebody in again."""
    with at_terminal(arguments) as (access, _):
        known = _known(access, arguments.name)
        people.enable(access, known.id, who(), "terminal", arguments.why)
    sys.stdout.write(terminal_text(f"{known.name} may log in again.") + "\n")
    return 0


def break_glass(arguments: argparse.Namespace) -> int:
    """Make or renew the break-glass account."""
    with at_terminal(arguments) as (access, _):
        password = people.break_glass(access, arguments.name, who(), arguments.why)
    sys.stdout.write(password + "\n")
    sys.stderr.write(
        terminal_text(f"The password of {arguments.name}, shown once: put it into a sealed envelope. ")
        + "Its use is shown to everybody and stands in the audit log.\n"
    )
    return 0


def _first(access: Access, roles: list[str]) -> str | None:
    return None if roles else people.first_link(access)


def _known(access: Access, name: str) -> Person:
    with access.platform.database.reading() as connection:
        found = rows.by_name(connection, name)
    if found is None:
        raise RingfenceError("not-found", name, "nobody has this log-in name")
    return found


def _grant(text: str) -> tuple[str, str]:
    role, _, site = text.partition("@")
    return role, site or "*"


def _plain(row: Person) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "display": row.display,
        "roles": [{"role": role, "site": site} for role, site in sorted(row.grants)],
        "second_factor": row.totp is not None,
        "single_sign_on": row.subject is not None,
        "break_glass": row.break_glass,
        "disabled": row.disabled,
        "created": rfc3339(row.created),
    }

"""Visitors of a server in tests: a platform on a fresh database, a clock set by hand, clients who are logged in."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from ringfence.app.access import api_tokens, passwords, sessions
from ringfence.app.access.access import DAY, Access, AccessOptions
from ringfence.app.access.limits import Limits, Rate
from ringfence.app.access.principal import Principal
from ringfence.app.platform import Platform
from ringfence.app.server import create_app
from ringfence.inventory.knowledge.loader import builtin
from ringfence.store import people
from ringfence.store.database import Database
from ringfence.store.migrate import upgrade
from ringfence.store.people import Grant, Person

ORIGIN = "http://localhost:8470"
PASSWORD = "correct horse battery staple"  # noqa: S105 Of people who exist in tests only.
START = 1_800_000_000_000_000_000  # 2027-01-15, ns
SECRET = bytes(range(32))

#: Generous, because tests ask often; what limits do is tested with small ones.
PLENTY = AccessOptions(limits=Limits(Rate(1e9, 1e9), Rate(1e9, 1e9), Rate(1e9, 1e9)))


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: int = START

    def __call__(self) -> int:
        return self.now

    def pass_(self, nanoseconds: int) -> None:
        self.now += nanoseconds


def made_platform(folder: Path, clock: Clock | None = None, **words: Any) -> Platform:
    """A migrated SQLite database and everything else that a server needs."""
    database = Database(f"sqlite:///{folder / 'store.db'}")
    upgrade(database)
    return Platform(
        **{
            "database": database,
            "folder": folder,
            "secret": SECRET,
            "knowledge": builtin(),
            "origins": (ORIGIN,),
            "clock": clock or Clock(),
            **words,
        }
    )


@dataclass
class House:
    """A server with its people."""

    platform: Platform
    options: AccessOptions = PLENTY
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.platform, self.options)

    @property
    def access(self) -> Access:
        access = self.app.state.access
        assert isinstance(access, Access)
        return access

    def add(self, name: str, grants: Iterable[Grant] = (), *, password: str | None = None) -> Person:
        """A person with these roles; without a password, because hashing takes time."""
        id_ = secrets.token_hex(8)
        with self.platform.database.writing() as connection:
            kept = passwords.digest(password) if password else None
            people.add(connection, id_, name, name.title(), self.access.now(), password=kept)
            people.set_grants(connection, id_, grants)
            person = people.by_id(connection, id_)
        assert person is not None
        return person

    def anonymous(self) -> TestClient:
        """A browser that nobody logged in with; it says where its requests come from, as browsers do."""
        client = TestClient(
            self.app, base_url=self.platform.origins[0], follow_redirects=False, raise_server_exceptions=False
        )
        client.headers["Origin"] = self.platform.origins[0]
        return client

    def browser(self, person: Person) -> TestClient:
        """A browser in which this person is logged in; unsafe requests carry the session's token."""
        with self.platform.database.writing() as connection:
            secret = sessions.begin(self.access, connection, person, "password", "test")
        principal = sessions.of_cookie(self.access, secret)
        assert principal is not None
        assert principal.csrf is not None
        client = self.anonymous()
        client.cookies.set(sessions.cookie_name(self.access), secret)
        client.headers["X-CSRF-Token"] = principal.csrf
        return client

    def program(self, person: Person, grants: Iterable[Grant] | None = None) -> TestClient:
        """A program with an API token of this person."""
        principal = Principal(person.id, person.name, person.display, person.grants, "password", csrf="")
        wanted = person.grants if grants is None else grants
        _, secret = api_tokens.create(self.access, principal, "program", wanted, 30 * DAY)
        client = TestClient(
            self.app, base_url=self.platform.origins[0], follow_redirects=False, raise_server_exceptions=False
        )
        client.headers["Authorization"] = f"Bearer {secret}"
        return client

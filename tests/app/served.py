"""A server for tests: a migrated store, people with tokens, and the whole application in process."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from ringfence.app.access import tokens
from ringfence.app.config import MetricsOptions
from ringfence.app.platform import Platform
from ringfence.app.server import create_app
from ringfence.inventory.knowledge.loader import builtin
from ringfence.store import credentials, people
from ringfence.store.database import Database
from ringfence.store.migrate import upgrade

ORIGIN = "http://127.0.0.1:8470"
SECRET = bytes(range(32))
NOW = 1_795_000_000_000_000_000  # ns since 1970, as in tests.store.made
DAY = 86_400_000_000_000
EVERYTHING = frozenset((role, "*") for role in ("viewer", "analyst", "engineer", "admin"))

_templates: dict[Path, Path] = {}


def migrated(folder: Path) -> Path:
    """Return a migrated SQLite file in ``folder``; migrating happens once in a run."""
    template = _templates.get(folder.parent.parent)
    if template is None or not template.exists():
        template = folder.parent.parent / "served-template.db"
        database = Database(f"sqlite:///{template}")
        upgrade(database)
        database.close()
        _templates[folder.parent.parent] = template
    return Path(shutil.copyfile(template, folder / "store.db"))


@dataclass
class Clock:
    """A clock that tests turn."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class Served:
    """One server."""

    platform: Platform
    clock: Clock
    app: Any
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, name: str = "anna", grants: frozenset[tuple[str, str]] = EVERYTHING) -> str:
        """Return an API token of a person with these roles; the person is made at first."""
        if name not in self.tokens:
            secret = tokens.make(tokens.API)
            now = self.clock()
            with self.platform.database.writing() as connection:
                people.add(connection, name, name, name.title(), now)
                people.set_grants(connection, name, grants)
                row = credentials.Token(
                    f"t-{name}", name, "test", tuple(sorted(grants)), now, now + 300 * DAY, None, None, 0
                )
                credentials.add_token(connection, tokens.digest(secret), row)
            self.tokens[name] = secret
        return self.tokens[name]

    def client(self, name: str = "anna", grants: frozenset[tuple[str, str]] = EVERYTHING) -> TestClient:
        """Return a client that speaks as this person."""
        made = self.stranger()
        made.headers["Authorization"] = f"Bearer {self.token(name, grants)}"
        return made

    def stranger(self) -> TestClient:
        """Return a client that nobody knows."""
        return TestClient(self.app, base_url=ORIGIN, raise_server_exceptions=False, client=("127.0.0.1", 50_000))


def serve(database: Database, folder: Path, metrics: MetricsOptions | None = None, origin: str = ORIGIN) -> Served:
    """Return a server over ``database``."""
    from ringfence.app.access.access import AccessOptions
    from ringfence.app.access.limits import Limits, Rate

    clock = Clock()
    platform = Platform(database, folder, SECRET, builtin(), (origin,), clock=clock)
    plenty = Rate(1_000_000, 1_000_000.0)
    options = AccessOptions(limits=Limits(address=plenty, person=plenty, strict=plenty))
    return Served(platform, clock, create_app(platform, options, metrics))

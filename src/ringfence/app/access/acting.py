"""What a request of the API and one of a screen have in common: they read, write and audit in the name of who asks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ringfence.app.access.principal import Principal
from ringfence.app.platform import Platform
from ringfence.store import audit
from ringfence.store.database import Connection
from ringfence.store.unit import UnitOfWork

__all__ = ["Acting"]


class Acting:
    """Somebody who was let in, at work. Its heirs say who, in which installation, and what time it is."""

    platform: Platform
    principal: Principal
    if TYPE_CHECKING:

        @property
        def now(self) -> int:
            """Nanoseconds since 1970, UTC."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a connection that sees one moment of the store."""
        return self.platform.database.reading()

    def writing(self) -> UnitOfWork:
        """Return a transaction whose changes, news and audit entries are all kept or none."""
        return UnitOfWork(self.platform.database, self.now)

    def audit(
        self, unit: UnitOfWork, act: str, thing: str, *, before: Any = None, after: Any = None, why: str | None = None
    ) -> None:
        """Write down in the audit log that who asks does ``act`` to ``thing``."""
        audit.append(unit.connection, unit.now, self.principal.name, self.principal.via, act, thing, before, after, why)

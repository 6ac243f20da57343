"""Who is asking, with the roles that count for this request.

Rule 1: a token's roles are cut down to what its person still holds, each time it is used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ringfence.app.access.table import Endpoint
from ringfence.model.scope import Scope

__all__ = ["Principal", "meet"]

Grant = tuple[str, str]  # role, site; site ``*`` is everywhere


@dataclass(frozen=True, slots=True)
class Principal:
    """A person who was recognised.

    Args:
        person: the person's id.
        name: log-in name, as the audit log says it.
        display: the name to show.
        grants: roles at sites that count here.
        how: password, password+totp, passkey, oidc, break_glass or token.
        csrf: the session's token against forged requests; None for an API token.
        token: the API token's id; None for a session.
        session: digest of the session; None for an API token.
    """

    person: str
    name: str
    display: str
    grants: frozenset[Grant]
    how: str
    csrf: str | None = None
    token: str | None = None
    session: str | None = None

    @property
    def via(self) -> str:
        """How the person came in, for the audit log: ``session (passkey)``, ``token 3f2a…``."""
        return f"token {self.token}" if self.token else f"session ({self.how})"

    def scope(self, roles: Collection[str] = ()) -> Scope:
        """Return the sites at which one of ``roles`` is held (none named: any role)."""
        sites = {site for role, site in self.grants if not roles or role in roles}
        return Scope(None) if "*" in sites else Scope(frozenset(sites))

    def may(self, endpoint: Endpoint, site: str | None = None) -> bool:
        """Whether the roles allow it, at ``site`` where one is named, else at any site."""
        if endpoint.open:
            return True
        if endpoint.session_only and self.token is not None:
            return False
        if not endpoint.roles:
            return True
        scope = self.scope(endpoint.roles)
        if scope.sites is None:
            return True
        if endpoint.everywhere:
            return False
        return site in scope.sites if site is not None else bool(scope.sites)


def meet(wanted: Iterable[Grant], held: Iterable[Grant]) -> frozenset[Grant]:
    """Return the grants of ``wanted`` that ``held`` covers: everywhere cut down to the sites that are held."""
    have = frozenset(held)
    found: set[Grant] = set()
    for role, site in wanted:
        if (role, "*") in have or (role, site) in have:
            found.add((role, site))
        elif site == "*":
            found.update(grant for grant in have if grant[0] == role)
    return frozenset(found)

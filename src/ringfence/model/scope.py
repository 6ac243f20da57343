"""Which sites somebody may see. What stands at no site is seen only by those who see all."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EVERYWHERE", "Scope"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The sites; None is all of them."""

    sites: frozenset[str] | None = None

    def sees(self, site: str | None) -> bool:
        """Return whether something at ``site`` may be seen."""
        return self.sites is None or (site is not None and site in self.sites)


EVERYWHERE = Scope()

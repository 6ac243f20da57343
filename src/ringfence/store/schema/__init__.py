"""Every table. A migration makes them; nothing here runs a statement."""

from ringfence.store.schema import audit, findings, inventory, operation, people, traffic
from ringfence.store.schema.columns import metadata

__all__ = ["audit", "findings", "inventory", "metadata", "operation", "people", "traffic"]

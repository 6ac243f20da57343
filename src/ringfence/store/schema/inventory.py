"""Parts, observations, devices with their claims, and what people say of them.

Rule 1: what the pipeline writes (``device``, ``claim``, ``device_part``) and what people write (``device_note``,
``decision``, ``intended``) are different rows: a new capture never overwrites a person's word.
Rule 2: a merge deletes nothing in ``device``: ``merged_into`` names the survivor, so that a split brings it back.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text, func

from ringfence.store.schema.columns import Json, Nanoseconds, Wire, metadata

__all__ = [
    "address",
    "claim",
    "conflict",
    "decision",
    "decision_part",
    "device",
    "device_note",
    "device_part",
    "device_text",
    "domain",
    "intended",
    "label",
    "observation",
    "part",
    "saved_view",
    "site",
    "zone",
]

#: An index by the text in small letters: equal and *starts with* are ranges in it (PostgreSQL: in the order of bytes,
#: not of a language). SQLite folds ASCII alone.
_FOLDED = {"folded": "text_pattern_ops"}
_number = BigInteger().with_variant(Integer, "sqlite")

site = Table(
    "site",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Wire, nullable=False, unique=True),
    Column("parent", Text, ForeignKey("site.id")),
    Column("note", Wire),
    Column("version", Integer, nullable=False, default=1),
)

zone = Table(
    "zone",
    metadata,
    Column("id", Text, primary_key=True),
    Column("site", Text, ForeignKey("site.id"), nullable=False),
    Column("name", Wire, nullable=False),
    Column("purdue_level", Float),
    Column("subnets", Json),  # CIDR texts: devices there are proposed for this zone
    Column("note", Wire),
    Column("version", Integer, nullable=False, default=1),
)
Index(None, zone.c.site, zone.c.name, unique=True)

#: The scopes in which addresses are unique (contract §1), and where each of them is.
domain = Table(
    "domain",
    metadata,
    Column("name", Text, primary_key=True),
    Column("site", Text, ForeignKey("site.id")),
)

part = Table(
    "part",
    metadata,
    Column("id", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
)
Index("ix_part_folded_value", func.lower(part.c.value).label("folded"), postgresql_ops=_FOLDED)

#: What was seen, over all windows: enough to make the register again after a restart.
observation = Table(
    "observation",
    metadata,
    Column("key", Text, primary_key=True),  # digest of sensor, subject, object, kind and value
    Column("sensor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),  # part id
    Column("object", Text),  # part id
    Column("value", Json, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first", Nanoseconds, nullable=False),
    Column("last", Nanoseconds, nullable=False),
    Column("packets", Json, nullable=False),
)
Index(None, observation.c.subject, observation.c.kind)

device = Table(
    "device",
    metadata,
    Column("id", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("name", Wire, nullable=False),
    Column("class", Text, nullable=False),
    Column("vendor", Wire),
    Column("product", Wire),
    Column("model", Wire),
    Column("firmware", Wire),
    Column("serial", Wire),
    Column("os", Wire),
    Column("purdue_level", Float),
    Column("confidence", Float, nullable=False),
    Column("roles", Json, nullable=False),
    Column("macs", Json, nullable=False),
    Column("ips", Json, nullable=False),
    Column("names", Json, nullable=False),
    Column("marks", Json, nullable=False),
    Column("merge_reasons", Json, nullable=False),
    Column("first", Nanoseconds, nullable=False),
    Column("last", Nanoseconds, nullable=False),
    Column("merged_into", Text),
    Column("digest", Text, nullable=False, default=""),  # of all that the pipeline wrote: the same is not written twice
    # What people decide, copied here from ``device_note`` so that one index answers a filter.
    Column("site", Text),
    Column("zone", Text),
    Column("owner", Wire),
    Column("criticality", Text),  # low, medium, high, critical; None: not said
    Column("safety", Boolean),  # None: untagged, which counts as safety-critical (contract §7)
    Column("expected", Text, nullable=False, default="not_evaluated"),  # intended, unintended, not_evaluated
    Column("worst", Integer, nullable=False, default=-1),  # severity of its worst open finding; -1: none
    Column("open_findings", Integer, nullable=False, default=0),
    Column("version", Integer, nullable=False, default=1),
)
# A list is one column's devices by name, or all by one column: each is one walk along an index that holds all that it
# asks (so ``merged_into`` stands in it, too: SQLite looks it up in the row otherwise).
_live = device.c.merged_into.is_(None)
_by_name = (("name",), ("class", "name"), ("site", "name"), ("zone", "name"))
_alone = "last worst first owner vendor model".split()
for _columns in (*_by_name, *((_name,) for _name in _alone)):
    _indexed = (*(device.c[_name] for _name in _columns), device.c.id, device.c.merged_into)
    Index(None, *_indexed, sqlite_where=_live, postgresql_where=_live)
# What is asked by its text, whatever the case (without the name: two long texts would not fit PostgreSQL's index).
for _name in "name owner vendor product model firmware serial os".split():
    Index(
        f"ix_device_folded_{_name}",
        func.lower(device.c[_name]).label("folded"),
        device.c.id,
        device.c.merged_into,
        sqlite_where=_live,
        postgresql_where=_live,
        postgresql_ops=_FOLDED,
    )
# What the list's facets count, in their order: counted along the index.
_facets = "class vendor site zone criticality expected worst merged_into".split()
Index("ix_device_facets", *(device.c[_name] for _name in _facets), sqlite_where=_live, postgresql_where=_live)
# Only of merged ones: an index of all would tempt SQLite to walk it for every list (``merged_into IS NULL``).
_gone = device.c.merged_into.is_not(None)
Index(None, device.c.merged_into, sqlite_where=_gone, postgresql_where=_gone)

#: Everything of a device that a person may type, in lower case: apart, because each free text walks all of it.
device_text = Table(
    "device_text",
    metadata,
    Column("device", Text, primary_key=True),
    Column("text", Text, nullable=False),
)

#: A person's word on a device; it survives merges and new captures.
device_note = Table(
    "device_note",
    metadata,
    Column("device", Text, ForeignKey("device.id"), primary_key=True),
    Column("zone", Text, ForeignKey("zone.id")),
    Column("site", Text, ForeignKey("site.id")),
    Column("owner", Wire),
    Column("criticality", Text),
    Column("safety", Boolean),
    Column("note", Wire),
)

label = Table(
    "label",
    metadata,
    Column("device", Text, ForeignKey("device.id"), primary_key=True),
    Column("name", Text, primary_key=True),
)
Index(None, label.c.name, label.c.device)

device_part = Table(
    "device_part",
    metadata,
    Column("part", Text, primary_key=True),
    Column("device", Text, nullable=False),
)
Index(None, device_part.c.device)

#: Addresses and names by which a device is found.
address = Table(
    "address",
    metadata,
    Column("device", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # mac, ip, name
    Column("value", Wire, primary_key=True),
    Column("packed", Text),  # of an IP address: version and digits, so that a network is a range
)
_folded = func.lower(address.c.value).label("folded")
Index("ix_address_folded_value", _folded, address.c.kind, address.c.device, postgresql_ops=_FOLDED)
Index(None, address.c.packed)

claim = Table(
    "claim",
    metadata,
    Column("device", Text, primary_key=True),
    Column("number", Integer, primary_key=True),  # in the order in which claims are shown
    Column("field", Text, nullable=False),
    Column("value", Wire, nullable=False),
    Column("weight", Float, nullable=False),
    Column("clue", Text, nullable=False),
    Column("first", Nanoseconds, nullable=False),
    Column("last", Nanoseconds, nullable=False),
    Column("evidence", Wire, nullable=False),
)

conflict = Table(
    "conflict",
    metadata,
    Column("device", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("field", Text, nullable=False),
    Column("chosen", Wire, nullable=False),
    Column("other", Wire, nullable=False),
    Column("reason", Wire, nullable=False),
)

#: Corrections, merges and splits by people: applied to what the register finds, and undone by ``undone``.
decision = Table(
    "decision",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # correct, merge, split
    Column("field", Text),
    Column("value", Wire),
    Column("reason", Wire),
    Column("who", Wire, nullable=False),
    Column("time", Nanoseconds, nullable=False),
    Column("undone", Nanoseconds),
)
Index(None, decision.c.time)

#: The parts that a decision ties or frees, and the device that each belonged to when it was made.
decision_part = Table(
    "decision_part",
    metadata,
    Column("decision", Text, ForeignKey("decision.id"), primary_key=True),
    Column("part", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("left", Boolean, nullable=False, default=False),  # what a split left behind: it is not about these
)
Index(None, decision_part.c.part, decision_part.c.decision)

#: What should be there, as a list from elsewhere says (CSV, NetBox).
intended = Table(
    "intended",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("name", Wire, nullable=False),
    Column("class", Text),
    Column("vendor", Wire),
    Column("model", Wire),
    Column("serial", Wire),
    Column("mac", Text),
    Column("ip", Text),
    Column("site", Wire),
    Column("zone", Wire),
    Column("owner", Wire),
    Column("criticality", Text),
    Column("device", Text),  # the observed device that matches; None: not seen
    Column("imported", Nanoseconds, nullable=False),
)
Index(None, intended.c.mac)
Index(None, intended.c.ip)

saved_view = Table(
    "saved_view",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("person", Text, nullable=False),
    Column("name", Wire, nullable=False),
    Column("screen", Text, nullable=False),
    Column("query", Wire, nullable=False),
    Column("shared", Boolean, nullable=False, default=False),
)

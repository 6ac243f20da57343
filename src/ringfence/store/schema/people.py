"""People, how they prove who they are, and what they may do. Secrets stand here as digests or wrapped only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from ringfence.store.schema.columns import Json, Nanoseconds, Wire, metadata

__all__ = ["approval", "grant", "invitation", "passkey", "person", "session", "token"]

person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Wire, nullable=False, unique=True),  # log-in name
    Column("display", Wire, nullable=False),
    Column("password", Text),  # argon2id, PHC string; None: no local password
    Column("totp", LargeBinary),  # wrapped by the installation's key
    Column("totp_step", BigInteger, nullable=False, default=0),  # last step used: a code works once
    Column("recovery", Json),  # digests of one-time recovery codes
    Column("subject", Text, unique=True),  # issuer and sub of OIDC
    Column("break_glass", Boolean, nullable=False, default=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", Nanoseconds, nullable=False, default=0),
    Column("created", Nanoseconds, nullable=False),
    Column("epoch", Integer, nullable=False, default=0),  # raised to end every session and token
    Column("version", Integer, nullable=False, default=1),
)

#: A role at a site; site ``*`` is everywhere.
grant = Table(
    "role_grant",
    metadata,
    Column("person", Text, ForeignKey("person.id"), primary_key=True),
    Column("role", Text, primary_key=True),  # viewer, analyst, engineer, approver, auditor, admin
    Column("site", Text, primary_key=True),
    Column("source", Text, nullable=False, default="local"),  # local or oidc
)

passkey = Table(
    "passkey",
    metadata,
    Column("credential", Text, primary_key=True),  # base64url
    Column("person", Text, ForeignKey("person.id"), nullable=False),
    Column("name", Wire, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("created", Nanoseconds, nullable=False),
    Column("used", Nanoseconds),
)
Index(None, passkey.c.person)

session = Table(
    "session",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the cookie
    Column("person", Text, ForeignKey("person.id"), nullable=False),
    Column("how", Text, nullable=False),  # password, password+totp, passkey, oidc, break_glass
    Column("csrf", Text, nullable=False),
    Column("created", Nanoseconds, nullable=False),
    Column("used", Nanoseconds, nullable=False),
    Column("expires", Nanoseconds, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("where", Wire),  # address and program, as told
)
Index(None, session.c.person)

token = Table(
    "token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the secret
    Column("person", Text, ForeignKey("person.id"), nullable=False),
    Column("name", Wire, nullable=False),
    Column("roles", Json, nullable=False),  # [[role, site]]: at most what its person has
    Column("created", Nanoseconds, nullable=False),
    Column("expires", Nanoseconds, nullable=False),
    Column("used", Nanoseconds),
    Column("revoked", Nanoseconds),
    Column("epoch", Integer, nullable=False),
)
Index(None, token.c.person)

#: One-time links: the first administrator, and people who are invited.
invitation = Table(
    "invitation",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("roles", Json, nullable=False),
    Column("created", Nanoseconds, nullable=False),
    Column("expires", Nanoseconds, nullable=False),
    Column("used", Nanoseconds),
    Column("who", Wire, nullable=False),
)

#: Four eyes: an act that waits for another person.
approval = Table(
    "approval",
    metadata,
    Column("id", Text, primary_key=True),
    Column("act", Text, nullable=False),
    Column("digest", Text, nullable=False),  # of what exactly is to be done: approving it approves nothing else
    Column("detail", Json, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked", Nanoseconds, nullable=False),
    Column("expires", Nanoseconds, nullable=False),
    Column("decided_by", Text),
    Column("decided", Nanoseconds),
    Column("answer", Text),  # approved, refused
    Column("used", Nanoseconds),
)

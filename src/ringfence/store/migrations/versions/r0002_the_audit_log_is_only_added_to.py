"""The database refuses to change or remove audit entries and checkpoints."""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = ("audit", "audit_checkpoint")


def upgrade() -> None:
    """Apply it."""
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            for act in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION audit_only_added() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'the audit log is only added to'; END$$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_added()"
        )

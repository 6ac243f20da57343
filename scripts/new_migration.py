"""Writes the migration between the newest revision's tables and ``store/schema``: then read it and mend it.

Usage: ``python scripts/new_migration.py NUMBER TITLE``, such as ``0002 "Devices have a colour"``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import TypeDecorator

from ringfence.store.database import Database
from ringfence.store.migrate import newest, upgrade
from ringfence.store.schema import metadata

FOLDER = Path(__file__).resolve().parents[1] / "src" / "ringfence" / "store" / "migrations" / "versions"


def render(kind: str, value: Any, context: Any) -> Any:
    """Write our own column types as what they are in the database: a migration must not change with our code."""
    return f"sa.{value.impl!r}" if kind == "type" and isinstance(value, TypeDecorator) else False


def main() -> int:
    """Write the file."""
    number, title = sys.argv[1:3]
    first = not list(FOLDER.glob("r*.py"))
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/made.db")
        if not first:
            upgrade(database)
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"render_item": render, "render_as_batch": True})
            steps = produce_migrations(context, metadata).upgrade_ops
        if steps is None:
            return 1
        code = render_python_code(steps, render_item=render, render_as_batch=True)
    lines = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))
    before = "None" if first else repr(newest())
    text = f'"""{title}."""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{number}"\n'
    text += f'down_revision = {before}\n\n\ndef upgrade() -> None:\n    """Apply it."""\n    {lines.strip()}\n'
    path = FOLDER / f"r{number}_{re.sub('[^a-z0-9]+', '_', title.lower()).strip('_')}.py"
    path.write_text(text, encoding="utf-8")
    subprocess.run(["ruff", "format", "--quiet", path], check=True)
    subprocess.run(["ruff", "check", "--fix", "--quiet", path], check=False)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

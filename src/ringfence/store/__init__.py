"""Remembers: SQLite or PostgreSQL, migrations, the lake; implements the rooms' ports (contract §6)."""

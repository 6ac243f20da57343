"""Remembers: SQLite or PostgreSQL, migrations, the lake; implements the rooms' ports.

This room is empty so far: nothing here is done yet.
"""

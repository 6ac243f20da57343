"""Upgrades that fail or are killed midway leave what was there before (case 25 of the users' list)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, select

from ringfence.model.errors import RingfenceError
from ringfence.store import migrate
from ringfence.store.audit import append
from ringfence.store.backup import Place
from ringfence.store.database import Database
from ringfence.store.keys import installation_secret
from ringfence.store.schema import audit, inventory
from ringfence.store.upgrading import check, upgraded

NOW = 1_795_737_600 * 1_000_000_000
MIGRATION = '''"""A made-up step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "{before}"


def upgrade() -> None:
    """Add a table."""
    op.create_table("made_up", sa.Column("id", sa.Text, primary_key=True))
{body}
'''
#: What a careless migration does: it commits in the middle, so that no transaction takes it back.
CARELESS = """
    connection = op.get_bind()
    connection.exec_driver_sql("DELETE FROM site")
    connection.exec_driver_sql("COMMIT")
    connection.exec_driver_sql("BEGIN")
"""
WAIT = """
    import time

    print("midway", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def database(empty_database: Database) -> Database:
    """One that no other test will use: these tests change its tables."""
    migrate.upgrade(empty_database)
    return empty_database


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    installation_secret(tmp_path / "data")
    with database.writing() as connection:
        connection.execute(insert(inventory.site).values(id="a", name="North"))
        connection.execute(insert(inventory.site).values(id="b", name="Hall", parent="a"))
        append(connection, NOW, "xenia", "terminal", "site.create", "a")
    return Place(database, tmp_path / "data", lambda: NOW, "0.1")


def migrations(tmp_path: Path, body: str = "") -> Path:
    """The folder of migrations, with one more."""
    folder = tmp_path / "migrations"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(migrate._FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = MIGRATION.format(name="made_it_up", before=migrate.newest(), body=body)
    (folder / "versions" / "made_up.py").write_text(text)
    return folder


def sites(database: Database) -> list[str]:
    """Names of sites; the audit log, which refuses to be emptied, is looked at too."""
    with database.reading() as connection:
        assert connection.execute(select(audit.entry.c.act)).scalars().all() == ["site.create"]
        return sorted(connection.execute(select(inventory.site.c.name)).scalars())


def made_up(database: Database) -> bool:
    return "made_up" in inspect(database.engine).get_table_names()


def test_an_upgrade_is_backed_up_first(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert upgraded(place) == ()
    assert not (place.folder / "backups").exists(), "there was nothing to do"
    folder = migrations(tmp_path)
    before = migrate.newest()
    monkeypatch.setattr(migrate, "_FOLDER", folder)
    told = check(place)
    assert (told.current, told.newest, told.pending, told.interrupted) == (before, "made_it_up", ("made_it_up",), False)
    assert upgraded(place) == ("made_it_up",)
    assert made_up(place.database)
    assert sites(place.database) == ["Hall", "North"]
    assert len(list((place.folder / "backups").iterdir())) == 1
    assert not (place.folder / "upgrading").exists()
    assert check(place).pending == ()


def test_an_upgrade_that_fails_is_undone(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = migrate.newest()
    monkeypatch.setattr(migrate, "_FOLDER", migrations(tmp_path, CARELESS + "    raise ValueError('no')\n"))
    with pytest.raises(RingfenceError) as error:
        upgraded(place)
    assert error.value.code.code == "upgrade-failed"
    assert migrate.current(place.database) == before
    assert sites(place.database) == ["Hall", "North"]
    assert not made_up(place.database)
    assert not (place.folder / "upgrading").exists()


@pytest.mark.slow
@pytest.mark.parametrize("body", ["", CARELESS], ids=["in-its-transaction", "careless"])
def test_an_upgrade_killed_midway_is_undone_at_the_next_start(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    before = migrate.newest()
    url = place.database.url.render_as_string(hide_password=False)
    stuck = migrations(tmp_path, body + WAIT)
    command = [sys.executable, "-m", "tests.store.upgrade_steps", url, str(place.folder), str(stuck)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "midway\n"
        os.kill(process.pid, signal.SIGKILL)
    assert (place.folder / "upgrading").exists()
    if body:
        assert sites(place.database) == [], "the careless step had destroyed something"
    assert upgraded(place) == (), "the version before is started again, and finds what it had"
    assert migrate.current(place.database) == before
    assert sites(place.database) == ["Hall", "North"]
    assert not made_up(place.database)
    assert not (place.folder / "upgrading").exists()
    monkeypatch.setattr(migrate, "_FOLDER", migrations(tmp_path))
    assert upgraded(place) == ("made_it_up",)
    assert sites(place.database) == ["Hall", "North"]


@pytest.mark.slow
def test_the_new_version_undoes_and_upgrades_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = place.database.url.render_as_string(hide_password=False)
    stuck = migrations(tmp_path, CARELESS + WAIT)
    command = [sys.executable, "-m", "tests.store.upgrade_steps", url, str(place.folder), str(stuck)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "midway\n"
        os.kill(process.pid, signal.SIGKILL)
    monkeypatch.setattr(migrate, "_FOLDER", migrations(tmp_path))
    assert check(place).interrupted
    assert upgraded(place) == ("made_it_up",)
    assert sites(place.database) == ["Hall", "North"]


def test_a_marker_that_names_nothing_stops(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_FOLDER", migrations(tmp_path))
    (place.folder / "upgrading").write_text("?")
    with pytest.raises(RingfenceError) as error:
        upgraded(place)
    assert error.value.code.code == "upgrade-failed"
    assert sites(place.database) == ["Hall", "North"]


def test_only_the_last_backups_are_kept(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.folder / "backups").mkdir()
    for number in range(5):
        (place.folder / "backups" / f"before-upgrade-2020010{number}T000000Z.backup").write_bytes(b"")
    (place.folder / "backups" / "mine.backup").write_bytes(b"")
    monkeypatch.setattr(migrate, "_FOLDER", migrations(tmp_path))
    upgraded(place)
    names = sorted(path.name for path in (place.folder / "backups").iterdir())
    assert "mine.backup" in names
    assert len(names) == 4

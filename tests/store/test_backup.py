"""Backups: what was in comes out, on either database; nobody comes back in; nothing half is taken for whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from tests.store.lake_rows import MORNING, flow, flow_table
from tests.store.test_ring import reference

from ringfence.model.errors import RingfenceError
from ringfence.sensor.slice import CapturedPacket, capture_file
from ringfence.store import settings
from ringfence.store.archive import ArchiveKey
from ringfence.store.audit import append
from ringfence.store.backup import Place, create, verify
from ringfence.store.database import Database
from ringfence.store.dump import dump
from ringfence.store.keys import Keys, installation_secret
from ringfence.store.lake import Lake
from ringfence.store.lake_read import FlowFilter, flows
from ringfence.store.restore import finished, restore
from ringfence.store.revocation import FILE, enforce
from ringfence.store.ring import PacketRing
from ringfence.store.schema import audit, inventory, operation, people

NOW = MORNING
PASSPHRASE, WRONG = (ArchiveKey(passphrase=words) for words in ("correct horse", "wrong"))
KEY_FILE = ArchiveKey(material=bytes(range(40)))
ALWAYS = FlowFilter(0, 2**62)


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    """An installation with something in every corner."""
    folder = tmp_path / "data"
    keys = Keys(installation_secret(folder), lambda: NOW)
    lake = Lake(database, folder, keys, lambda: NOW)
    ring = PacketRing(database, folder, keys, lambda: NOW)
    (folder / "tls.key").write_bytes(b"a key")
    with database.writing() as connection:
        lake.write(connection, "b1", "flows.v1", flow_table([flow(1, MORNING), flow(2, MORNING - 10**15)]))
        ring.add(connection, "s1", capture_file([CapturedPacket(MORNING, 60, b"x" * 60)])[0])
        ring.keep(connection, "f-1", "s1", [reference(MORNING)])
        # The child's row comes before the one that it points to.
        connection.execute(insert(inventory.site).values(id="0", name="child"))
        connection.execute(insert(inventory.site).values(id="a", name="A ☃ '\";"))
        connection.execute(update(inventory.site).where(inventory.site.c.id == "0").values(parent="a"))
        insert_people(connection)
        for number in range(3):
            row = {"time": number, "noun": "device", "id": "d", "what": "new", "detail": {"a": [1, None, "é"]}}
            connection.execute(insert(operation.change).values(**row))
        append(connection, 1, "xenia", "terminal", "person.create", "p1")
    return Place(database, folder, lambda: NOW, "0.1")


def insert_people(connection: Any) -> None:
    person = {"id": "p1", "name": "xenia", "display": "Xenia", "created": 1, "totp": b"\0\xff wrapped", "epoch": 3}
    connection.execute(insert(people.person).values(**person))
    session = {"digest": "s", "person": "p1", "how": "password", "csrf": "c", "created": 1, "used": 1, "expires": 2**62}
    connection.execute(insert(people.session).values(**session, epoch=3))
    token = {"id": "t1", "digest": "secret's digest", "person": "p1", "name": "t", "roles": [], "created": 1}
    connection.execute(insert(people.token).values(**token, expires=2**62, epoch=3))
    invitation = {"digest": "i", "roles": [["admin", "*"]], "created": 1, "expires": 2**62, "who": "xenia"}
    connection.execute(insert(people.invitation).values(**invitation))


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """An empty place: a folder, and the URL of a database."""
    folder = tmp_path / "restored"
    if request.param == "sqlite":
        yield folder, f"sqlite:///{folder / 'ringfence.db'}"
    else:
        running = request.getfixturevalue("postgresql")
        url = running.make()
        yield folder, url
        running.drop(url)


def rows(database: Database) -> dict[str, list[bytes]]:
    """All that is in a database, table by table."""
    with database.reading() as connection:
        found: dict[str, list[bytes]] = {}
        for chunk in dump(connection):
            found.setdefault(chunk.table, []).extend(sorted(chunk.lines.split(b"\n")))
    return found


def test_everything_comes_back_but_nobody_is_logged_in(place: Place, target: tuple[Path, str], tmp_path: Path) -> None:
    path = tmp_path / "backups" / "one.backup"
    made = create(place, path, PASSPHRASE, who="root")
    assert (made.lake_files, made.slices, made.files) == (2, 1, 2)
    found = verify(path, PASSPHRASE)
    assert (found.tables, found.lake_files, found.revision) == (made.tables, 2, made.revision)
    before = rows(place.database)
    folder, url = target
    restore(path, PASSPHRASE, folder, url, lambda: NOW + 5, who="root")
    restored = Database(url)
    after = rows(restored)
    gone = {"session"}
    changed = {"person", "token", "invitation", "setting", "audit", "ring_segment"}
    assert set(before) - set(after) == gone
    assert {name for name in after if after[name] != before.get(name)} == changed
    with restored.reading() as connection:
        assert connection.execute(select(people.person.c.epoch, people.person.c.totp)).one() == (4, b"\0\xff wrapped")
        assert connection.execute(select(people.token.c.revoked)).scalar() == NOW + 5
        assert connection.execute(select(people.invitation.c.used)).scalar() == NOW + 5
        assert connection.execute(select(audit.entry.c.act)).scalars().all() == ["person.create", "backup.restore"]
        child = connection.execute(select(inventory.site.c.parent).where(inventory.site.c.id == "0")).scalar()
        assert child == "a"
    keys = Keys(installation_secret(folder), lambda: NOW)
    assert [row.flow_id for row in flows(Lake(restored, folder, keys, lambda: NOW), ALWAYS)] == [1, 2]
    assert PacketRing(restored, folder, keys, lambda: NOW).download("f-1", payload=True)[0]
    assert (folder / "tls.key").read_bytes() == b"a key"
    with restored.writing() as connection:  # Numbers go on after those that were loaded.
        connection.execute(insert(operation.change).values(time=9, noun="device", id="d", what="new"))
        numbers = connection.execute(select(operation.change.c.number)).scalars().all()
    assert len(set(numbers)) == 4
    finished(folder)
    restored.close()


def test_what_was_revoked_does_not_revive(place: Place, tmp_path: Path) -> None:
    """A token that was revoked after the backup is dead in what is restored, whichever way it comes back."""
    path = tmp_path / "backups" / "one.backup"
    create(place, path, KEY_FILE, who="root")
    with place.database.writing() as connection:
        connection.execute(update(people.token).values(revoked=NOW))
    for number in (1, 2):
        folder = tmp_path / f"restored-{number}"
        restore(path, KEY_FILE, folder, f"sqlite:///{folder / 'ringfence.db'}", lambda: NOW, who="root")
        assert int((folder / FILE).read_text()) == int((path.parent / FILE).read_text()) == number
        again = Database(f"sqlite:///{folder / 'ringfence.db'}")
        with again.reading() as connection:
            token = connection.execute(select(people.token)).one()
            person = connection.execute(select(people.person)).one()
            assert token.revoked is not None
            assert token.epoch < person.epoch
            assert settings.get(connection, "revocation_epoch") == number
        assert not enforce(again, folder, NOW)
        again.close()


def test_an_old_database_put_in_place_by_hand_lets_nobody_in(place: Place, tmp_path: Path) -> None:
    assert not enforce(place.database, place.folder, NOW)
    (place.folder / FILE).write_text("5\n")  # A restore had been here; the database is a copy from before it.
    assert enforce(place.database, place.folder, NOW)
    assert not enforce(place.database, place.folder, NOW)
    with place.database.reading() as connection:
        assert connection.execute(select(people.session)).all() == []
        assert connection.execute(select(people.token.c.revoked)).scalar() == NOW
        assert connection.execute(select(people.person.c.epoch)).scalar() == 4


@pytest.mark.parametrize("text", ["", "nonsense", "-1", "9" * 40, "1\n2"])
def test_an_epoch_that_is_no_number_lets_nobody_in(place: Place, text: str) -> None:
    (place.folder / FILE).write_text(text)
    assert enforce(place.database, place.folder, NOW)
    assert not enforce(place.database, place.folder, NOW)
    with place.database.reading() as connection:
        assert connection.execute(select(people.session)).all() == []


def test_a_lost_epoch_file_is_made_again(place: Place) -> None:
    (place.folder / FILE).write_text("5\n")
    enforce(place.database, place.folder, NOW)
    (place.folder / FILE).unlink()
    assert not enforce(place.database, place.folder, NOW)
    assert (place.folder / FILE).read_text() == "5\n"


def test_the_wrong_key_is_told(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "one.backup"
    create(place, path, PASSPHRASE, who="root")
    for key in (WRONG, KEY_FILE):
        with pytest.raises(RingfenceError) as error:
            verify(path, key)
        assert error.value.code.code == "backup-key"
    with pytest.raises(RingfenceError) as error:
        create(place, tmp_path / "two.backup", ArchiveKey(material=b"short"), who="root")
    assert error.value.code.code == "backup-key"
    assert not (tmp_path / "two.backup").exists()


def test_nothing_readable_is_in_a_backup(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "one.backup"
    create(place, path, PASSPHRASE, who="root")
    data = path.read_bytes()
    secret = installation_secret(place.folder)
    assert not any(word in data for word in (secret, b"secret's digest", b"about.json", b"tables/", b"xenia"))
    assert path.stat().st_mode & 0o077 == 0


def test_a_backup_replaces_no_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "one.backup").write_bytes(b"another")
    with pytest.raises(RingfenceError):
        create(place, tmp_path / "one.backup", PASSPHRASE, who="root")
    assert (tmp_path / "one.backup").read_bytes() == b"another"


def test_a_damaged_backup_is_told_wherever_it_is_damaged(place: Place, tmp_path: Path) -> None:
    path, wrong = tmp_path / "one.backup", tmp_path / "wrong.backup"
    create(place, path, KEY_FILE, who="root")
    data = path.read_bytes()
    codes = {"backup-unreadable", "backup-key", "sealed-damaged"}
    step = max(len(data) // 60, 1)
    for spot in [*range(140), *range(140, len(data), step), len(data) - 1]:
        for damaged in (data[:spot], data[:spot] + bytes([data[spot] ^ 1]) + data[spot + 1 :]):
            wrong.write_bytes(damaged)
            with pytest.raises(RingfenceError) as error:
                verify(wrong, KEY_FILE)
            assert error.value.code.code in codes
    wrong.write_bytes(data + b"x")
    with pytest.raises(RingfenceError):
        verify(wrong, KEY_FILE)
    with pytest.raises(RingfenceError) as error:
        verify(tmp_path / "missing.backup", KEY_FILE)
    assert error.value.code.code == "backup-unreadable"


def test_a_backup_of_a_damaged_lake_is_found_out(place: Place, tmp_path: Path) -> None:
    lake_path = next((place.folder / "lake").rglob("*.sealed"))
    data = bytearray(lake_path.read_bytes())
    data[-1] ^= 1
    lake_path.write_bytes(data)
    create(place, tmp_path / "one.backup", KEY_FILE, who="root")
    with pytest.raises(RingfenceError) as error:
        verify(tmp_path / "one.backup", KEY_FILE)
    assert error.value.code.code == "sealed-damaged"
    lake_path.unlink()
    with pytest.raises(RingfenceError):
        create(place, tmp_path / "two.backup", KEY_FILE, who="root")
    assert not (tmp_path / "two.backup").exists()


def test_a_restore_takes_an_empty_place_only(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "one.backup"
    create(place, path, KEY_FILE, who="root")
    full = tmp_path / "full"
    full.mkdir()
    (full / "something").write_text("dear")
    for folder, url in ((full, f"sqlite:///{full / 'a.db'}"), (tmp_path / "new", _url(place.database))):
        before = hashlib.sha256(repr(rows(place.database)).encode()).digest()
        with pytest.raises(RingfenceError) as error:
            restore(path, KEY_FILE, folder, url, lambda: NOW, who="root")
        assert error.value.code.code == "restore-not-empty"
        assert hashlib.sha256(repr(rows(place.database)).encode()).digest() == before
    assert (full / "something").read_text() == "dear"
    assert [entry.name for entry in full.iterdir()] == ["something"]


def test_a_restore_that_was_cut_off_starts_nothing_and_can_be_run_again(
    place: Place, target: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.backup"
    create(place, path, KEY_FILE, who="root")
    folder, url = target

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for moment in ("write_epoch", "empty", "load", "revoke_everything"):
        with monkeypatch.context() as patch:
            patch.setattr(f"ringfence.store.restore.{moment}", cut)
            with pytest.raises(KeyboardInterrupt):
                restore(path, KEY_FILE, folder, url, lambda: NOW, who="root")
        with pytest.raises(RingfenceError) as error:
            finished(folder)
        assert error.value.code.code == "restore-unfinished"
    restore(path, KEY_FILE, folder, url, lambda: NOW, who="root")
    finished(folder)
    restored = Database(url)
    assert rows(restored)["site"] == rows(place.database)["site"]
    restored.close()


def _url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)

"""The secret, the periods' keys, and sealed files: what is cut, changed or swapped is never read."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from ringfence.model.errors import RingfenceError
from ringfence.store.database import Database
from ringfence.store.disk import appearing
from ringfence.store.keys import Keys, derive, installation_secret
from ringfence.store.schema.traffic import period_key
from ringfence.store.sealed import SealedWriter, unseal

KEY = bytes(range(32))
MIB = 1 << 20


def sealed(data: bytes, name: str = "n", key: bytes = KEY) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, key, name)
    for start in range(0, len(data), 300_000):
        writer.write(data[start : start + 300_000])
    writer.finish()
    return out.getvalue()


def opened(data: bytes, name: str = "n", key: bytes = KEY) -> bytes:
    return b"".join(unseal(io.BytesIO(data), key, name))


@pytest.mark.parametrize("length", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 5])
def test_what_is_sealed_is_read_back(length: int) -> None:
    data = os.urandom(length)
    made = sealed(data)
    assert opened(made) == data
    assert data[:64] not in made or length < 8


@given(st.data())
def test_a_changed_or_cut_file_is_refused(data: st.DataObject) -> None:
    made = bytearray(sealed(b"secret of the plant" * 3))
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(made) - 1))
        made[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del made[data.draw(st.integers(0, len(made) - 1)) :]
    with pytest.raises(RingfenceError) as error:
        opened(bytes(made))
    assert error.value.code.code == "sealed-damaged"


def test_a_file_cut_at_a_chunk_or_reordered_is_refused() -> None:
    made = sealed(os.urandom(3 * MIB))
    head, size = 40, MIB + 16
    chunks = [made[head + number * size : head + (number + 1) * size] for number in range(3)]
    for wrong in ([chunks[0], chunks[1]], [chunks[1], chunks[0], chunks[2]], [*chunks, chunks[2]]):
        with pytest.raises(RingfenceError, match="not what was sealed"):
            opened(made[:head] + b"".join(wrong))


def test_another_name_or_key_does_not_open_it() -> None:
    made = sealed(b"x")
    for name, key in (("other", KEY), ("n", bytes(32))):
        with pytest.raises(RingfenceError):
            opened(made, name, key)


def test_purposes_give_different_keys() -> None:
    assert len({derive(KEY, "wrap"), derive(KEY, "cookies"), derive(bytes(32), "wrap")}) == 3


def test_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = installation_secret(folder)
    assert len(first) == 32
    assert installation_secret(folder) == first
    assert (folder / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o700])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    installation_secret(tmp_path)
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(RingfenceError) as error:
        installation_secret(tmp_path)
    assert error.value.code.code == "secret-unsafe"
    assert oct(mode)[2:] in error.value.detail


def test_a_secret_of_another_length_or_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    (tmp_path / "secret").chmod(0o600)
    with pytest.raises(RingfenceError, match="32 bytes"):
        installation_secret(tmp_path)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "secret").symlink_to(tmp_path / "secret")
    with pytest.raises(RingfenceError) as error:
        installation_secret(linked)
    assert error.value.code.code == "secret-unsafe"


def test_a_period_has_one_key_until_it_is_dropped(database: Database) -> None:
    keys = Keys(KEY, lambda: 7)
    with database.writing() as connection:
        first = keys.make(connection, "lake", "2026-11-27")
        assert keys.make(connection, "lake", "2026-11-27") == first
        other = keys.make(connection, "ring", "2026-11-27")
    with database.reading() as connection:
        assert keys.find(connection, "lake", "2026-11-27") == first
        assert keys.find_all(connection, "ring") == {"2026-11-27": other}
        wrapped = connection.execute(select(period_key.c.wrapped)).scalars().all()
    assert first != other
    assert not any(first in row or other in row for row in wrapped)
    with database.writing() as connection:
        assert keys.drop(connection, "lake", "2026-11-27")
        assert not keys.drop(connection, "lake", "2026-11-27")
        assert keys.find(connection, "lake", "2026-11-27") is None
        assert keys.make(connection, "lake", "2026-11-27") != first


def test_a_key_that_is_dropped_while_it_is_made_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(KEY, lambda: 7)
    monkeypatch.setattr(Keys, "find", lambda *_: None)
    with database.writing() as connection, pytest.raises(RingfenceError) as raised:
        keys.make(connection, "lake", "2026-11-27")
    assert raised.value.code.code == "key-dropped"


def test_a_key_whose_transaction_failed_is_gone(database: Database) -> None:
    keys = Keys(KEY, lambda: 7)
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        keys.make(connection, "lake", "2026-11-27")
        raise ZeroDivisionError
    with database.reading() as connection:
        assert keys.find(connection, "lake", "2026-11-27") is None


def test_wrapped_keys_can_not_be_swapped_or_read_by_another_installation(database: Database) -> None:
    keys = Keys(KEY, lambda: 7)
    with database.writing() as connection:
        keys.make(connection, "lake", "2026-11-26")
        keys.make(connection, "lake", "2026-11-27")
        with pytest.raises(RingfenceError):
            Keys(bytes(32), lambda: 7).find(connection, "lake", "2026-11-26")
        stolen = connection.execute(select(period_key.c.wrapped).where(period_key.c.period == "2026-11-26")).scalar()
        connection.execute(update(period_key).where(period_key.c.period == "2026-11-27").values(wrapped=stolen))
        with pytest.raises(RingfenceError) as error:
            keys.find(connection, "lake", "2026-11-27")
    assert error.value.code.code == "sealed-damaged"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), appearing(tmp_path / "a" / "file") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert not list((tmp_path / "a").iterdir())
    with appearing(tmp_path / "a" / "file") as file:
        file.write(b"all")
        assert not (tmp_path / "a" / "file").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]
    assert (tmp_path / "a" / "file").stat().st_mode & 0o777 == 0o600


def test_where_nobody_may_write_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RingfenceError) as error, appearing(tmp_path / "file" / "below"):
        pass
    assert error.value.code.code == "output-not-writable"

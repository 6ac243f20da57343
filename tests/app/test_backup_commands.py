"""``ringfence backup`` and ``ringfence lake export``, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as parquet  # type: ignore[import-untyped]  # It ships no types.
import pytest
from sqlalchemy import insert, select
from tests.store.lake_rows import DAY, MORNING, flow, flow_table

from ringfence.app.cli import main
from ringfence.store.database import Database
from ringfence.store.keys import Keys, installation_secret
from ringfence.store.lake import Lake
from ringfence.store.migrate import upgrade
from ringfence.store.schema import audit, inventory

WORDS = "correct horse battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with its database and a lake of two days."""
    made = tmp_path / "data"
    keys = Keys(installation_secret(made), lambda: MORNING)
    database = Database(f"sqlite:///{made / 'ringfence.db'}")
    upgrade(database)
    with database.writing() as connection:
        connection.execute(insert(inventory.site).values(id="a", name="North"))
        lake = Lake(database, made, keys, lambda: MORNING)
        lake.write(connection, "b1", "flows.v1", flow_table([flow(1, MORNING), flow(2, MORNING - DAY)]))
    database.close()
    (tmp_path / "words").write_text(WORDS + "\n")
    return made


def test_a_backup_is_made_checked_and_restored(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--passphrase-file", str(tmp_path / "words")]
    assert main(["backup", "create", "--data", str(folder), *words]) == 0
    assert "2 files of the lake" in capsys.readouterr().out
    (path,) = (folder / "backups").glob("*.backup")
    assert main(["backup", "verify", str(path), *words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["result"], said["tables"]["site"], said["lake_files"]) == ("whole", 1, 2)
    new = tmp_path / "new"
    assert main(["backup", "restore", str(path), "--data", str(new), *words]) == 0
    assert "log in anew" in capsys.readouterr().out
    database = Database(f"sqlite:///{new / 'ringfence.db'}")
    with database.reading() as connection:
        assert connection.execute(select(inventory.site.c.name)).scalars().all() == ["North"]
        assert "backup.restore" in connection.execute(select(audit.entry.c.act)).scalars().all()
    database.close()
    old = Database(f"sqlite:///{folder / 'ringfence.db'}")
    with old.reading() as connection:
        assert connection.execute(select(audit.entry.c.act)).scalars().all() == ["backup.create"]
    old.close()
    assert main(["backup", "restore", str(path), "--data", str(new), *words]) == 2
    assert "restore-not-empty" in capsys.readouterr().err


def test_what_is_wrong_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "short").write_text("short\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd")
    data = ["--data", str(folder)]
    for arguments, code in (
        (["create", *data, "--passphrase-file", str(tmp_path / "short")], "backup-key"),
        (["create", *data, "--passphrase-file", str(tmp_path / "binary")], "backup-key"),
        (["create", *data, "--key-file", str(tmp_path / "missing")], "input-not-found"),
        (["create", *data, "--key-file", str(tmp_path / "short")], "backup-key"),
        (["create", *data], "usage"),
        (["create", "--data", str(tmp_path / "none"), "--passphrase-file", str(tmp_path / "words")], "usage"),
        (["verify", str(tmp_path / "words"), "--passphrase-file", str(tmp_path / "words")], "backup-unreadable"),
    ):
        assert main(["backup", *arguments]) == 2
        assert f"({code})" in capsys.readouterr().err
    assert not list(folder.rglob("*.backup"))


def test_the_lake_is_exported_as_plain_parquet(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "plain"
    data = ["--data", str(folder)]
    assert main(["lake", "export", str(out), *data, "--since", "2026-11-27", "--until", "2026-11-27"]) == 0
    assert "1 files written" in capsys.readouterr().out
    assert main(["lake", "export", str(out), *data]) == 0
    assert "1 files written" in capsys.readouterr().out, "what is there is not written again"
    table = parquet.read_table(out / "flows.v1")
    assert sorted(table.column("flow_id").to_pylist()) == [1, 2]
    assert {str(day) for day in table.column("day").to_pylist()} == {"2026-11-26", "2026-11-27"}
    assert main(["lake", "export", str(out), *data, "--since", "yesterday"]) == 2
    assert "(usage)" in capsys.readouterr().err

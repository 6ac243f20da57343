"""``ringfence upgrade``: says what would be done, and does it after a backup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.store.test_upgrading import migrations

from ringfence.app.cli import main
from ringfence.store import migrate
from ringfence.store.database import Database
from ringfence.store.keys import installation_secret


def test_it_checks_and_upgrades(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    installation_secret(folder)
    database = Database(f"sqlite:///{folder / 'ringfence.db'}")
    migrate.upgrade(database)
    database.close()
    command = ["upgrade", "--data", str(folder)]
    assert main([*command, "--check"]) == 0
    assert "Up to date" in capsys.readouterr().out
    monkeypatch.setattr(migrate, "_FOLDER", migrations(tmp_path))
    assert main([*command, "--check"]) == 0
    assert "would apply revision made_it_up" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["applied"] == ["made_it_up"]
    assert main(command) == 0
    assert "Up to date: revision made_it_up" in capsys.readouterr().out
    (folder / "restoring").write_text("{}")
    assert main(command) == 2
    assert "(restore-unfinished)" in capsys.readouterr().err

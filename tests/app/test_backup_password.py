"""Every command that opens the database gives it the password of the configuration: a PostgreSQL that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import binaries, server
from tests.program import missing

from ringfence.app.cli import main

PASSWORD = "a/b@c:d%"  # noqa: S105 Made for this test: letters that mean something in a URL.


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL, without a password, of a database whose role needs one."""
    if binaries() is None:
        missing("there is no PostgreSQL (Debian: postgresql)")
    with server() as running:
        yield running.make_locked(PASSWORD)


@pytest.fixture
def configured(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that name a data folder and a configuration with that database."""
    for name in ("RINGFENCE_CONFIG", "RINGFENCE_STORE_FOLDER", "RINGFENCE_STORE_DATABASE", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    (tmp_path / "words").write_text("correct horse battery\n")
    (tmp_path / "ringfence.toml").write_text(
        f"[store]\ndatabase = '{url}'\nfolder = '{tmp_path / 'data'}'\npassword_file = '{tmp_path / 'secret'}'\n"
    )
    return ["--config", str(tmp_path / "ringfence.toml")]


def test_every_command_has_the_password(
    configured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--passphrase-file", str(tmp_path / "words")]
    archive = str(tmp_path / "made.backup")
    for command in (
        ["upgrade"],
        ["upgrade", "--check"],
        ["people", "invite"],
        ["people", "list"],
        ["audit", "checkpoint"],
        ["audit", "verify"],
        ["backup", "create", archive, *words],
        ["lake", "export", str(tmp_path / "plain")],
        ["support-bundle", str(tmp_path / "support.zip")],
    ):
        code = main([*command, *configured])
        told = capsys.readouterr()
        assert code == 0, (command, told.err)
        assert PASSWORD not in told.out + told.err
    new = [*configured, "--data", str(tmp_path / "new")]
    assert main(["backup", "restore", archive, *new, *words]) == 2
    assert "(restore-not-empty)" in capsys.readouterr().err, "it came into the database, which is in use"
    (tmp_path / "secret").write_text("another\n")
    for command in (["upgrade", "--check", *configured], ["backup", "restore", archive, *new, *words]):
        assert main(command) != 0, "or the role would need no password"
        told = capsys.readouterr()
        assert "(store-unreachable)" in told.err
        assert "another" not in told.err

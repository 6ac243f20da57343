"""Configuration: precedence with its origin, unknown keys with what was meant, secrets only where they are safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.app.cli import main
from ringfence.app.config import keys, load
from ringfence.model.errors import RingfenceError


def written(folder: Path, text: str) -> Path:
    path = folder / "ringfence.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path | None, environment: dict[str, str] | None = None, **flags: object) -> RingfenceError:
    with pytest.raises(RingfenceError) as caught:
        load(path, environment or {}, {name.replace("__", "."): value for name, value in flags.items()})
    return caught.value


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    path = written(tmp_path, '[server]\nlisten = "127.0.0.1:1"\n[sensor]\nevery = 3\n[ring]\nhours = 9\n')
    environment = {"RINGFENCE_SERVER_LISTEN": "127.0.0.1:2", "RINGFENCE_SENSOR_EVERY": "4"}
    made = load(path, environment, {"server.listen": "127.0.0.1:3"})
    assert (made.server.listen, made.origins["server.listen"]) == ("127.0.0.1:3", "flag")
    assert (made.sensor.every, made.origins["sensor.every"]) == (4, "environment RINGFENCE_SENSOR_EVERY")
    assert (made.ring.hours, made.origins["ring.hours"]) == (9, f"file {path}")
    assert (made.log.level, made.origins["log.level"]) == ("info", "default")


def test_the_file_is_named_by_the_environment(tmp_path: Path) -> None:
    path = written(tmp_path, "[sensor]\ninterfaces = ['tap0', 'tap1']\n")
    assert load(None, {"RINGFENCE_CONFIG": str(path)}).sensor.interfaces == ("tap0", "tap1")
    assert load(None, {"RINGFENCE_SENSOR_INTERFACES": "tap2, tap3"}).sensor.interfaces == ("tap2", "tap3")


@pytest.mark.parametrize(
    ("text", "culprit", "meant"),
    [
        ("[server]\nlisten_on = ''", "server.listen_on", "server.listen"),
        ("[servr]\nlisten = ''", "servr", "server"),
        ("[server]\ndatabase = ''", "server.database", "store.database"),
        ("[store]\npasword_file = ''", "store.pasword_file", "store.password_file"),
    ],
)
def test_case_13_an_unknown_key_says_what_was_meant(tmp_path: Path, text: str, culprit: str, meant: str) -> None:
    error = refused(written(tmp_path, text))
    assert (error.code.code, error.code.exit_code, error.culprit) == ("config-key", 2, culprit)
    assert f"Did you mean {meant}?" in error.detail


def test_case_13_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "[log]\nlevle = 'info'\n")
    assert main(["config", "validate", "--config", str(path)]) == 2
    told = capsys.readouterr().err
    assert "log.levle" in told
    assert "Did you mean log.level?" in told
    assert "(config-key)" in told


def test_a_misspelt_variable_is_an_error_and_a_foreign_one_is_not() -> None:
    assert "RINGFENCE_SERVER_LISTEN" in refused(None, {"RINGFENCE_SERVER_LISTN": "x"}).detail
    assert "RINGFENCE_SERVER_LISTEN" in refused(None, {"RINGFENCE_SREVER_LISTEN": "x"}).detail
    assert load(None, {"RINGFENCE_TOKEN": "t", "RINGFENCEX": "y", "RINGFENCE_PLUGIN": "z"}).log.level == "info"


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("[sensor]\nevery = 'four'", "sensor.every"),
        ("[sensor]\nevery = true", "sensor.every"),
        ("[sensor]\nevery = -1", "sensor.every"),
        ("[sensor]\ninterfaces = 'tap0'", "sensor.interfaces"),
        ("[log]\nlevel = 'inof'", "log.level"),
        ("[server]\nlisten = '8470'", "server.listen"),
        ("[server]\nlisten = 'localhost:99999'", "server.listen"),
        ("[server]\ntls_certificate = 'a.pem'", "server.tls_key"),
        ("log = 'info'", "log"),
        ("[metrics]\ntoken_file = 7", "metrics.token_file"),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path: Path, text: str, culprit: str) -> None:
    error = refused(written(tmp_path, text))
    assert (error.code.code, error.culprit) == ("config-value", culprit)


def test_values_of_the_environment_are_checked_alike() -> None:
    for name, value in (("METRICS_ENABLED", "perhaps"), ("SENSOR_EVERY", "x"), ("LOG_FORMAT", "xml")):
        assert refused(None, {f"RINGFENCE_{name}": value}).code.code == "config-value"
    assert load(None, {"RINGFENCE_METRICS_ENABLED": "off"}).metrics.enabled is False


def test_what_is_no_toml_can_not_be_read(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere.toml").code.code == "config-unreadable"
    assert refused(written(tmp_path, "[server")).code.code == "config-unreadable"
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    assert refused(tmp_path / "bytes.toml").code.code == "config-unreadable"
    (tmp_path / "large.toml").write_text("#" * 1_000_001)
    assert "larger" in refused(tmp_path / "large.toml").detail
    (tmp_path / "deep.toml").write_text(f"a = {'[' * 100_000}")
    assert refused(tmp_path / "deep.toml").code.code == "config-unreadable"


@given(st.binary(max_size=200))
def test_any_file_is_either_read_or_refused_with_a_code(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    try:
        load(path, {})
    except RingfenceError as error:
        assert error.code.code.startswith("config-")


def test_a_secret_comes_from_a_file_the_environment_or_a_credential(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    path = written(tmp_path, f"[store]\ndatabase = 'postgresql://r@db/r'\npassword_file = '{secret}'\n")
    assert load(path, {}).store.password == "hunter2"  # noqa: S105 It is made for this test.
    database = {"RINGFENCE_STORE_DATABASE": "postgresql://r@db/ringfence"}
    assert load(None, database | {"RINGFENCE_STORE_PASSWORD": "b"}).store.password == "b"  # noqa: S105 As above.
    told = load(None, database | {"RINGFENCE_STORE_PASSWORD_FILE": str(secret)})
    assert told.store.password == "hunter2"  # noqa: S105 As above.
    (tmp_path / "ringfence.metrics.token").write_text("t")
    assert load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).metrics.token == "t"  # noqa: S105 As above.
    secret.write_text("\n")
    assert refused(path).code.code == "config-unreadable"


def test_the_password_comes_to_the_database(tmp_path: Path) -> None:
    path = written(tmp_path, "[store]\ndatabase = 'postgresql://r@db:5432/ringfence'\n")
    made = load(path, {"RINGFENCE_STORE_PASSWORD": "a/b@c:d"})
    assert made.store.database == "postgresql://r:a%2Fb%40c%3Ad@db:5432/ringfence"
    assert "a%2Fb" not in repr(made)
    assert not any("a%2Fb" in str(value) for _, value, _ in made.rows())
    for url in ("sqlite:///x", "postgresql:///ringfence"):
        path = written(tmp_path, f"[store]\ndatabase = '{url}'\n")
        assert refused(path, {"RINGFENCE_STORE_PASSWORD": "p"}).code.code == "config-value"
    assert refused(None, {"RINGFENCE_STORE_PASSWORD": "p"}).code.code == "config-value", "of no database"


def test_a_secret_in_the_file_or_on_the_command_line_is_refused(tmp_path: Path) -> None:
    assert refused(written(tmp_path, "[store]\npassword = 'hunter2'\n")).code.code == "config-secret"
    assert refused(None, {}, **{"metrics.token": "t"}).code.code == "config-secret"
    url = "postgresql://ringfence:hunter2@db/ringfence"
    error = refused(written(tmp_path, f"[store]\ndatabase = '{url}'\n"))
    assert error.code.code == "config-secret"
    assert "hunter2" not in str(error)
    assert load(None, {"RINGFENCE_STORE_DATABASE": url}).store.database == url
    hidden = "postgresql:///ringfence?user=r&password=hunter2"
    assert refused(written(tmp_path, f"[store]\ndatabase = '{hidden}'\n")).code.code == "config-secret"
    assert refused(None, {}, **{"store.database": url}).code.code == "config-secret"
    shown = [value for key, value, _ in load(None, {"RINGFENCE_STORE_DATABASE": hidden}).rows() if value]
    assert not any("hunter2" in str(value) for value in shown)


def test_show_tells_origins_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "[sensor]\nevery = 3\n")
    monkeypatch.setenv("RINGFENCE_METRICS_TOKEN", "hunter2")
    monkeypatch.setenv("RINGFENCE_STORE_DATABASE", "postgresql://ringfence:hunter2@db/ringfence")
    assert main(["config", "show", "--origin", "--config", str(path)]) == 0
    shown = capsys.readouterr().out
    assert f"# file {path}" in shown
    assert "# environment RINGFENCE_METRICS_TOKEN" in shown
    assert main(["config", "show", "--json", "--config", str(path)]) == 0
    made = capsys.readouterr().out
    assert json.loads(made)["configuration"]["sensor.every"] == {"value": 3, "origin": f"file {path}"}
    assert "hunter2" not in shown + made


def test_no_secret_stands_in_the_representation() -> None:
    url = "postgresql://r@db/ringfence"
    secrets = dict.fromkeys(("RINGFENCE_METRICS_TOKEN", "RINGFENCE_STORE_PASSWORD"), "hunter2")
    made = load(None, {"RINGFENCE_STORE_DATABASE": url, **secrets})
    assert "hunter2" not in repr(made)


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    for key in keys():
        assert key.doc.endswith("."), key.path
        assert f"`{key.name}`" in page
        assert key.variable in page

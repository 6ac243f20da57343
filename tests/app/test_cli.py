"""The command line: exit codes and their precedence, streams, outputs, and every error code provoked at a door."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.bundles import of_day, old
from tests.detect.traffic import VECTORS
from tests.plant import Plant
from tests.program import Finished, ringfence

from ringfence.model import bundle
from ringfence.model.errors import CODES, RingfenceError

CAPTURE = VECTORS / "ot_command" / "s7_stop" / "input.pcap"


@pytest.fixture(scope="module")
def old_knowledge(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose knowledge is of 2020."""
    return old(tmp_path_factory.mktemp("old"))


def truncated(folder: Path) -> Path:
    path = folder / "cut.pcap"
    path.write_bytes(CAPTURE.read_bytes()[:-7])
    return path


def test_json_on_standard_output_is_one_document() -> None:
    done = ringfence("analyze", CAPTURE, "--json", "-")
    assert done.code == 0, done.error
    document = json.loads(done.out)
    assert document["schema_version"] == 1
    assert document["capture"]["packets"] > 10
    assert [finding["rule"] for finding in document["findings"]] == ["ot_command"]
    assert "nothing was sent" in done.error.lower()


def test_standard_input_reads_a_capture() -> None:
    done = ringfence("analyze", "-", "--json", "-", "-q", stdin=CAPTURE.read_bytes())
    assert done.code == 0, done.error
    assert json.loads(done.out)["capture"]["packets"] > 10


def test_quiet_says_nothing(tmp_path: Path) -> None:
    done = ringfence("analyze", CAPTURE, "-q", "--json", tmp_path / "a.json")
    assert (done.code, done.out, done.error) == (0, "", "")


@pytest.mark.slow
def test_workers_change_nothing(tmp_path: Path) -> None:
    texts = []
    for workers in ("1", "2", "7"):
        done = ringfence("analyze", CAPTURE, "-q", "--json", "-", "--workers", workers)
        texts.append(done.out)
    assert len(set(texts)) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--fail-on", "critical"), 0),
        (("--fail-on", "high"), 1),
        (("--fail-on", "low"), 1),
        (("--max-age", "364"), 4),
        (("--max-age", "1", "--fail-on", "low"), 4),
        (("--max-age", "100000"), 0),
        (("--workers", "0"), 2),
        (("--no-such-option",), 2),
    ],
)
def test_exit_codes(words: tuple[str, ...], code: int, old_knowledge: dict[str, str]) -> None:
    assert ringfence("analyze", CAPTURE, "-q", *words, environment=old_knowledge).code == code


def test_partly_unreadable_input_exits_3_and_still_answers(tmp_path: Path, old_knowledge: dict[str, str]) -> None:
    words = ("-q", "--json", "-", "--fail-on", "low", "--max-age", "1")
    done = ringfence("analyze", truncated(tmp_path), *words, environment=old_knowledge)
    assert done.code == 3, "3 goes before 4 and 1"
    assert json.loads(done.out)["capture"]["quality"][0]["code"] == "unreadable"


def test_no_command_is_usage() -> None:
    assert ringfence().code == 2


def test_closed_pipe_is_no_error() -> None:
    program = f"{sys.executable} -m ringfence.app.cli protocols --json | head -c 10"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["protocols", "rules", "clues"])
def test_listings(name: str) -> None:
    rows = json.loads(ringfence(name, "--json").out)[name]
    shown = ringfence(name).out.splitlines()
    assert len(rows) == len(shown) >= 10


def test_doctor_is_well() -> None:
    done = ringfence("doctor", "--json")
    assert done.code == 0, done.out
    assert {check["name"] for check in json.loads(done.out)["checks"]} >= {"core", "knowledge", "listen-only"}


def test_explain_shows_a_packet() -> None:
    done = ringfence("explain", CAPTURE, "--packet", "10", "--json")
    assert done.code == 0, done.error
    assert json.loads(done.out)["frame"]["frame"] == 10
    assert "packet 10" in ringfence("explain", CAPTURE, "--packet", "10").out


def test_explain_knows_default_passwords() -> None:
    path = VECTORS / "default_credentials" / "telnet_let_in" / "input.pcap"
    logins = [
        record["value"]["default"]
        for number in range(1, 20)
        if "frame" in (answer := json.loads(ringfence("explain", path, "--packet", str(number), "--json").out or "{}"))
        for record in answer["records"]
        if record["kind"] == "telnet.login"
    ]
    assert logins == [True]


def test_pipes_and_links_stay_what_they_are(tmp_path: Path) -> None:
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    link.symlink_to(file)
    file.write_text("older")
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        done = ringfence("analyze", CAPTURE, "-q", "--json", pipe, "--html", link)
        assert reader.stdout is not None
        assert json.loads(reader.stdout.read())["devices"]
    assert done.code == 0, done.error
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert "<!doctype html>" in file.read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*.part-*"))


def test_no_output_overwrites_an_input(tmp_path: Path) -> None:
    path = tmp_path / "plant.pcap"
    path.write_bytes(CAPTURE.read_bytes())
    for name in ("json", "html", "observations", "flows", "transactions"):
        done = ringfence("analyze", path, f"--{name}", path)
        assert done.code == 2, name
        assert path.read_bytes() == CAPTURE.read_bytes()


def _signed(folder: Path, **changes: object) -> Path:
    note = {"source": "test", "date": "2026-01-01", "licence": "CC0"}
    data = bundle.sign("test", "2026-01-01", "2030-01-01", {"a.txt": b"a"}, {"a.txt": note}, b"\x07" * 32)
    path = folder / "test.bundle"
    path.write_bytes(data)
    return path


def _of_another_schema(folder: Path) -> tuple[Path, Path]:
    import io
    import zipfile

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    manifest = b'{"schema_version": 99}'
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("manifest.json", manifest)
        archive.writestr("manifest.sig", key.sign(manifest))
    path, public = folder / "new.bundle", folder / "key"
    path.write_bytes(made.getvalue())
    public.write_bytes(key.public_key().public_bytes_raw())
    return path, public


def _no_capture(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("This is no capture.\n" * 10)
    return path


def _older() -> None:
    from ringfence.inventory.knowledge.keys import RELEASE_KEYS
    from ringfence.inventory.knowledge.loader import builtin

    assert builtin().bundle
    import importlib.resources

    data = importlib.resources.files("ringfence.inventory.knowledge").joinpath("builtin.bundle").read_bytes()
    bundle.verify(data, RELEASE_KEYS, not_older_than="9999-01-01")


Door = Callable[[Path], list[str | Path]]

# Each code and what provokes it at the command line.
PROVOKED: dict[str, Door] = {
    "input-not-found": lambda folder: ["analyze", folder / "nothing.pcap"],
    "input-not-a-capture": lambda folder: ["analyze", _no_capture(folder)],
    "output-not-writable": lambda folder: ["analyze", CAPTURE, "--json", folder / "no" / "such" / "folder.json"],
    "usage": lambda folder: ["analyze", CAPTURE, "--json", folder / "same", "--html", folder / "same"],
    "bundle-unreadable": lambda folder: ["bundle", "verify", _no_capture(folder)],
    "bundle-signature": lambda folder: ["bundle", "verify", _signed(folder)],
    "bundle-schema": lambda folder: ["bundle", "verify", *_schema_words(folder)],
    "packet-not-found": lambda folder: ["explain", CAPTURE, "--packet", "999999"],
    "knowledge-stale": lambda folder: ["analyze", CAPTURE, "-q", "--max-age", "1"],
}


def _schema_words(folder: Path) -> list[str | Path]:
    path, key = _of_another_schema(folder)
    return [path, "--trust", key]


@pytest.mark.parametrize("code", PROVOKED)
def test_error_code_is_provoked(code: str, tmp_path: Path, old_knowledge: dict[str, str]) -> None:
    done = ringfence(*PROVOKED[code](tmp_path), environment=old_knowledge)
    assert f"({code})" in done.error, done.error
    assert done.code == CODES[code].exit_code
    assert CODES[code].remedy in done.error
    assert "Traceback" not in done.error


def test_older_knowledge_is_refused() -> None:
    with pytest.raises(RingfenceError) as raised:
        _older()
    assert raised.value.code.code == "bundle-older"


def test_the_unforeseen_is_internal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from ringfence.app import cli
    from ringfence.app.commands import doctor

    def fail(_: object) -> int:
        raise ZeroDivisionError("made to fail")

    monkeypatch.setattr(doctor, "doctor", fail)
    monkeypatch.delenv("RINGFENCE_TRACEBACK", raising=False)
    assert cli.main(["doctor"]) == 5
    assert "(internal)" in capsys.readouterr().err


# Codes that no argument of a command can provoke, with the test that does.
PROVOKED_WITHIN: dict[str, Callable[..., None]] = {
    "bundle-older": test_older_knowledge_is_refused,
    "internal": test_the_unforeseen_is_internal,
}


def test_every_code_is_provoked() -> None:
    here = Path(__file__)
    others = "\n".join(path.read_text(encoding="utf-8") for path in here.parents[1].rglob("*.py") if path != here)
    known = {*PROVOKED, *PROVOKED_WITHIN}
    lost = [code for code in CODES if code not in known and not re.search(rf"(?<![\w-]){code}(?![\w-])", others)]
    assert not lost, "a code that no test names is no part of the vocabulary"
    for code, test in PROVOKED_WITHIN.items():
        assert code in inspect.getsource(test)


def test_a_hostile_file_name_is_escaped(tmp_path: Path) -> None:
    done = ringfence("analyze", tmp_path / "\x1b[31mred\x07.pcap")
    assert "\x1b" not in done.error
    assert "\x07" not in done.error


def test_start_up_time_is_measured() -> None:
    # Shown, not judged: the figure that decides is taken on a quiet machine by bench/.
    ringfence("--version")
    start = time.perf_counter()
    assert ringfence("--version").code == 0
    seconds = time.perf_counter() - start
    print(f"ringfence --version: {seconds:.2f} s")  # noqa: T201 Shown by `pytest -rP`.
    assert seconds < 20


def test_many_files_are_one_run(tmp_path: Path) -> None:
    first, second = Plant(), Plant(start=1_760_000_100_000_000_000)
    for number, plant in enumerate((first, second)):
        hmi = plant.hmi("10.0.0.9")
        hmi.writes(plant.station("10.0.0.20"), register=number, value=7)
    paths = [plant.save(tmp_path / f"{number}.pcap") for number, plant in enumerate((first, second))]
    joined = json.loads(ringfence("analyze", *paths, "-q", "--json", "-").out)
    apart = json.loads(ringfence("analyze", *paths, "-q", "--json", "-", "--domains", "per-input").out)
    assert len(joined["devices"]) == 2
    assert len(apart["devices"]) == 4


# --- knowledge that was imported --------------------------------------------------------------------------------------


def _imported(knowledge: Path, path: Path, *words: str | Path) -> Finished:
    return ringfence("bundle", "import", path, *words, environment={"RINGFENCE_KNOWLEDGE": str(knowledge)})


def _knowledge_of(knowledge: Path) -> str:
    done = ringfence("doctor", "--json", environment={"RINGFENCE_KNOWLEDGE": str(knowledge)})
    rows = {check["name"]: check["detail"] for check in json.loads(done.out)["checks"]}
    return str(rows["knowledge"])


def test_an_imported_bundle_is_in_use_and_audited(tmp_path: Path) -> None:
    path, key = of_day(tmp_path, "2090-01-01")
    folder = tmp_path / "knowledge"
    done = _imported(folder, path, "--trust", key, "--json")
    assert done.code == 0, done.error
    assert json.loads(done.out)["id"] == "site-2090-01-01"
    assert "site-2090-01-01" in _knowledge_of(folder)
    (line,) = (folder / "audit.jsonl").read_text().splitlines()
    assert json.loads(line)["action"] == "bundle import"


def test_a_bundle_without_a_table_that_clues_ask_is_refused(tmp_path: Path) -> None:
    path = _signed(tmp_path)
    _, key = of_day(tmp_path, "2090-01-01")
    key.write_bytes(_public(b"\x07" * 32))
    done = _imported(tmp_path / "knowledge", path, "--trust", key, "--allow-older")
    assert "(bundle-schema)" in done.error
    assert not (tmp_path / "knowledge").exists()


def _public(private: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def test_only_a_trusted_key_imports(tmp_path: Path) -> None:
    path, _ = of_day(tmp_path, "2090-01-01")
    done = _imported(tmp_path / "knowledge", path)
    assert "(bundle-signature)" in done.error
    assert not (tmp_path / "knowledge").exists()


def test_older_knowledge_needs_to_be_allowed(tmp_path: Path) -> None:
    path, key = of_day(tmp_path, "2020-01-01")
    folder = tmp_path / "knowledge"
    refused = _imported(folder, path, "--trust", key)
    assert (refused.code, "(bundle-older)" in refused.error) == (2, True)
    assert _imported(folder, path, "--trust", key, "--allow-older").code == 0
    assert "site-2020-01-01" in _knowledge_of(folder)
    assert json.loads((folder / "audit.jsonl").read_text())["allow_older"] is True


def test_an_imported_bundle_that_was_changed_is_an_error(tmp_path: Path) -> None:
    path, key = of_day(tmp_path, "2090-01-01")
    folder = tmp_path / "knowledge"
    _imported(folder, path, "--trust", key)
    (folder / "knowledge.bundle").write_bytes(of_day(tmp_path, "2091-01-01")[0].read_bytes())
    done = ringfence("analyze", CAPTURE, "-q", environment={"RINGFENCE_KNOWLEDGE": str(folder)})
    assert (done.code, "(bundle-unreadable)" in done.error) == (2, True)


# --- starting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["analyze", "--help"]])
def test_starting_loads_no_room(words: list[str]) -> None:
    program = (
        "import sys\nfrom ringfence.app.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.splitlines())
    own = {name for name in loaded if name.startswith("ringfence")}
    assert own <= {"ringfence", "ringfence.app", "ringfence.app.cli", "ringfence.model", "ringfence.model.errors"}, own
    assert not loaded & {"rich", "cryptography", "json", "zipfile", "ipaddress", "asyncio", "socket", "datetime"}


def test_a_quiet_analysis_loads_no_terminal_and_no_report(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom ringfence.app.cli import main\n"
        f"main(['analyze', {str(CAPTURE)!r}, '-q'])\nprint(*sys.modules, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines())
    assert "ringfence.app.pipeline" in loaded
    assert not loaded & {"rich", "ringfence.app.document", "ringfence.app.terminal", "ringfence.app.export.html"}

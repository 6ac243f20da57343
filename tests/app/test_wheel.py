"""The wheel: one for every Python from 3.11 on, and it works where there is no Rust."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.detect.traffic import VECTORS
from tests.program import ROOT, missing

CAPTURE = VECTORS / "ot_command" / "s7_stop" / "input.pcap"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("cargo"):
        missing("no cargo on this machine, so no wheel can be built")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "maturin", "build", "--release", "--quiet", "--out", str(folder)], cwd=ROOT, check=True
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.slow
def test_wheel_is_for_every_python_from_3_11(wheel: Path) -> None:
    assert "-cp311-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert "ringfence/py.typed" in names
    assert "ringfence/app/schema/analysis.schema.json" in names
    assert "ringfence/inventory/knowledge/builtin.bundle" in names
    assert any(name.endswith("/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "vectors/", "crates/"))]


@pytest.mark.slow
def test_wheel_runs_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    # The machine's own settings for pip stay; Rust and the checkout's Python path go.
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("CARGO", "RUST", "PYTHON"))}
    bare["PATH"] = f"{place}/bin:/usr/bin:/bin"
    assert not shutil.which("cargo", path=bare["PATH"])
    install = [str(place / "bin" / "pip"), "install", "--quiet"]
    subprocess.run([*install, "--require-hashes", "-r", str(ROOT / "requirements" / "run.txt")], env=bare, check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], env=bare, check=True)
    done = subprocess.run(
        [str(place / "bin" / "ringfence"), "analyze", str(CAPTURE), "-q", "--json", "-"],
        env=bare,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [finding["rule"] for finding in json.loads(done.stdout)["findings"]] == ["ot_command"]

"""``scripts/new`` in a copy of the tree: what it writes is in order, and red until its evidence is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.program import ROOT, missing

COPIED = ("src", "scripts", "tests", "vectors", "docs", "crates", "requirements", "pyproject.toml", "Cargo.toml")
COPIED_TOO = ("Cargo.lock", "Makefile", "README.md", "rustfmt.toml", ".gitignore")
NAME = "made_up"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copied(tmp_path)


def copied(folder: Path) -> Path:
    """Copy what the tree is made of: neither git nor a virtual environment."""
    leave_out = shutil.ignore_patterns("__pycache__", "demo", "oracle")
    for name in (*COPIED, *COPIED_TOO):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=leave_out)
        elif source.exists():
            shutil.copy(source, folder / name)
    return folder


def started(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tree / "scripts" / "new", *words], capture_output=True, text=True, check=False)


def files(tree: Path) -> dict[Path, str]:
    found = (path for path in tree.rglob("*") if path.is_file() and path.suffix in {".py", ".rs", ".md", ".yaml", ""})
    return {path.relative_to(tree): path.read_text(encoding="utf-8", errors="replace") for path in found}


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'src'}", "MYPYPATH": str(tree / "src")}
    done = [sys.executable, "-m", *words]
    return subprocess.run(done, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def failed(tree: Path, *words: str) -> set[str]:
    """The names of the tests that fail, without what stands in brackets."""
    done = run(tree, "pytest", "-p", "no:cacheprovider", "-rfE", *words)
    found = re.findall(r"^(?:FAILED|ERROR) \S+?::(\w+)", done.stdout, re.MULTILINE)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return set(found)


PYTHON = {
    "clue": (
        [f"src/ringfence/inventory/clues/{NAME}.py", f"tests/inventory/test_clue_{NAME}.py"],
        f"vectors/inventory/{NAME}/case.json",
        "src/ringfence/inventory/clues/__init__.py",
    ),
    "rule": (
        [f"src/ringfence/detect/rules/{NAME}.py", f"tests/detect/test_{NAME}.py"],
        f"vectors/detect/{NAME}/found/case.yaml",
        "src/ringfence/detect/rules/__init__.py",
    ),
}


@pytest.mark.parametrize("sort", PYTHON)
def test_file_line_and_vectors_are_there_and_pass_the_linter(tree: Path, sort: str) -> None:
    sources, vector, registry = PYTHON[sort]
    before = files(tree)
    done = started(tree, sort, NAME)
    assert done.returncode == 0, done.stderr
    assert (tree / vector).is_file()
    text = (tree / registry).read_text(encoding="utf-8")
    assert re.search(rf"^from \S+\.{NAME} import MadeUp$", text, re.MULTILINE)
    assert "\n    MadeUp,\n)" in text
    for command in (["check"], ["format", "--check"]):
        linted = run(tree, "ruff", *command, *sources, registry)
        assert linted.returncode == 0, linted.stdout
    after = files(tree)
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {Path(registry)}, "one line in the visible tuple, and nothing else is touched"


@pytest.mark.slow
@pytest.mark.parametrize("sort", PYTHON)
def test_types_are_in_order(tree: Path, sort: str) -> None:
    sources, _, registry = PYTHON[sort]
    assert started(tree, sort, NAME).returncode == 0
    done = run(tree, "mypy", *sources, registry)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_new_clue_is_red_where_evidence_is_missing(tree: Path) -> None:
    assert started(tree, "clue", NAME).returncode == 0
    where = ["tests/test_house.py", "tests/inventory/test_clues.py", f"tests/inventory/test_clue_{NAME}.py"]
    assert failed(tree, *where, "-k", f"{NAME} or MadeUp or unique or pages or placeholder or vector") == {
        "test_clue_brings_its_evidence",
        "test_names_are_unique_and_what_is_read_exists",
        "test_names_are_unique_and_pages_complete",
        "test_vectors",
        "test_every_vector_says_where_it_comes_from",
        "test_no_placeholder_is_left",
        f"test_{NAME}_is_silent_where_a_neighbour_speaks",
    }


@pytest.mark.slow
def test_a_new_rule_is_red_where_evidence_is_missing(tree: Path) -> None:
    assert started(tree, "rule", NAME).returncode == 0
    where = ["tests/test_house.py", "tests/detect/test_rules.py", f"tests/detect/test_{NAME}.py"]
    assert failed(tree, *where, "-k", f"{NAME} or MadeUp or unique or placeholder or every_rule or every_folder") == {
        "test_rule_brings_its_evidence",
        "test_names_are_unique_and_what_is_read_exists",
        "test_every_rule_has_a_scene_where_it_fires_and_one_where_it_must_not",
        "test_every_folder_is_a_scene",
        "test_no_placeholder_is_left",
        f"test_{NAME}_is_silent_just_below_its_threshold",
    }


def test_a_dissector_is_a_folder_two_lines_and_vectors(tree: Path) -> None:
    before = files(tree)
    done = started(tree, "dissector", NAME)
    assert done.returncode == 0, done.stderr
    registry, library = (Path("crates/dissect/src") / name for name in ("registry.rs", "lib.rs"))
    assert f"    &crate::{NAME}::PROTOCOL,\n];" in (tree / registry).read_text(encoding="utf-8")
    assert f"\npub mod {NAME};\n" in (tree / library).read_text(encoding="utf-8")
    assert (tree / "vectors" / NAME / "message" / "case.yaml").is_file()
    after = files(tree)
    assert {path for path in before if after[path] != before[path]} == {registry, library}


@pytest.mark.slow
def test_a_new_dissector_compiles_and_its_test_is_red() -> None:
    if not shutil.which("cargo"):
        missing("no cargo on this machine")
    # Always in the same place, so that what was compiled once is used again and not left behind.
    place = ROOT / "target" / "new_extension"
    shutil.rmtree(place / "tree", ignore_errors=True)
    tree = copied(place / "tree")
    assert started(tree, "dissector", NAME).returncode == 0
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(place),
        "CARGO_PROFILE_DEV_OPT_LEVEL": "0",
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "RUSTFLAGS": "-D warnings",
    }

    def cargo(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["cargo", *words], cwd=tree, env=environment, capture_output=True, text=True, check=False)

    formatted = cargo("fmt", "--check", "-p", "ringfence-dissect")
    assert formatted.returncode == 0, formatted.stdout
    built = cargo("test", "--quiet", "--locked", "-p", "ringfence-dissect", "--lib", "--no-run")
    assert built.returncode == 0, built.stderr
    played = cargo("test", "--quiet", "--locked", "-p", "ringfence-dissect", "--lib", f"{NAME}::")
    assert f"{NAME}::tests::the_vectors_give_what_their_cases_expect" in played.stdout, played.stdout
    assert played.returncode != 0, "a dissector without evidence must be red"


@pytest.mark.parametrize("name", ["Utils", "two__lines", "class", "7up", "../up", "a" * 41, "", "oui", "cip_identity"])
def test_what_is_no_name_or_is_there_already_is_refused(tree: Path, name: str) -> None:
    (tree / "src/ringfence/inventory/clues/cip_identity.py").touch()
    before = files(tree)
    done = started(tree, "clue", name)
    assert done.returncode == 2
    assert "scripts/new: " in done.stderr
    assert files(tree) == before

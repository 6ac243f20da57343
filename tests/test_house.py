"""The house rules that a machine can check: evidence for every extension, errors, sizes, names, what a file may say.

The floor plan itself stands in ``.importlinter``; this module holds what import-linter can't see.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from ringfence import _core
from ringfence.detect.rules import BUILTIN_RULES
from ringfence.inventory.clues import BUILTIN_CLUES
from ringfence.model.errors import CODES

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "ringfence"
LINE_LIMIT = 800
LINE_TARGET = 500
FORBIDDEN_NAMES = {"util", "utils", "common", "helper", "helpers", "base", "manager", "misc"}
CODE = (".py", ".rs", ".js", ".css", ".pyi")
TEXT = (*CODE, ".md", ".toml", ".txt", ".yaml", ".tsv", ".sh", ".cfg", ".ini", ".in", ".json", ".html", ".lock", "")
ROOT_ENTRIES = {"crates", "src", "tests", "vectors", "bench", "docs", "scripts", "deploy", "fuzz", "requirements"}

PROTOCOLS = [row for row in _core.registry() if row["carriers"]]


@cache
def tracked() -> tuple[Path, ...]:
    """Files that git knows, or all but what was built where this is no clone."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())
    built = {".git", ".venv", "target", "build", "dist"}
    return tuple(path for path in ROOT.rglob("*") if path.is_file() and not built & set(path.relative_to(ROOT).parts))


def modules() -> Iterator[str]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.slow
def test_every_module_imports_alone() -> None:
    # One process per module would take minutes; forking before each import gives each an interpreter of its own.
    program = """
import os, sys
# What others wrote is loaded once: it takes most of the time, and is no module of ours.
import authlib, duckdb, fastapi.testclient, jinja2, prometheus_client, rich.console, sqlalchemy, uvicorn, webauthn
broken = []
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            __import__(name)
        except BaseException as error:
            print(name, type(error).__name__, error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        broken.append(name)
sys.exit(bool(broken))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *modules()], cwd=SOURCE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_package_is_lazy() -> None:
    program = "import sys, ringfence; print(sorted(name for name in sys.modules if name.startswith('ringfence')))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=SOURCE.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['ringfence']"


def test_public_names_are_what_they_say() -> None:
    package = import_module("ringfence")
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError):
        package.nothing_of_this_name  # noqa: B018 Asking for it is the test.


@pytest.mark.parametrize("row", PROTOCOLS, ids=lambda row: row["name"])
def test_protocol_brings_its_evidence(row: dict[str, object]) -> None:
    name = str(row["name"])
    assert row["title"]
    assert row["source"]
    assert row["limits"], "a protocol that states no limits is a claim that nobody checked"
    _has_vectors(ROOT / "vectors" / name)
    _has_page("protocols.md", name)
    for kind in row["kinds"]:  # type: ignore[attr-defined]  # The registry's rows are dicts.
        assert kind["doc"], kind["name"]
        assert kind["source"], kind["name"]
        assert all(field["doc"] for field in kind["fields"]), kind["name"]


@pytest.mark.parametrize("clue", BUILTIN_CLUES, ids=lambda clue: clue.NAME)
def test_clue_brings_its_evidence(clue: type) -> None:
    doc = clue.DOC  # type: ignore[attr-defined]  # Every clue has one; that is what is tested.
    assert doc.title
    assert doc.source
    assert doc.limits
    name = clue.NAME  # type: ignore[attr-defined]  # As above.
    _has_vectors(ROOT / "vectors" / "inventory" / name)
    _has_page("clues.md", name)


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.NAME)
def test_rule_brings_its_evidence(rule: type) -> None:
    doc = rule.DOC  # type: ignore[attr-defined]  # Every rule has one; that is what is tested.
    assert all((doc.title, doc.why, doc.attack, doc.remedy, doc.source, doc.limits))
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", technique) for technique in doc.attack)
    name = rule.NAME  # type: ignore[attr-defined]  # As above.
    _has_vectors(ROOT / "vectors" / "detect" / name)
    _has_page("rules.md", name)


def _has_vectors(folder: Path) -> None:
    assert folder.is_dir(), f"no vectors: {folder.relative_to(ROOT)}"
    cases = [path for path in folder.rglob("case*") if path.is_file()]
    assert cases, f"no case in {folder.relative_to(ROOT)}"


def _has_page(page: str, name: str) -> None:
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert f"\n## {name}\n" in text, f"{name} is not in docs/reference/{page}: run `make docs`"


def test_every_vector_says_where_it_comes_from() -> None:
    said = re.compile(r"^[^\w\n]*source[^\w\n]*:[^\w\n]*\w", re.MULTILINE)
    licensed = re.compile(r"^[^\w\n]*licence[^\w\n]*:[^\w\n]*\w", re.MULTILINE)
    for path in sorted((ROOT / "vectors").rglob("case.*")):
        text = path.read_text(encoding="utf-8")
        assert said.search(text), f"{path.relative_to(ROOT)} does not say where it comes from"
        assert licensed.search(text), f"{path.relative_to(ROOT)} does not say under which licence it is"


def test_no_placeholder_is_left() -> None:
    # `scripts/new` writes such words where a sentence belongs; only its own templates may hold them.
    placeholder = re.compile("TODO" + r"_[A-Z]+")
    found = [
        f"{path}: {match[0]}"
        for path, text in _texts()
        if path.name != "new_extension.py" and (match := placeholder.search(text))
    ]
    assert not found, found


@pytest.mark.parametrize("tuple_of", [BUILTIN_RULES, BUILTIN_CLUES], ids=["rules", "clues"])
def test_names_are_unique_and_what_is_read_exists(tuple_of: tuple[type, ...]) -> None:
    names = [member.NAME for member in tuple_of]  # type: ignore[attr-defined]  # As above.
    assert len(names) == len(set(names))
    known = {kind["name"] for row in _core.registry() for kind in row["kinds"]} | {"conversations", "part.seen"}
    for member in tuple_of:
        reads = member.READS  # type: ignore[attr-defined]  # As above.
        unknown = set((reads,) if isinstance(reads, str) else reads) - known
        assert not unknown, f"{member.__name__} reads what nothing makes: {sorted(unknown)}"


def test_each_extension_is_one_file_and_one_line() -> None:
    for folder, members in (("detect/rules", BUILTIN_RULES), ("inventory/clues", BUILTIN_CLUES)):
        files = {path.stem for path in (SOURCE / folder).glob("*.py")} - {"__init__", "clue"}
        used = {member.__module__.rpartition(".")[2] for member in members}
        assert files == used, f"{folder}: files without a line in the tuple, or the other way round"


def test_error_codes_are_documented() -> None:
    text = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    for code, row in CODES.items():
        assert code == row.code
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+|usage|query|internal", code)
        assert f"`{code}`" in text, f"{code} is not in docs/reference/errors.md: run `make docs`"
        assert row.remedy.endswith(".")
        assert row.exit_code in (2, 3, 4, 5)


def pages() -> list[Path]:
    """What people read: every Markdown page outside vectors, and the notebooks' text."""
    written = [path for path in tracked() if path.suffix in (".md", ".ipynb")]
    return [path for path in written if "vectors" not in path.relative_to(ROOT).parts]


def _markdown(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


@cache
def _anchors(page: Path) -> frozenset[str]:
    headings = re.findall(r"^#+ +(.+?) *$", _markdown(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return frozenset(plain)


def test_links_resolve() -> None:
    broken = []
    for page in pages():
        for link in re.findall(r"\]\(([^)\s]+)\)", _markdown(page)):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
            elif anchor and (target.suffix != ".md" or anchor not in _anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link} has no such heading")
    assert len(pages()) > 20
    assert not broken, broken


def test_what_comments_cite_stands_in_the_docs() -> None:
    contract = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    house = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    cited = 0
    for path, text in _texts():
        for section in re.findall(r"[Cc]ontract §(\d+)", text):
            cited += 1
            assert f"\n## {section}. " in contract, f"{path} cites contract §{section}"
        for principle in re.findall(r"house\.md, principle (\d+)", text):
            assert f"\n{principle}. **" in house, f"{path} cites principle {principle}"
    assert cited > 20


def test_every_page_under_docs_can_be_reached() -> None:
    start = ROOT / "README.md"
    seen, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        for link in re.findall(r"\]\(([^)#\s]+)", _markdown(page)):
            target = (page.parent / link).resolve()
            if target.suffix in (".md", ".ipynb") and target.is_file() and target not in seen:
                seen.add(target)
                waiting.append(target)
    lost = [str(page.relative_to(ROOT)) for page in pages() if ROOT / "docs" in page.parents and page not in seen]
    assert not lost, f"no link leads from README.md to {lost}"


def test_commands_that_are_documented_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    scripts = {path.name for path in (ROOT / "scripts").iterdir()}
    commands = _commands_of_ringfence()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        code = re.findall(r"`([^`\n]+)`", text) + re.findall(
            r"^(?:    |\$ )?((?:make|ringfence) .+)$", text, re.MULTILINE
        )
        for line in code:
            for made in re.findall(r"(?:^|&& |; )make ([a-z]+)", line):
                assert made in targets, f"{page.relative_to(ROOT)}: make {made}"
            for script in re.findall(r"(?:^| )scripts/([\w.]+)", line):
                assert script in scripts, f"{page.relative_to(ROOT)}: scripts/{script}"
            for words in re.findall(r"^ringfence ([a-z][a-z-]*)", line):
                assert words in commands, f"{page.relative_to(ROOT)}: ringfence {words}"
    shown = set(re.findall(r"^make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= shown, "README.md shows the two commands"


def test_numbers_in_the_readme_are_those_of_the_code() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for number, what in ((len(PROTOCOLS), "protocols"), (len(BUILTIN_RULES), "rules")):
        said = re.search(rf"\b(\d+) {what}\b", text)
        assert said is not None, f"README.md says how many {what} there are"
        assert int(said[1]) == number, f"README.md says {said[0]}"


def _commands_of_ringfence() -> set[str]:
    import argparse

    from ringfence.app.cli import parser

    (actions,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return set(actions.choices)


def test_raised_codes_stand_in_the_vocabulary() -> None:
    raised = re.compile(r'RingfenceError\(\s*"([a-z-]+)"')
    for path in SOURCE.rglob("*.py"):
        unknown = set(raised.findall(path.read_text(encoding="utf-8"))) - set(CODES)
        assert not unknown, f"{path.relative_to(ROOT)} raises {sorted(unknown)}"


def test_codes_that_the_core_raises_stand_in_the_vocabulary() -> None:
    families = {code.partition("-")[0] for code in CODES if "-" in code}
    word = re.compile(rf'"((?:{"|".join(sorted(families))})-[a-z-]+)"')
    found = {code for path in (ROOT / "crates" / "python").rglob("*.rs") for code in word.findall(path.read_text())}
    assert {"input-not-found", "input-not-a-capture", "output-not-writable"} <= found
    assert found <= set(CODES)


def test_decisions_are_numbered_short_and_name_what_is_bad() -> None:
    numbers = []
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        named = re.fullmatch(r"(\d{3})-[a-z0-9-]+\.md", path.name)
        assert named is not None, f"{path.name} is no NNN-title.md"
        numbers.append(int(named[1]))
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^Decided \d{4}-\d\d-\d\d|^Frozen .* \d{4}-\d\d-\d\d", text, re.MULTILINE), path.name
        assert re.search(r"[Ww]hat is bad about it", text), f"{path.name} names no negative consequence"
        assert len(text.split()) < 1_200, f"{path.name} is longer than two pages"
    assert numbers == list(range(1, len(numbers) + 1)), "numbers follow one another"


def test_files_are_short() -> None:
    lengths = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for path in tracked()
        if path.suffix in CODE
    }
    long = sorted(((length, str(path)) for path, length in lengths.items() if length > LINE_TARGET), reverse=True)
    for length, name in long:
        print(f"over the target of {LINE_TARGET} lines: {name} ({length})")  # noqa: T201 Shown by `pytest -rP`.
    over = [f"{name}: {length}" for length, name in long if length > LINE_LIMIT]
    assert not over, f"files over {LINE_LIMIT} lines: {over}"


def test_no_file_has_a_name_that_says_nothing() -> None:
    named = [path for path in tracked() if {path.stem, path.parent.name} & FORBIDDEN_NAMES]
    assert not named, f"a name must tell what is not in it: {named}"


def test_the_root_holds_what_it_should() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in tracked() if len(path.relative_to(ROOT).parts) > 1}
    assert {name for name in folders if not name.startswith(".")} <= ROOT_ENTRIES


def _texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        if path.suffix in TEXT and "vectors" not in path.parts:
            try:
                yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_no_file_names_a_registry_or_a_machine() -> None:
    # The words are put together here, so that this file may say what it looks for.
    hosts = ["pypi" + ".org", "files.python" + "hosted.org", "index.crates" + ".io", "static.crates" + ".io"]
    lines = [re.escape(host) for host in hosts] + [
        r"^--(?:extra-)?index-url",
        r"^--find-links",
        "/" + r"(?:work|root)/\w",
    ]
    found = re.compile("|".join(lines), re.MULTILINE)
    told = [f"{path}: {match[0]}" for path, text in _texts() if (match := found.search(text))]
    assert not told, told


def test_locks_carry_hashes() -> None:
    for name in ("run.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
        rows = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
        assert rows
        assert all(re.match(r"\S+==\S+ +--hash=sha256:", row) for row in rows)
    for crate in ("Cargo.lock",):
        assert "checksum = " in (ROOT / crate).read_text(encoding="utf-8")


def test_dependencies_are_few_and_locked() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = re.search(r"^dependencies = \[(.*?)\]$", project, re.MULTILINE | re.DOTALL)
    assert wanted is not None
    names = {re.match(r"[\w-]+", item)[0] for item in re.findall(r'"([^"]+)"', wanted[1])}  # type: ignore[index]  # It matches.
    locked = (ROOT / "requirements" / "run.in").read_text(encoding="utf-8").split()
    assert names == set(locked)


# What silences a linter, by suffix; a full sentence behind it on the same line says why.
IGNORES = {
    ".py": re.compile(r"#\s*(?:noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\])\s*$|#\s*(?:noqa|type: ignore)\s*$"),
    ".rs": re.compile(r"#!?\[(?:allow|expect)\((?!.*// [A-Z].*[.!]$)"),
    ".js": re.compile(r"eslint-disable(?!.*-- )"),
    ".sh": re.compile(r"# shellcheck disable=\S+\s*$"),
}


def test_lint_ignores_carry_their_reason() -> None:
    found = [
        f"{path}:{number}"
        for path, text in _texts()
        if path.suffix in IGNORES
        for number, line in enumerate(text.splitlines(), 1)
        if IGNORES[path.suffix].search(line)
    ]
    assert not found, f"an ignore without its reason on the same line: {found}"


def test_rust_forbids_unsafe_code() -> None:
    assert 'unsafe_code = "forbid"' in (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    for manifest in (ROOT / "crates").glob("*/Cargo.toml"):
        text = manifest.read_text(encoding="utf-8")
        if manifest.parent.name == "capture":
            # The one crate with unsafe code (contract §5): there each block says why it is sound.
            assert 'undocumented_unsafe_blocks = "deny"' in text
            continue
        assert "[lints]\nworkspace = true" in text, manifest.parent.name


def _corpus() -> Path:
    from tests.program import missing

    folder = os.environ.get("RINGFENCE_CORPUS")
    if not folder or not Path(folder).is_dir():
        missing("RINGFENCE_CORPUS names no folder of captures")
    return Path(str(folder))


def test_bundled_knowledge_names_no_device_of_a_test_capture() -> None:
    labels = _corpus() / "captures" / "devices" / "labels.tsv"
    macs = set(re.findall(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", labels.read_text(encoding="utf-8").lower()))
    assert macs, "the labels name MAC addresses"
    from ringfence.inventory.knowledge import builtin

    bundle = builtin().bundle
    texts = [bundle.read(name) for name in bundle.entries]
    texts += [path.read_bytes() for path in (SOURCE / "inventory" / "knowledge").rglob("*.tsv")]
    for mac in macs:
        plain = mac.replace(":", "")
        spellings = (mac, mac.upper(), plain, plain.upper(), mac.replace(":", "-"))
        needles = [spelling.encode() for spelling in spellings] + [bytes.fromhex(plain)]
        for text in texts:
            assert not any(needle in text for needle in needles), f"{mac} stands in the knowledge"

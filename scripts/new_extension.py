"""Start a dissector, a clue or a rule: its file, its line in the visible tuple, its vectors and its test.

Rule 1: what is written passes the linters and the type checkers, and changes no answer: it reads nothing yet.
Rule 2: nothing that is written is green by itself. The suite fails until the page is filled in, the vectors say what
they expect and the test says what must not happen.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CLUE = '''"""TODO_SPECIFICATION."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc
from ringfence.model.device import Claim
from ringfence.model.observation import Observation


class @Class(Clue):
    """TODO_ONE_SENTENCE."""

    NAME = "@name"
    READS = "protocol.fact"
    DOC = ClueDoc(title="", source="", limits=())

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the fact speaks for, each with its weight and a sentence of evidence."""
        yield from ()
'''

CLUE_CASE = """{
 "source": "",
 "licence": "CC0-1.0",
 "cases": [
  {
   "kind": "protocol.fact",
   "subject": "10.0.0.5",
   "value": {},
   "expect": [
    [
     "class",
     "what this fact speaks for"
    ]
   ],
   "nothing_else": false
  }
 ]
}
"""

CLUE_TEST = '''"""What the vectors of the clue @name can't say."""

from __future__ import annotations

import pytest


def test_@name_is_silent_where_a_neighbour_speaks() -> None:
    pytest.fail("Give the clue a fact that only looks like its own (another device, an empty text) and expect no claim")
'''

RULE = '''"""TODO_ONE_SENTENCE. TODO_SPECIFICATION."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringfence.detect.rule import Rule, RuleDoc, Sight
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation

__all__ = ["@Class"]


class @Class(Rule):
    """TODO_ONE_SENTENCE."""

    NAME = "@name"
    READS = ("protocol.fact",)
    DOC = RuleDoc(
        title="",
        severity=Severity.LOW,
        why="",
        attack=(),
        remedy="",
        source="",
        limits=(),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """Answer whose findings such a fact may change: whoever has the first role in them."""
        return (fact.subject.id,)

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """Look at ``sight.facts(*self.READS)`` and answer with ``self.finding(...)``."""
        yield from ()
'''

RULE_README = """# Vectors of the rule @name

One folder a scene: `input.pcap`, made by `python -m tests.detect.traffic`, and `case.yaml` with the findings expected
of this rule (`count` findings that hold all the other fields; roles by address). It must stay silent on `harmless`.
"""

RULE_CASE = """source: made by tests/detect/traffic.py
licence: CC0
expect:
"""

RULE_TEST = '''"""What the vectors of the rule @name can't say."""

from __future__ import annotations

import pytest


def test_@name_is_silent_just_below_its_threshold() -> None:
    pytest.fail("Play the traffic that is nearly enough, as tests/detect/test_rules.py does, and expect no finding")
'''

DISSECTOR = """//! TODO_ONE_SENTENCE. TODO_SPECIFICATION.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    message "@name.message" "" "" {
        operation: Text Key "" "";
    }
}
malformed_kind!("@name.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "@name",
    title: "",
    source: "",
    limits: &[],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[],
    buffer: 4096,
    probe,
    dissector: || Box::new(@Class),
};

/// Claims by content: a port alone is never enough.
fn probe(_data: &[u8], _hint: &Hint) -> Probe {
    Probe::No
}

struct @Class;

impl Dissector for @Class {
    fn read(&mut self, _data: &[u8], _cx: &mut Context<'_>) -> Progress {
        Progress::Reject
    }
}

#[cfg(test)]
mod tests {
    use super::PROTOCOL;
    use crate::Carrier;

    #[test]
    fn the_vectors_give_what_their_cases_expect() {
        crate::modbus::cases::play_all(&PROTOCOL, Carrier::Tcp);
    }
}
"""

DISSECTOR_README = """# Vectors of @name

One folder a case. `input.hex`: one payload a line, `client` or `server` and its bytes in hexadecimal. `case.yaml`:
where it comes from, under which licence, and the records expected. Folders named after a fault hold bytes that are
wrong on purpose.
"""

DISSECTOR_CASE = """source:
licence:
expect:
  - {count: 1, kind: @name.message}
"""


class RefusedError(Exception):
    """Why nothing was written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or say why not and write nothing."""
    options = argparse.ArgumentParser(prog="scripts/new", description="Start an extension the tidy way.")
    options.add_argument("sort", choices=tuple(SORTS))
    options.add_argument("name", metavar="NAME", help="lower case with underscores, as in the reference pages")
    chosen = options.parse_args(arguments)
    try:
        written, steps = SORTS[chosen.sort](_checked(chosen.name))
    except RefusedError as refused:
        print(f"scripts/new: {refused}", file=sys.stderr)
        return 2
    for path in written:
        print(path)
    print("\nWhat is missing, and the suite says so until it is there:")
    for number, step in enumerate(steps, 1):
        print(f"  {number}. {step}")
    return 0


Started = tuple[list[str], list[str]]


def clue(name: str) -> Started:
    """One class, one line, one case."""
    files = {
        f"src/ringfence/inventory/clues/{name}.py": CLUE,
        f"vectors/inventory/{name}/case.json": CLUE_CASE,
        f"tests/inventory/test_clue_{name}.py": CLUE_TEST,
    }
    registry = "src/ringfence/inventory/clues/__init__.py"
    text = _with_class(registry, "ringfence.inventory.clues", name, "BUILTIN_CLUES")
    return _write(name, files, {registry: text}), [
        "Fill in READS, DOC and claims(); docs/guides/add-a-clue.md shows how.",
        "Put a fact and the claims expected of it into case.json, and where it comes from.",
        "Replace pytest.fail in the test by the case in which the clue must be silent.",
        "make docs, then make check.",
    ]


def rule(name: str) -> Started:
    """One class, one line, two scenes: one in which it finds, one in which it must not."""
    files = {
        f"src/ringfence/detect/rules/{name}.py": RULE,
        f"vectors/detect/{name}/README.md": RULE_README,
        f"vectors/detect/{name}/found/case.yaml": RULE_CASE,
        f"vectors/detect/{name}/harmless/case.yaml": RULE_CASE,
        f"tests/detect/test_{name}.py": RULE_TEST,
    }
    registry = "src/ringfence/detect/rules/__init__.py"
    text = _with_class(registry, "ringfence.detect.rules", name, "BUILTIN_RULES")
    return _write(name, files, {registry: text}), [
        "Fill in READS, DOC and findings(); docs/guides/add-a-rule.md shows how.",
        "Add the scenes `found` and `harmless` to SCENES in tests/detect/traffic.py and run it.",
        "Say in both case.yaml what is expected (count: 0 in `harmless`).",
        "Replace pytest.fail in the test by the traffic that is nearly enough.",
        "make docs, then make check.",
    ]


def dissector(name: str) -> Started:
    """One folder, one line, one case."""
    files = {
        f"crates/dissect/src/{name}/mod.rs": DISSECTOR,
        f"vectors/{name}/README.md": DISSECTOR_README,
        f"vectors/{name}/message/case.yaml": DISSECTOR_CASE,
        f"vectors/{name}/message/input.hex": "",
    }
    library, registry = "crates/dissect/src/lib.rs", "crates/dissect/src/registry.rs"
    lines = {
        library: _with_line(library, r"pub mod \w+;", f"pub mod {name};"),
        registry: _with_last(registry, "    &crate::", f"    &crate::{name}::PROTOCOL,"),
    }
    return _write(name, files, lines), [
        "Fill in the kinds, the probe (content, never a port alone), the limits and read();",
        "   docs/guides/add-a-dissector.md shows how.",
        "Put a conversation into vectors/NAME/message, and one folder for each fault it can have.",
        "Move the line in registry.rs to where the probe belongs: the surest contents come first.",
        "make docs, then make check.",
    ]


SORTS: dict[str, Callable[[str], Started]] = {"dissector": dissector, "clue": clue, "rule": rule}


def _checked(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name) or len(name) > 40:
        raise RefusedError(f"{name!r} is no name: lower case, digits and single underscores, at most 40, no keyword")
    return name


def _class_of(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _write(name: str, files: Mapping[str, str], changed: Mapping[str, str]) -> list[str]:
    """Write all or nothing: a file that is there already is never touched."""
    there = [path for path in files if (ROOT / path).exists()]
    if there:
        raise RefusedError(f"{there[0]} is there already")
    for path, text in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        filled = text.replace("@name", name).replace("@Class", _class_of(name))
        (ROOT / path).write_text(filled, encoding="utf-8")
    for path, text in changed.items():
        (ROOT / path).write_text(text, encoding="utf-8")
    return [*files, *changed]


def _with_class(path: str, package: str, name: str, members: str) -> str:
    """Return the registry with the import in its place and the class at the end of the tuple."""
    made = _class_of(name)
    if re.search(rf"\b{made}\b", (ROOT / path).read_text(encoding="utf-8")):
        raise RefusedError(f"{path} has a {made} already")
    text = _with_line(path, rf"from {re.escape(package)}\.\w+ import .*", f"from {package}.{name} import {made}")
    start = text.index(f"\n{members}: ")
    end = text.index("\n)", start)
    return f"{text[:end]}\n    {made},{text[end:]}"


def _with_line(path: str, like: str, line: str) -> str:
    """Return the file with ``line`` among the lines that are like it, in the order of the alphabet."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    rows = [at for at, text in enumerate(lines) if re.fullmatch(like, text)]
    at = next((at for at in rows if lines[at].rstrip(";") > line.rstrip(";")), rows[-1] + 1)
    return "\n".join([*lines[:at], line, *lines[at:]]) + "\n"


def _with_last(path: str, prefix: str, line: str) -> str:
    """Return the file with ``line`` after the last line that starts with ``prefix``."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    at = max(at for at, text in enumerate(lines) if text.startswith(prefix)) + 1
    return "\n".join([*lines[:at], line, *lines[at:]]) + "\n"


if __name__ == "__main__":
    sys.exit(main())

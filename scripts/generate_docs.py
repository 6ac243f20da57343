"""Write the reference pages from the declarations themselves: ``generate_docs.py [--check]``.

A page says what the code says, so nothing is told twice; ``--check`` fails where a page is stale.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from scripts.batch_columns import COLUMNS  # noqa: E402 The checkout's package comes first.

from ringfence import _core  # noqa: E402 The checkout's package comes first.
from ringfence.app.cli import parser  # noqa: E402 As above.
from ringfence.app.config import SECTIONS, keys  # noqa: E402 As above.
from ringfence.app.schema import schema  # noqa: E402 As above.
from ringfence.detect.rules import BUILTIN_RULES  # noqa: E402 As above.
from ringfence.inventory.clues import BUILTIN_CLUES  # noqa: E402 As above.
from ringfence.model.errors import CODES  # noqa: E402 As above.
from ringfence.model.flow import QualityNote  # noqa: E402 As above.
from ringfence.sensor.gaps import GAP  # noqa: E402 As above.
from ringfence.sensor.quality import CHECKS, Check  # noqa: E402 As above.

REFERENCE = ROOT / "docs" / "reference"
OPENAPI = "openapi.json"
MADE = "<!-- Made by scripts/generate_docs.py from the code: change the declaration, then run `make docs`. -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with ``--check`` say which are stale."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is stale")
    check = options.parse_args(arguments).check
    stale = []
    REFERENCE.mkdir(parents=True, exist_ok=True)
    pages = {name: "\n".join([MADE, *make()]).rstrip() + "\n" for name, make in PAGES.items()}
    for name, text in {**pages, OPENAPI: api_document()}.items():
        page = REFERENCE / name
        if page.exists() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(page.relative_to(ROOT))
        if not check:
            page.write_text(text, encoding="utf-8")
    known = {REFERENCE / name for name in PAGES}
    stray = [page for page in REFERENCE.glob("*.md") if page not in known]
    for page in stale:
        print(f"{'stale' if check else 'written'}: {page}")
    for page in stray:
        print(f"nothing makes this page: {page.relative_to(ROOT)}")
    return 1 if stray or (check and stale) else 0


def protocols() -> Iterator[str]:
    """Every protocol with its carriers and limits."""
    yield "# Protocols"
    yield ""
    yield "A protocol is claimed on content; ports only say what is tried first. What a protocol can't do stands under"
    yield "it: a page without limits would be a claim that nobody checked."
    for row in _protocols():
        yield ""
        yield f"## {row['name']}"
        yield ""
        yield f"{row['title']}. {row['source']}."
        yield ""
        yield f"- Carried by: {', '.join(row['carriers'])}"
        if row["ports"]:
            yield f"- Ports tried first: {', '.join(map(str, row['ports']))}"
        if row["ethertypes"]:
            yield f"- EtherTypes: {', '.join(f'0x{number:04x}' for number in row['ethertypes'])}"
        if row["buffer"]:
            yield f"- At most {row['buffer']:,} bytes of one direction are kept while a message is incomplete."
        names = [kind["name"] for kind in row["kinds"]]
        yield "- Kinds: " + ", ".join(f"[`{name}`](kinds.md#{_anchor(name)})" for name in names)
        yield from (f"- Limit: {limit}" for limit in row["limits"])


def kinds() -> Iterator[str]:
    """The registry of kinds and fields."""
    yield "# Kinds of observations"
    yield ""
    yield "The fields of every kind (contract §2). Fields marked *detail* are seen per packet (`explain`,"
    yield "transactions), not in observations; the others are an observation's value; equal values are counted."
    for row in _core.registry():
        for kind in row["kinds"]:
            yield ""
            yield f"## {kind['name']}"
            yield ""
            yield f"{kind['doc']} ({kind['source']})"
            yield ""
            yield from _table(
                ("field", "type", "unit", "", "meaning"),
                (
                    (f"`{f['name']}`", f["type"], f["unit"], "detail" if f["detail"] else "", f["doc"])
                    for f in kind["fields"]
                ),
            )


def rules() -> Iterator[str]:
    """Every rule."""
    yield "# Rules"
    for rule in BUILTIN_RULES:
        doc = rule.DOC
        yield ""
        yield f"## {rule.NAME}"
        yield ""
        yield f"**{doc.title}** ({doc.severity.word}). {doc.why}"
        yield ""
        yield f"- Reads: {', '.join(f'`{kind}`' for kind in rule.READS)}"
        yield f"- ATT&CK: {', '.join(doc.attack)}"
        yield f"- Source: {doc.source}"
        yield f"- What to do: {doc.remedy}"
        yield from (f"- Can be harmless: {benign}" for benign in doc.benign)
        yield from (f"- Limit: {limit}" for limit in doc.limits)


def clues() -> Iterator[str]:
    """Every clue."""
    yield "# Clues"
    yield ""
    yield "A clue reads one sort of fact and makes weighted claims about a device; classification weighs them."
    for clue in BUILTIN_CLUES:
        reads = (clue.READS,) if isinstance(clue.READS, str) else clue.READS
        yield ""
        yield f"## {clue.NAME}"
        yield ""
        yield f"{clue.DOC.title}."
        yield ""
        yield f"- Reads: {', '.join(f'`{kind}`' for kind in reads)}"
        yield f"- Source: {clue.DOC.source}"
        yield from (f"- Limit: {limit}" for limit in clue.DOC.limits)


def errors() -> Iterator[str]:
    """The closed vocabulary of errors, and the notes on a capture."""
    yield "# Errors"
    yield ""
    yield "Every error has a stable code, a culprit, a remedy, and says whose fault it is."
    yield ""
    yield from _table(
        ("code", "fault", "exit code", "what happened", "what to do"),
        ((f"`{row.code}`", row.fault.value, str(row.exit_code), row.title, row.remedy) for row in CODES.values()),
    )
    yield ""
    yield "# Notes on a capture"
    yield ""
    yield "What `capture.quality` can say. A note is no error: the analysis stands, with what it weakens."
    yield ""
    notes: list[Check | QualityNote] = [*CHECKS, GAP]
    yield from _table(
        ("code", "severity", "what it weakens", "what to do"),
        ((f"`{check.code}`", check.severity, check.weakens, check.remedy) for check in notes),
    )


def command_line() -> Iterator[str]:
    """The commands."""
    yield "# The command line"
    yield from _command(parser(), 2)


def configuration() -> Iterator[str]:
    """The keys of the configuration."""
    yield "# Configuration"
    yield ""
    yield "A flag beats the environment, the environment beats the TOML file, the file beats a systemd credential and"
    yield "that the default. `ringfence config show --origin` says which value holds and where it is from;"
    yield "[the guide](../guides/configure.md) shows how to set them."
    for section, options in SECTIONS.items():
        yield ""
        yield f"## {section}"
        yield ""
        yield (options.__doc__ or "").strip()
        yield ""
        yield from _table(
            ("key", "type", "default", "variable", "meaning"),
            (
                (
                    f"`{key.name}_file`" + " (a secret: `" + key.name + "` never stands in the file)"
                    if key.secret
                    else f"`{key.name}`",
                    key.type_words,
                    _default(key.default),
                    f"`{key.variable}`",
                    key.doc,
                )
                for key in keys()
                if key.section == section
            ),
        )


def _default(value: Any) -> str:
    if value is None or value == ():
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def api_document() -> str:
    """OpenAPI of the REST API, from its routes. No database is opened for it."""
    from ringfence.app.api.openapi import document_text
    from ringfence.app.platform import Platform
    from ringfence.app.server import create_app
    from ringfence.inventory.knowledge.loader import builtin
    from ringfence.store.database import Database

    origins = ("http://127.0.0.1:8470",)
    return document_text(create_app(Platform(Database("sqlite://"), ROOT, bytes(32), builtin(), origins)))


def document() -> Iterator[str]:
    """The JSON of ``analyze``."""
    made = schema()
    yield "# The JSON of `ringfence analyze --json`"
    yield ""
    yield "The JSON Schema ships with the package (`ringfence/app/schema/analysis.schema.json`). Unknown is null."
    yield ""
    yield "## The document"
    yield ""
    yield from _properties(made)
    for name, part in made.get("$defs", {}).items():
        if "properties" in part:
            yield ""
            yield f"## {name}"
            yield ""
            if part.get("description"):
                yield part["description"]
                yield ""
            yield from _properties(part)


def batches() -> Iterator[str]:
    """The Arrow batches."""
    import pyarrow  # type: ignore[import-untyped]  # It ships no types.

    import ringfence

    result = ringfence.analyze(next(iter(sorted((ROOT / "vectors" / "detect").rglob("input.pcap")))))
    yield "# Batches"
    yield ""
    yield "Flows and transactions as Arrow tables (PyCapsule interface): `result.flows`, `result.transactions` of the"
    yield "API, and the Parquet files of `ringfence analyze --flows FILE --transactions FILE`."
    for table in (result.flows, result.transactions):
        made = pyarrow.table(table).schema
        name = made.metadata[b"schema"].decode()
        if made.names != list(COLUMNS[name]):
            raise SystemExit(f"scripts/batch_columns.py and the schema {name} of the core differ")
        yield ""
        yield f"## {name}"
        yield ""
        yield from _table(
            ("column", "type", "unit", "meaning"),
            ((f"`{field.name}`", _column_type(field), *COLUMNS[name][field.name]) for field in made),
        )


def _column_type(field: Any) -> str:
    name = str(field.type)
    name = "dictionary of string" if name.startswith("dictionary<values=string") else name
    return name + (" or null" if field.nullable else "")


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "protocols.md": protocols,
    "kinds.md": kinds,
    "rules.md": rules,
    "clues.md": clues,
    "batches.md": batches,
    "errors.md": errors,
    "cli.md": command_line,
    "configuration.md": configuration,
    "json.md": document,
}


def _protocols() -> list[dict[str, Any]]:
    return [row for row in _core.registry() if row["carriers"]]


def _anchor(heading: str) -> str:
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _command(command: argparse.ArgumentParser, level: int) -> Iterator[str]:
    # The usage line folds at the terminal's width, so it is made from the actions and not by argparse.
    yield ""
    yield f"{'#' * level} {command.prog}"
    yield ""
    if command.description:
        yield command.description
        yield ""
    subcommands: list[argparse.ArgumentParser] = []
    rows = []
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts = {choice.dest: choice.help or "" for choice in action._choices_actions}
            rows += [(f"`{name}`", texts.get(name, "")) for name in action.choices]
            subcommands += action.choices.values()
            continue
        name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        value = "" if action.nargs == 0 or not action.option_strings else f" {_value(action)}"
        rows.append((f"`{name}{value}`", action.help or ""))
    yield from _table(("argument", "meaning"), rows)
    if command.epilog:
        yield ""
        yield command.epilog
    for subcommand in subcommands:
        yield from _command(subcommand, level + 1)


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return str(action.metavar or action.dest.upper())


def _properties(part: Mapping[str, Any]) -> Iterator[str]:
    rows = ((f"`{name}`", _type(value), value.get("description", "")) for name, value in part["properties"].items())
    yield from _table(("name", "type", "meaning"), rows)


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = str(value["$ref"]).rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    for union in ("anyOf", "oneOf", "allOf"):
        if union in value:
            return " or ".join(_type(choice) for choice in value[union])
    if "enum" in value:
        words = [str(word) for word in value["enum"]]
        return " or ".join(words) if len(words) <= 6 else f"one of {len(words)} words"
    if "const" in value:
        return str(value["const"])
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    kind = value.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


if __name__ == "__main__":
    sys.exit(main())

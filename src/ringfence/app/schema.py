"""JSON Schema (2020-12) of the document, generated from its types; ``python -m ringfence.app.schema`` writes it."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from ringfence.app.document import Document, Note
from ringfence.model.device import CLASSES

__all__ = ["SCHEMA_PATH", "schema", "schema_text"]

SCHEMA_PATH = Path(__file__).parent / "schema" / "analysis.schema.json"

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document. Names that it doesn't list are not written by this version."""
    definitions: dict[str, Any] = {}
    _of(Document, definitions)
    root = definitions.pop("Document")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ringfence:analysis:1",
        "title": "Ringfence analysis",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """Return the schema as it is shipped."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if is_typeddict(kind):
        _define(kind, definitions)
        return {"$ref": f"#/$defs/{_name(kind)}"}
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *notes = get_args(kind)
        return {**_of(inner, definitions), **_keywords(notes)}
    if origin is list:
        return {"type": "array", "items": _of(get_args(kind)[0], definitions)}
    if origin is Literal:
        values = list(get_args(kind))
        return {"const": values[0]} if len(values) == 1 else {"type": "string", "enum": values}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(each, definitions) for each in get_args(kind)]}
    raise TypeError(f"no JSON Schema is known for {kind!r}")


def _name(kind: Any) -> str:
    return str(kind.__name__).removesuffix("Document") or "Document"


def _define(kind: Any, definitions: dict[str, Any]) -> None:
    name = _name(kind)
    if name in definitions:
        return
    definitions[name] = {}
    fields = {
        field: _of(hint, definitions) for field, hint in sorted(get_type_hints(kind, include_extras=True).items())
    }
    definitions[name] = {
        "description": (kind.__doc__ or "").strip(),
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _keywords(notes: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for note in notes:
        if not isinstance(note, Note):
            continue
        pairs = {
            "description": note.text,
            "format": note.format,
            "minimum": note.minimum,
            "maximum": note.maximum,
            "pattern": note.pattern,
            "enum": sorted(CLASSES) if note.classes else None,
        }
        found.update({name: value for name, value in pairs.items() if value not in ("", None)})
    return found


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")

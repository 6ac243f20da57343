"""The JSON document: its names, its schema, its order."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from tests.app.plant import fleet, nasty_plant, plant

from ringfence.app.document import document, write_document
from ringfence.app.schema import SCHEMA_PATH, schema, schema_text

ANALYSES = {"plant": plant, "nasty": nasty_plant}

# Contract §9, word by word; what the document has beyond it stands in the schema.
CONTRACT = {
    "": "schema_version ringfence knowledge capture devices findings protocols conversations",
    "knowledge": "id date",
    "capture": "inputs packets bytes first last quality",
    "capture.quality": "code severity text remedy",
    "devices": "id name class vendor product model firmware serial os purdue_level roles confidence macs ips names "
    "first last claims",
    "devices.claims": "field value weight clue first last evidence",
    "findings": "id rule severity confidence devices title why expected seen attack remedy count first last packets",
    "findings.devices": "id role",
    "protocols": "name flows packets bytes confidence",
    "conversations": "src dst protocol port operations packets bytes first last",
    "conversations.operations": "operation object count",
}


def written(name: str) -> Any:
    stream = io.StringIO()
    write_document(ANALYSES[name](), stream)
    stream.getvalue().encode("utf-8")
    return json.loads(stream.getvalue())


@pytest.mark.parametrize("name", ANALYSES)
def test_written_document_is_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())
    validator.validate(written(name))


def test_shipped_schema_is_current() -> None:
    assert SCHEMA_PATH.read_text(encoding="utf-8") == schema_text(), "run: python -m ringfence.app.schema"


@pytest.mark.parametrize("where", CONTRACT)
def test_names_of_the_contract(where: str) -> None:
    value = written("plant")
    for step in where.split(".") if where else ():
        value = value[step]
        if isinstance(value, list):
            value = max(value, key=lambda each: len(each.get("operations", ())) if isinstance(each, dict) else 0)
    assert set(CONTRACT[where].split()) <= set(value)


def test_stream_and_whole_say_the_same() -> None:
    assert document(plant()) == written("plant")


def test_order_depends_on_the_content_alone() -> None:
    whole = plant()
    turned = replace(
        whole,
        devices=whole.devices[::-1],
        findings=whole.findings[::-1],
        protocols=whole.protocols[::-1],
        conversations=whole.conversations[::-1],
    )
    assert json.dumps(document(whole)) == json.dumps(document(turned))


def test_unknown_is_null_and_unknown_class_is_an_answer() -> None:
    device = next(each for each in written("plant")["devices"] if each["name"] == "192.168.10.77")
    assert device["class"] == "unknown"
    assert device["vendor"] is None
    assert device["purdue_level"] is None


def test_peers_are_named_by_address_and_devices_by_id() -> None:
    row = next(each for each in written("plant")["conversations"] if each["dst"] == "203.0.113.40")
    assert row["src"].startswith("d-")


def test_text_from_the_wire_stays() -> None:
    names = {each["name"] for each in written("nasty")["devices"]}
    assert "</script><script>window.__canary=1</script>" in names
    assert "\x1b[31mred\x1b[0m" in names
    assert "a\ufffdb" in names, "lone surrogates are replaced"


def test_large_fleet_is_written_in_reasonable_memory_steps() -> None:
    class Longest(io.TextIOBase):
        longest = 0

        def write(self, text: str) -> int:
            self.longest = max(self.longest, len(text))
            return len(text)

    stream = Longest()
    write_document(fleet(500, 2_000), stream)  # type: ignore[arg-type]  # TextIOBase is all that is written to.
    assert stream.longest < 10_000

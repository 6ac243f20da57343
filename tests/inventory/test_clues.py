"""Every clue brings its evidence: a page, a vector folder, claims that say why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.inventory.clues import BUILTIN_CLUES, Clue
from ringfence.inventory.knowledge import Knowledge
from ringfence.model.observation import Address, Observation, Part

VECTORS = Path(__file__).parents[2] / "vectors" / "inventory"
FIELDS = frozenset(
    ("class", "vendor", "product", "model", "firmware", "serial", "os", "name", "oui_vendor", "virtual", "randomised")
)


def cases() -> list[Any]:
    found = []
    for clue in BUILTIN_CLUES:
        document = json.loads((VECTORS / clue.NAME / "case.json").read_text("utf-8"))
        found += [pytest.param(clue, case, id=f"{clue.NAME}-{n}") for n, case in enumerate(document["cases"])]
    return found


@pytest.mark.parametrize(("clue", "case"), cases())
def test_vectors(clue: type[Clue], case: dict[str, Any], knowledge: Knowledge, see: Callable[..., Observation]) -> None:
    value = case["value"]
    fact = replace(see(case["kind"], case["subject"]), value=value)
    claims = list(clue(knowledge).claims(fact))
    told = {(claim.field, claim.value) for claim in claims}
    assert {tuple(pair) for pair in case["expect"]} <= told
    assert not (case["nothing_else"] and told)
    for claim in claims:
        assert claim.field in FIELDS
        assert 0 < claim.weight < 1
        assert claim.clue == clue.NAME
        assert claim.evidence.endswith(".")


def test_names_are_unique_and_pages_complete() -> None:
    names = [clue.NAME for clue in BUILTIN_CLUES]
    assert len(set(names)) == len(names)
    assert {path.name for path in VECTORS.iterdir()} == set(names)
    for clue in BUILTIN_CLUES:
        assert clue.DOC.title
        assert clue.DOC.source
        assert clue.DOC.limits


hostile = st.one_of(st.text(max_size=40), st.integers(-1, 2**40), st.lists(st.text(max_size=9), max_size=3), st.none())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_value_of_the_right_type_breaks_a_clue(knowledge: Knowledge, data: st.DataObject) -> None:
    clue = data.draw(st.sampled_from(BUILTIN_CLUES))
    kinds = (clue.READS,) if isinstance(clue.READS, str) else clue.READS
    document = json.loads((VECTORS / clue.NAME / "case.json").read_text("utf-8"))
    model = data.draw(st.sampled_from([case for case in document["cases"] if case["kind"] in kinds]))
    value = {}
    for name, known in model["value"].items():
        strategy: Any = st.text(max_size=60) if isinstance(known, str) else st.integers(0, 2**32 - 1)
        if isinstance(known, list):
            strategy = st.lists(st.text(max_size=20) if isinstance(known[0], str) else st.integers(0, 255), max_size=5)
        value[name] = data.draw(st.one_of(st.just(known), strategy))
    part = Part("p", Address("site", "ipv4" if "." in model["subject"] else "mac", model["subject"]))
    for claim in clue(knowledge).claims(Observation(model["kind"], part, None, value, 1, 0, 0)):
        assert 0 < claim.weight < 1

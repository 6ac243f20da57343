"""No projection shows anything of another site: a walk over every one of them, found by its signature."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import select
from tests.store.made import DAY, NOW, device, fact, finding, part, talk

import ringfence.store.read
from ringfence.inventory.intended import IntendedRow
from ringfence.inventory.knowledge import builtin
from ringfence.model.errors import RingfenceError
from ringfence.model.flow import QualityNote
from ringfence.model.query import Query
from ringfence.model.scope import EVERYWHERE, Scope
from ringfence.store import decide, expected, places
from ringfence.store.database import Database
from ringfence.store.findings import save_findings
from ringfence.store.inventory import save_devices
from ringfence.store.notes import annotate
from ringfence.store.observations import save_observations
from ringfence.store.read.ends import ends
from ringfence.store.schema.findings import finding as finding_table
from ringfence.store.traffic import save_conversations, save_quality
from ringfence.store.unit import Inputs, UnitOfWork

OURS, THEIRS, NOWHERE = "ours", "theirs", "nowhere"
SCOPE = Scope(frozenset({OURS}))
PEER = part("203.0.113.66", domain=THEIRS)


def one_of(word: str) -> Any:
    """A device all of whose texts hold ``word``."""
    number = {OURS: 1, THEIRS: 2, NOWHERE: 3}[word]
    texts = {name: f"{word} {name}" for name in ("name", "vendor", "product", "model", "firmware", "serial", "os")}
    made = device(number, domain=word, names=(f"{word} host",), merge_reasons=(f"{word} reason",), **texts)
    claims = tuple(replace(one, value=f"{word} claim", evidence=f"{word} evidence") for one in made.claims)
    return replace(made, claims=claims, conflicts=tuple(replace(one, other=f"{word} other") for one in made.conflicts))


@pytest.fixture(scope="module")
def plant(lasting_database: Database) -> Database:
    """Our site, another one, and devices at none; everything that can be told of the others has their word in it."""
    mine, others = one_of(OURS), (one_of(THEIRS), one_of(NOWHERE))
    with UnitOfWork(lasting_database, NOW, Inputs(["epoch"])) as unit:
        save_devices(unit, [mine, *others])
        for name in (OURS, THEIRS):
            places.make_site(unit, "ada", name)
            places.make_zone(unit, "ada", EVERYWHERE, name, f"{name} cell", subnets=["10.0.0.0/8"])
        for one, at in ((mine, OURS), (others[0], THEIRS)):
            said = {"zone": f"{at}-{at}-cell", "owner": f"{at} owner", "labels": [f"{at} label"], "note": f"{at} note"}
            annotate(unit, one.id, EVERYWHERE, f"{at} person", 1, said)
        for word, one in ((OURS, mine), (THEIRS, others[0]), (NOWHERE, others[1])):
            unit.take(f"{word} batch", f"{word} sensor", "epoch", NOW, 1, NOW)
            address = one.parts[1]
            facts = [fact(address, "tls.certificate", {"common_name": word}), fact(address, value={"text": word})]
            save_observations(unit, f"{word} sensor", facts)
            save_quality(unit, f"{word} sensor", [QualityNote(f"{word} code", "low", word, word, word)])
            texts = {name: f"{word} {name}" for name in ("title", "why", "expected", "seen", "remedy")}
            save_findings(unit, [finding(one, rule=f"{word}_rule", **texts)])
        both = finding(mine, others[0], rule=f"{THEIRS}_and_us", title=f"{THEIRS} and us", why=f"{THEIRS} did it")
        save_findings(unit, [both])
        save_conversations(
            unit,
            [
                talk(mine.parts[1], part("203.0.113.1", domain=OURS)),
                talk(others[0].parts[1], PEER, protocol=f"{THEIRS}-protocol"),
                talk(others[0].parts[1], mine.parts[1], protocol="modbus"),
                talk(others[1].parts[1], others[0].parts[1], protocol=f"{NOWHERE}-protocol"),
            ],
        )
        rows = [
            IntendedRow(f"i-{word}", f"{word} wanted", site=word, mac=one_of(word).macs[0]) for word in (OURS, THEIRS)
        ]
        rows += [IntendedRow("i-lost", f"{THEIRS} lost", site=THEIRS), IntendedRow("i-none", f"{NOWHERE} lost")]
        expected.save_intended(unit, f"{OURS} list", "list", rows)
    return lasting_database


def projections() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function with a scope, in ``store/read`` and where else something is read for people."""
    modules = [
        import_module(f"ringfence.store.read.{one.name}") for one in pkgutil.iter_modules(ringfence.store.read.__path__)
    ]
    for module in (*modules, places, expected):
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isfunction(found) and found.__module__ == module.__name__:
                parameters = inspect.signature(found).parameters
                if "scope" in parameters and "connection" in parameters:
                    yield f"{module.__name__.rpartition('.')[2]}.{name}", found


def given(database: Database, scope: Scope) -> dict[str, Any]:
    """What the arguments of projections are called, with values that ask for as much as there is."""
    with database.reading() as connection:
        findings = list(connection.execute(select(finding_table.c.id)).scalars())
    every = [one_of(word).id for word in (OURS, THEIRS, NOWHERE)]
    return {
        "scope": scope,
        "query": Query(),
        "now": NOW,
        "since": NOW - DAY,
        "until": NOW + DAY,
        "after": 0,
        "limit": 500,
        "ids": every,
        "devices": every,
        "parts": [one.id for word in (OURS, THEIRS, NOWHERE) for one in one_of(word).parts],
        "identity": [*every, *findings],
        "zone_id": ["ours-ours-cell", "theirs-theirs-cell"],
    }


def answers(database: Database, function: Callable[..., Any], scope: Scope) -> list[Any]:
    """Call a projection with every id that it may be asked for."""
    values = given(database, scope)
    wanted = [name for name in inspect.signature(function).parameters if name != "connection"]
    required = {
        name for name in wanted if inspect.signature(function).parameters[name].default is inspect.Parameter.empty
    }
    assert required <= set(values), f"{function.__name__} asks for {required - set(values)}: say what to give"
    many = next((name for name in ("identity", "zone_id") if name in required), None)
    arguments = {name: values[name] for name in wanted if name in values and name not in ("identity", "zone_id")}
    got = []
    for one in values[many] if many else [None]:
        with database.reading() as connection:
            try:
                got.append(function(connection, **arguments, **({many: one} if many else {})))
            except RingfenceError as error:
                assert error.code.code == "not-found"
    return got


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from texts(key)
            yield from texts(one)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from texts(one)


WALKED = dict(projections())
#: Answered for those who were let through by another projection: their callers have checked the scope.
ELSEWHERE = {one_of(word).id for word in (THEIRS, NOWHERE)}


def test_the_walk_meets_all_projections() -> None:
    assert set(WALKED) >= {
        *("devices.devices", "devices.facets", "devices.rows_of", "device.device", "findings.findings"),
        *("findings.finding", "findings.gravest", "findings.of_devices", "flows.conversations", "flows.talkers"),
        *("sitemap.site_map", "today.today", "system.sensors", "changes.changes", "changes.changes_since"),
        *("places.sites", "places.zones", "places.domains", "places.proposed", "expected.intended_devices"),
    }


@pytest.mark.parametrize("name", WALKED)
def test_nothing_of_another_site_is_shown(plant: Database, name: str) -> None:
    function = WALKED[name]
    for answer in answers(plant, function, SCOPE):
        for text in texts(answer):
            assert THEIRS not in text, f"{name} tells {text!r}"
            assert NOWHERE not in text, f"{name} tells {text!r}"
            assert text not in ELSEWHERE, f"{name} tells an id"
            assert PEER.address.value not in text, f"{name} tells {text!r}"


@pytest.mark.parametrize("name", WALKED)
def test_the_same_call_shows_it_to_who_sees_everything(plant: Database, name: str) -> None:
    """Or the walk would prove nothing."""
    told = "\n".join(text for answer in answers(plant, WALKED[name], EVERYWHERE) for text in texts(answer))
    assert THEIRS in told or ELSEWHERE & set(told.split("\n")), f"{name} is empty for everybody"


@pytest.mark.parametrize("name", WALKED)
def test_who_sees_no_site_sees_nothing(plant: Database, name: str) -> None:
    for answer in answers(plant, WALKED[name], Scope(frozenset())):
        told = set(texts(answer))
        assert not any(word in text for text in told for word in (OURS, THEIRS, NOWHERE)), f"{name} tells {told}"


def test_ends_elsewhere_have_no_name(plant: Database) -> None:
    with plant.reading() as connection:
        found = ends(connection, [one_of(THEIRS).parts[1].id], SCOPE)
    (end,) = found.values()
    assert (end.device, end.label, end.address) == (None, "(another site)", "")


def test_no_act_on_another_site(plant: Database) -> None:
    person = decide.Person("bob", SCOPE)
    with pytest.raises(RingfenceError) as raised, UnitOfWork(plant, NOW) as unit:
        decide.correct(unit, builtin(), person, one_of(THEIRS).id, "name", "x")
    assert raised.value.code.code == "not-found"

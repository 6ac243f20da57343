"""Case 27: what the API answers is what its OpenAPI document says, for requests that fit and requests that do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from tests.app.served import ORIGIN, Served, migrated, serve
from tests.app.test_api_reading import add, put_at
from tests.store import made

from ringfence.app.api import openapi
from ringfence.app.api.events import Streams
from ringfence.app.problems import MEDIA_TYPE
from ringfence.model.errors import CODES
from ringfence.store.database import Database

OURS = ("devices", "findings", "traffic", "places", "intended", "views", "system")

#: What a request that fits may be answered: none of it says that the request's form is wrong.
MEANT = frozenset(
    "cursor-invalid query not-found packets-not-kept version-needed changed-meanwhile value-refused import-unreadable "
    "idempotency-conflict".split()
)
QUERIES = st.lists(
    st.sampled_from(
        ["class:plc", "-class:hmi", "seen<7d", "has:finding", '"free text"', "plc", "vendor:*", "zone:-", "10.0.0.1"]
    ),
    max_size=3,
).map(" ".join)
schemathesis.openapi.format("ringfence-query", QUERIES)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("schema") / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{migrated(folder)}")
    served = serve(database, folder)
    devices = [made.device(number) for number in range(1, 12)]
    talks = tuple(made.talk(devices[0].parts[1], one.parts[1]) for one in devices[1:])
    add(served, *devices, findings=tuple(made.finding(one) for one in devices[:4]), talks=talks)
    put_at(served, "north", *(one.id for one in devices[:5]))
    served.app.state.streams = Streams(longest=0)  # They end at once.
    RUNNING.append(served)
    yield served
    RUNNING.remove(served)
    database.close()


def described() -> Any:
    """The document, as schemathesis reads it: made at import, because each way becomes a test of its own."""
    document = openapi.document(serve(Database("sqlite://"), Path()).app)
    generation = GenerationConfig(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    config = SchemathesisConfig(
        seed=27, projects=ProjectsConfig(default=ProjectConfig(base_url=ORIGIN, generation=generation))
    )
    made_ = schemathesis.openapi.from_dict(document, config=config)
    made_.app = _current  # What checks ask on their own goes there too.
    return made_.include(tag=list(OURS))


RUNNING: list[Served] = []


async def _current(*request: Any) -> None:
    await RUNNING[-1].app(*request)


schema = described()


@pytest.mark.slow
@schema.parametrize()  # type: ignore[untyped-decorator]  # It ships no types for this.
@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_case_27_responses_are_what_the_document_says(case: Any, served: Served) -> None:
    served.clock.now += 1_000_000_000
    token = served.token()
    answer = case.call(headers={"Authorization": f"Bearer {token}"})
    excluded = [positive_data_acceptance]
    if "x-schemathesis-unknown-property" in (case.headers or {}):
        excluded.append(negative_data_rejection)  # Every browser and proxy adds headers that no document names.
    case.validate_response(answer, excluded_checks=excluded)
    if answer.status_code < 400:
        return
    problem = answer.json()
    assert answer.headers["content-type"] == [MEDIA_TYPE]
    assert problem["code"] in CODES
    assert problem["status"] == answer.status_code < 500
    if case.meta.generation.mode == GenerationMode.POSITIVE:
        # What fits the document can still name what is not there, or be refused by what is; nothing else may happen.
        assert problem["code"] in MEANT, case.as_curl_command()


def test_the_document_is_openapi_3_1_and_every_way_is_in_it(served: Served) -> None:
    made_ = openapi.document(served.app)
    from ringfence.app.access.table import ENDPOINTS

    described_ = {(method.upper(), path) for path, row in made_["paths"].items() for method in row}
    listed = {(row.method, row.path) for row in ENDPOINTS if row.path.startswith("/api/v1/")}
    assert {way for way in described_ if way not in listed} == set(), "a way that the table does not list"
    for path, row in made_["paths"].items():
        for method, operation in row.items():
            if not set(operation.get("tags", ())) & set(OURS):
                continue
            answers = operation["responses"]
            assert {"401", "403", "422", "429", "500", "503"} <= set(answers), f"{method} {path}"
            assert operation["summary"]
            good = next(code for code in answers if code.startswith("2"))
            if good != "204":
                assert answers[good]["content"], f"{method} {path}"
            if method in ("patch", "put") and "If-Match" not in str(operation.get("parameters")):
                assert path in ("/api/v1/retention", "/api/v1/domains/{name}"), f"{method} {path} takes no If-Match"
    for schema_ in made_["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema_)


def test_the_shipped_document_is_not_stale(served: Served) -> None:
    shipped = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
    assert json.loads(shipped.read_text(encoding="utf-8")) == openapi.document(served.app), "run `make docs`"

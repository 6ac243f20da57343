"""The walk of the whole table: every endpoint by every role and by nobody, allowed exactly as the table says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route
from tests.app.visitors import House, made_platform

from ringfence.app.access.guard import Guard
from ringfence.app.access.table import ENDPOINTS, ROLES, Endpoint, canonical, find
from ringfence.app.server import ROUTERS

NOBODY = "nobody"
WITHOUT_ROLE = "without role"
REFUSALS = {"not-logged-in", "not-allowed", "not-listed", "csrf-token", "origin-foreign", "host-unknown"}


@pytest.fixture(scope="module")
def visitors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, dict[str, TestClient]]]:
    """One client for each role everywhere, each role at one site, each role's token, without role, nobody."""
    house = House(made_platform(tmp_path_factory.mktemp("walk")))
    made = {NOBODY: house.anonymous(), WITHOUT_ROLE: house.browser(house.add("norole"))}
    for role in ROLES:
        person = house.add(role, [(role, "*")])
        made[role] = house.browser(person)
        made[f"{role} by token"] = house.program(person)
        made[f"{role} at one site"] = house.browser(house.add(f"{role}-here", [(role, "here")]))
    yield house, made
    house.platform.database.close()


def expected(endpoint: Endpoint, who: str) -> str | None:
    """The refusal that the table means, None where it allows. Written apart from ``Principal.may`` on purpose."""
    if endpoint.open:
        return None
    if who == NOBODY:
        return "not-logged-in"
    if who.endswith(" by token") and endpoint.session_only:
        return "not-allowed"
    if not endpoint.roles:
        return None
    role = who.removesuffix(" by token").removesuffix(" at one site")
    if role not in endpoint.roles:
        return "not-allowed"
    return "not-allowed" if endpoint.everywhere and who.endswith(" at one site") else None


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda row: row.name)
def test_allowed_exactly_as_the_table_says(
    visitors: tuple[House, dict[str, TestClient]], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, clients = visitors
    reached: list[str] = []

    async def inside(scope: dict[str, object], receive: object, send: object) -> None:
        # Stands where the routes are: the walk asks the guard, and no act of a route ends another visitor's session.
        reached.append(str(scope["path"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]  # ASGI.
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]  # As above.

    stack = house.app.middleware_stack or house.app.build_middleware_stack()
    house.app.middleware_stack = stack
    guard: Any = stack
    while not isinstance(guard, Guard):
        guard = getattr(guard, "app", None) or guard._app
    monkeypatch.setattr(guard, "_app", inside)
    path = re.sub(r"\{(\w+)(:\w+)?\}", "x1", endpoint.path)
    assert find(endpoint.method, path) is not None
    for who, client in clients.items():
        reached.clear()
        answer = client.request(endpoint.method, path)
        wanted = expected(endpoint, who)
        if wanted is None:
            assert answer.status_code == 204, f"{who}: {answer.text}"
            assert reached == [path]
        else:
            assert answer.status_code in (401, 403), f"{who} got {answer.status_code} at {endpoint.name}"
            assert answer.json()["code"] == wanted, who
            assert not reached, f"{who} came to the route"


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    rows = {(row.method, re.sub(r":\w+\}", "}", row.path)) for row in ENDPOINTS}
    assert len(rows) == len(ENDPOINTS), "a way stands twice in the table"
    routes: set[tuple[str, str]] = set()
    for name in ROUTERS:
        for route in import_module(name).router.routes:
            assert isinstance(route, Route | Mount), f"{name} includes another router: its paths can't be seen here"
            path = re.sub(r":\w+\}", "}", route.path)
            if isinstance(route, Mount):
                routes.add(("GET", f"{path}/{{path}}"))
            else:
                routes |= {(method, path) for method in route.methods or () if method != "HEAD"}
    assert routes - rows == set(), "routes without a row"
    assert rows - routes == set(), "rows without a route"


def test_each_route_is_judged_by_its_own_row() -> None:
    # A path with another path's shape must not be judged by that one's row.
    for row in ENDPOINTS:
        sample = re.sub(r"\{(\w+)(:\w+)?\}", "x1", row.path)
        found = find(row.method, sample)
        assert found is not None
        assert found[0] is row, f"{sample} is judged as {found[0].name}"


def test_rows_make_sense() -> None:
    for row in ENDPOINTS:
        assert row.method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        assert set(row.roles) <= set(ROLES)
        assert not (row.open and (row.roles or row.dangerous or row.everywhere or row.session_only)), row.name
        assert not (row.dangerous and not row.roles), row.name
        assert row.csrf or row.open, f"{row.name}: a session's request without its token"
        assert row.method != "GET" or not row.dangerous, f"{row.name}: reading is not dangerous"
        assert row.method == "GET" or not row.quiet, f"{row.name}: an act is a use of the session"


def test_a_screens_act_is_judged_like_the_apis() -> None:
    # Otherwise four eyes that are demanded for one would leave the other open.
    rows = {row.name: row for row in ENDPOINTS}
    pairs = [(row, rows[row.same_as]) for row in ENDPOINTS if row.same_as]
    assert len(pairs) >= 7
    for row, same in pairs:
        judged = (row.roles, row.everywhere, row.dangerous, row.secret)
        assert judged == (same.roles, same.everywhere, same.dangerous, same.secret), row.name
        assert canonical(row.name) == same.name
        assert canonical(same.name) == same.name


def test_what_is_not_listed_is_refused(tmp_path: Path) -> None:
    house = House(made_platform(tmp_path))

    @house.app.get("/api/v1/forgotten")
    def forgotten() -> str:
        return "seen"

    admin = house.browser(house.add("admin", [(role, "*") for role in ROLES]))
    answer = admin.get("/api/v1/forgotten")
    assert answer.status_code == 403
    assert answer.json()["code"] == "not-listed"
    assert admin.get("/api/v1/nowhere").json()["code"] == "not-found"
    assert admin.patch("/api/v1/session").json()["code"] == "request-method"


def test_a_route_that_is_judged_by_another_row_is_refused(tmp_path: Path) -> None:
    # The router takes the first route that fits, the guard the most exact row: where they differ, nothing happens.
    house = House(made_platform(tmp_path))
    seen: list[str] = []

    def shadowing(anything: str) -> str:
        seen.append(anything)
        return "shadowed"

    house.app.router.routes.insert(0, _route("/api/v1/{anything}", shadowing, house))
    answer = house.browser(house.add("anna")).get("/api/v1/session")
    assert answer.json()["code"] == "not-listed"
    assert not seen


def _route(path: str, endpoint: object, house: House) -> Route:
    house.app.add_api_route(path, endpoint)  # type: ignore[arg-type]  # A plain function.
    route = house.app.router.routes.pop()
    assert isinstance(route, Route)
    return route

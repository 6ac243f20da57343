"""People, approvals and single sign-on on the screens, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from tests.app.identity_provider import CLIENT, CLIENT_SECRET, running
from tests.app.screen import FITS, Opener, Screen
from tests.app.web_server import Served

from ringfence.app.access import approvals, sessions, sso
from ringfence.app.access.approvals import Act
from ringfence.app.access.principal import Principal
from ringfence.store import audit, credentials, people

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD = "correct horse battery staple"  # noqa: S105 Of people who exist in tests only.
LINK = re.compile(r"http://\S+/welcome#rfl_\w{49}")


def acts(served: Served, prefix: str) -> list[audit.Entry]:
    with served.database.reading() as connection:
        return list(audit.entries(connection, act=prefix))


def button(page: Page, panel: str, name: str) -> None:
    """Press a button of the panel with this heading."""
    page.locator(f'section[aria-labelledby="{panel}"]').get_by_role("button", name=name).click()


def said(page: Page, text: str) -> None:
    page.locator(".said", has_text=text).wait_for()


# --- people ----------------------------------------------------------------------------------------------------------


def test_somebody_is_invited_on_the_screen_and_comes_in(browser: Browser, own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    page = screen.show("/system?tab=people")
    panel = page.locator('section[aria-labelledby="invite"]')
    everywhere = panel.locator("fieldset", has=page.locator("legend", has_text=re.compile("^Everywhere")))
    everywhere.get_by_label("viewer").check()
    panel.locator("fieldset", has=page.locator("legend", has_text="Hall 1")).get_by_label("engineer").check()
    panel.get_by_label("Why").fill("joins the night shift")
    button(page, "invite", "Make a one-time link")
    link = page.locator(".once").inner_text()
    assert LINK.fullmatch(link)
    assert link not in page.url
    screen.accessible()
    page.get_by_role("link", name="I have kept it").click()
    assert "rfl_" not in page.content()

    visitor = browser.new_context()
    other = visitor.new_page()
    other.goto(link)
    other.fill("input[name=name]", "nina")
    other.fill("input[name=password]", PASSWORD)
    other.click("text=Begin")
    other.wait_for_url(own.origin + "/")
    assert other.get_by_label("You are nina").count() == 1
    visitor.close()
    (entry,) = acts(own, "person.invite")
    assert (entry.who, entry.why) == ("ada", "joins the night shift")
    with own.database.reading() as connection:
        nina = people.by_name(connection, "nina")
    assert nina is not None
    assert sorted(role for role, _ in nina.grants) == ["engineer", "viewer"]
    screen.show("/system?tab=people")
    row = page.locator("tr[data-row]", has_text="nina").inner_text()
    assert "engineer at Hall 1" in row
    assert "viewer" in row


def test_an_invitation_without_a_role_is_refused(own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    screen.expected = re.compile("422")
    page = screen.show("/system?tab=people")
    button(page, "invite", "Make a one-time link")
    assert "choose at least one role" in page.locator("main").inner_text()
    assert not acts(own, "person.invite")


def test_roles_sessions_and_coming_and_going(own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    vic = opened(served=own, who="vic")
    vic.show("/devices")
    page = screen.show("/system?tab=people")
    page.get_by_role("link", name="Vic Example").click()
    page.wait_for_url("**pick=p-vic")
    person = page.locator('section[aria-labelledby="person"]')
    assert "password, begun" in person.inner_text()

    roles = page.locator('section[aria-labelledby="roles"]')
    everywhere = roles.locator("fieldset").first
    assert everywhere.get_by_label("viewer").is_checked()
    everywhere.get_by_label("analyst").check()
    roles.get_by_label("Why").fill("learns triage")
    button(page, "roles", "Change the roles")
    said(page, "The roles are changed.")
    (entry,) = acts(own, "person.roles")
    assert (entry.why, entry.after) == ("learns triage", {"roles": [["analyst", "*"], ["viewer", "*"]]})
    assert vic.show("/devices").locator("main h1").inner_text() == "Devices"

    button(page, "person", "Log out everywhere")
    said(page, "Logged out everywhere.")
    assert "Not logged in anywhere." in person.inner_text()
    vic.page.goto(own.origin + "/devices?q=class%3Aplc")
    assert vic.page.url == own.origin + "/log-in?next=%2Fdevices%3Fq%3Dclass%253Aplc"
    with own.database.writing() as connection:
        known = people.by_id(connection, "p-vic")
        assert known is not None
        cookie = sessions.begin(own.app.state.access, connection, known, "password", "a test")
    vic.page.context.add_cookies([{"name": own.cookie_name, "value": cookie, "url": own.origin}])
    vic.show("/devices")

    page.locator('section[aria-labelledby="coming"]').get_by_label("Why").first.fill("left")
    button(page, "coming", "Disable")
    said(page, "Disabled")
    vic.page.goto(own.origin + "/devices")
    assert "/log-in" in vic.page.url
    button(page, "coming", "Let in again")
    said(page, "Let in again")
    assert [(each.act, each.why) for each in acts(own, "person.") if "able" in each.act] == [
        ("person.disable", "left"),
        ("person.enable", None),
    ]


def test_a_new_password_by_a_link(own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    page = screen.show("/system?tab=people&pick=p-vic")
    button(page, "coming", "Make a link for a new password")
    assert LINK.fullmatch(page.locator(".once").inner_text())
    assert "It lets vic set a new password" in page.locator("main").inner_text()


def test_who_is_no_administrator_looks_or_does_not(own: Served, opened: Opener) -> None:
    with own.database.writing() as connection:
        people.set_grants(connection, "p-vic", [("auditor", "*")])
    page = opened(served=own, who="vic").show("/system?tab=people&pick=p-ada")
    assert page.locator('main form[method="post"]').count() == 0
    assert "password, begun" in page.locator('section[aria-labelledby="person"]').inner_text()
    page = opened(served=own, who="eve").show("/system?tab=people&pick=p-ada")
    assert "takes admin or auditor" in page.locator("main").inner_text()


def test_tokens_are_revoked_by_an_administrator(own: Served, opened: Opener) -> None:
    now = time.time_ns()
    row = credentials.Token("t1", "p-vic", "exporter", (("viewer", "*"),), now, now + 10**15, None, None, 0)
    with own.database.writing() as connection:
        credentials.add_token(connection, "0" * 64, row)
    page = opened(served=own).show("/system?tab=tokens")
    page.get_by_role("button", name="Revoke the token exporter").click()
    said(page, "The token is revoked.")
    assert page.get_by_role("button", name="Revoke").count() == 0
    assert [each.object for each in acts(own, "token.revoke")] == ["t1"]


# --- approvals -------------------------------------------------------------------------------------------------------


@pytest.fixture
def demanded(own: Served, opened: Opener) -> Callable[[], tuple[Screen, Screen]]:
    """Demand four eyes for every dangerous act, on the screen; return who asks and who may approve."""

    def demand() -> tuple[Screen, Screen]:
        asker, other = opened(served=own), opened(served=own, who="eve")
        page = asker.show("/system?tab=approvals")
        page.get_by_label("Every dangerous act").check()
        button(page, "demanded", "Save")
        said(page, "Saved.")
        asker.expected = re.compile("409|403")
        return asker, other

    return demand


def ask_to_invite(screen: Screen) -> None:
    page = screen.show("/system?tab=people")
    panel = page.locator('section[aria-labelledby="invite"]')
    panel.locator("fieldset").first.get_by_label("analyst").check()
    panel.get_by_label("Why").fill("joins <b>the</b> night shift")
    button(page, "invite", "Make a one-time link")
    assert page.locator("h1").inner_text() == "Another person must approve exactly this first"
    page.get_by_role("link", name="What waits for another person").click()


def test_a_second_person_approves_and_it_is_done_once(
    own: Served, demanded: Callable[[], tuple[Screen, Screen]], opened: Opener
) -> None:
    asker, other = demanded()
    ask_to_invite(asker)
    waiting = asker.page.locator(".approval")
    assert waiting.count() == 1
    assert "You asked for this: it takes another person." in waiting.inner_text()
    assert waiting.get_by_role("button", name="Approve").count() == 0

    page = other.show("/")
    assert page.locator("#screens .waits").inner_text().split()[-1] == "1"
    page.get_by_role("link", name=re.compile("^System")).click()
    page.get_by_role("link", name=re.compile("^Approvals")).click()
    card = page.locator(".approval")
    card.wait_for()
    phone = opened(served=own, who="eve", size="narrow")
    assert phone.show("/system?tab=approvals").evaluate(FITS)
    phone.accessible()
    told = card.inner_text()
    assert "Invite somebody" in told
    assert "ada" in told
    assert "joins <b>the</b> night shift" in told
    assert "analyst everywhere" in told
    other.accessible()
    card.get_by_label("Your reason").fill("the shift leader confirms")
    card.get_by_role("button", name="Approve").click()
    said(page, "Approved.")
    assert page.locator("#screens .waits").count() == 0

    page = asker.show("/system?tab=approvals")
    decided = page.locator('section[aria-labelledby="decided"]')
    assert "the shift leader confirms" in decided.inner_text()
    asker.accessible()
    decided.get_by_role("button", name="Do it now").click()
    assert LINK.fullmatch(page.locator(".once").inner_text())
    page = asker.show("/system?tab=approvals")
    assert "done" in page.locator('section[aria-labelledby="decided"] .tag').inner_text()
    assert page.get_by_role("button", name="Do it now").count() == 0
    assert [each.why for each in acts(own, "approval.approve")] == ["the shift leader confirms"]


def test_refused_says_why_and_nothing_is_done(own: Served, demanded: Callable[[], tuple[Screen, Screen]]) -> None:
    asker, other = demanded()
    ask_to_invite(asker)
    page = other.show("/system?tab=approvals")
    page.get_by_role("button", name="Refuse").click()
    assert not acts(own, "approval.refuse"), "it takes a reason"
    page.get_by_label("Your reason").fill("nobody knows them")
    page.get_by_role("button", name="Refuse").click()
    said(page, "Refused.")
    page = asker.show("/system?tab=approvals")
    assert "nobody knows them" in page.locator('section[aria-labelledby="decided"]').inner_text()
    assert page.get_by_role("button", name="Do it now").count() == 0
    assert not acts(own, "person.invite")


def test_now_and_after_of_roles_and_the_screens_own_name_of_an_act(
    own: Served, demanded: Callable[[], tuple[Screen, Screen]]
) -> None:
    asker, other = demanded()
    page = asker.show("/system?tab=people&pick=p-vic")
    page.locator('section[aria-labelledby="roles"] fieldset').first.get_by_label("admin").check()
    button(page, "roles", "Change the roles")
    page = other.show("/system?tab=approvals")
    before, after = page.locator(".approval .compare > div").all_inner_texts()
    assert "viewer everywhere" in before
    assert "admin" not in before
    assert "vic" in before
    assert "admin everywhere" in after
    with own.database.reading() as connection:
        vic = people.by_id(connection, "p-vic")
    assert vic is not None
    assert vic.grants == {("viewer", "*")}


def test_an_approver_is_shown_all_of_an_act_and_as_it_is(
    own: Served, demanded: Callable[[], tuple[Screen, Screen]]
) -> None:
    _, other = demanded()
    access = own.app.state.access
    asks = Principal("p-ada", "ada", "Ada", frozenset({("admin", "*")}), "password", csrf="")
    content = {"note": "<i>harmless</i> *", "secret": "hush", "roles": [{"role": "admin", "site": "*"}], "why": None}
    act = Act("PUT /api/v1/people/{id}/roles", "/api/v1/people/p-vic/roles", [("force", "a b&c")], content, None)
    assert not approvals.use(access, asks, act).granted
    page = other.show("/system?tab=approvals")
    told = page.locator(".approval").inner_text()
    assert "PUT /api/v1/people/p-vic/roles?force=a+b%26c" in told
    assert "<i>harmless</i> *" in told, "only a role is told as one"
    assert "admin everywhere" in told
    assert "hush" not in page.content()
    assert "no reason was given" in told
    assert act.digest() in page.content()


# --- single sign-on --------------------------------------------------------------------------------------------------


def steps(page: Page) -> dict[str, str]:
    """Try the setting, and return each step's answer."""
    answers = page.locator("#sso-test .steps")
    with page.expect_response("**/system/sso/test"):
        page.get_by_role("button", name="Test without saving").click()
    page.locator("button[data-part]:enabled").wait_for()
    told = answers.locator(".strong").all_inner_texts()
    return {title: answer for title, _, answer in (each.rpartition(": ") for each in told)}


@pytest.fixture
def provider() -> Iterator[object]:
    with running() as made:
        yield made


def test_single_sign_on_is_tested_and_set(own: Served, opened: Opener, provider: object) -> None:
    issuer = provider.issuer  # type: ignore[attr-defined]  # It is a Provider.
    screen = opened(served=own)
    page = screen.show("/system?tab=sso")
    assert f"{own.origin}/sso/callback" in page.locator("main").inner_text()
    page.get_by_label("Offer it on the log-in page").check()
    page.get_by_label("Issuer").fill(issuer + "/nowhere")
    page.get_by_label("Client id").fill(CLIENT)
    page.get_by_label("Client secret").fill("not the secret")
    page.get_by_label("Group 1", exact=True).fill("plant-engineers")
    page.get_by_label("Role of group 1").select_option("engineer")
    page.get_by_label("Site of group 1").select_option(label="Hall 1")
    assert set(steps(page).values()) == {"no", "not tried"}, "http needs the box for this machine"
    page.locator("details.more summary").click()
    page.get_by_label("It runs on this machine").check()
    assert list(steps(page).values()) == ["yes", "no", "not tried", "not tried"]
    assert "Compare the issuer" in page.locator("#sso-test").inner_text()
    screen.accessible()
    page.get_by_label("Issuer").fill(issuer)
    assert list(steps(page).values()) == ["yes", "yes", "yes", "no"]
    assert "invalid_client" in page.locator("#sso-test").inner_text()
    assert page.get_by_label("Client secret").input_value() == "not the secret", "what was typed stays"
    page.get_by_label("Client secret").fill(CLIENT_SECRET)
    assert list(steps(page).values()) == ["yes"] * 4
    assert sso.load(own.app.state.access) is None, "a test keeps nothing"

    page.get_by_role("button", name="Save").click()
    said(page, "Single sign-on is set.")
    assert CLIENT_SECRET not in page.content()
    assert "one is set" in (page.get_by_label("Client secret").get_attribute("placeholder") or "")
    kept = sso.load(own.app.state.access)
    assert kept is not None
    assert (kept.secret, kept.issuer, kept.enabled, kept.loopback) == (CLIENT_SECRET, issuer, True, True)
    ((group, role, site),) = kept.mapping
    assert (group, role) == ("plant-engineers", "engineer")
    assert site != "*"
    assert list(steps(page).values()) == ["yes"] * 4, "an empty field is the secret that is kept"

    page.get_by_label("Group 1", exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    said(page, "Single sign-on is set.")
    kept = sso.load(own.app.state.access)
    assert kept is not None
    assert (kept.secret, kept.mapping) == (CLIENT_SECRET, ())
    page.get_by_label("Remove the secret that is set").check()
    page.get_by_role("button", name="Save").click()
    said(page, "Single sign-on is set.")
    kept = sso.load(own.app.state.access)
    assert kept is not None
    assert kept.secret is None
    stranger = opened(served=own, who="vic")
    stranger.page.context.clear_cookies()
    assert stranger.show("/log-in").get_by_role("link", name="Log in with single sign-on").count() == 1


def test_the_test_works_without_scripts_and_a_keeper_of_secrets(own: Served, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": own.cookie_name, "value": own.cookies["ada"], "url": own.origin}])
    page = context.new_page()
    page.goto(own.origin + "/system?tab=sso")
    page.get_by_label("Issuer").fill("http://id.example.org")
    page.get_by_label("Client id").fill("plant")
    page.get_by_label("Client secret").fill("hush-hush-hush")
    page.get_by_label("Group 1", exact=True).fill("everybody")
    page.get_by_role("button", name="Test without saving").click()
    assert page.locator(".steps .step-failed").count() == 1
    assert page.locator(".steps .step-unknown").count() == 3
    assert page.get_by_label("Issuer").input_value() == "http://id.example.org"
    assert page.get_by_label("Group 1", exact=True).input_value() == "everybody"
    assert "hush-hush-hush" not in page.content()
    context.close()


# --- what everybody must see -----------------------------------------------------------------------------------------


def test_an_open_break_glass_session_stands_on_every_screen(own: Served, opened: Opener) -> None:
    screen = opened(served=own, who="vic")
    page = screen.show("/")
    assert page.locator(".banner").count() == 0
    with own.database.writing() as connection:
        people.add(connection, "p-glass", "envelope", "Break glass", time.time_ns(), break_glass=True)
        glass = people.by_id(connection, "p-glass")
        assert glass is not None
        sessions.begin(own.app.state.access, connection, glass, "password", "a test")
    device = own.device("scada-1")
    for address in ("/", "/devices", "/map", "/findings", "/flows", "/system", f"/devices/{device}"):
        page = screen.show(address)
        assert "The break-glass account envelope is logged in" in page.locator(".banner").inner_text(), address
        assert page.evaluate(FITS)
    screen.accessible()

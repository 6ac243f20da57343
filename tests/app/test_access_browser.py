"""Log-in and account in a real Chromium: the first administrator's link, a passkey, forms, and what axe finds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from tests.app.visitors import PASSWORD, House, made_platform

from ringfence.app.access import people

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server on a free port of loopback, under both of its names."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    origins = (f"http://localhost:{port}", f"http://127.0.0.1:{port}")
    house = House(made_platform(tmp_path_factory.mktemp("access"), clock=None, origins=origins))
    object.__setattr__(house.platform, "clock", time.time_ns)
    server = uvicorn.Server(uvicorn.Config(house.app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield house
    server.should_exit = True
    thread.join(10)
    house.platform.database.close()


def complaints(page: Page) -> list[str]:
    """Collect what the page's console and its content policy complain about."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    return found


def accessible(page: Page) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # It has no types.

    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.slow
def test_from_the_first_link_to_a_passkey(browser: Browser, served: House, screenshots: Path) -> None:
    link = people.first_link(served.access)
    assert link is not None
    context = browser.new_context(viewport=SIZES["wide"])  # type: ignore[arg-type]  # Both keys are there.
    page = context.new_page()
    found = complaints(page)
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url + str(request.headers)))
    page.goto(link)
    secret = link.partition("#")[2]
    assert page.input_value("#link") == secret, "the script took it out of the address"
    assert "#" not in page.url
    assert not page.is_visible("#link")
    assert not any(secret in each for each in seen), "the secret of a link reaches no log and no Referer"
    accessible(page)
    page.fill("input[name=name]", "anna")
    page.fill("input[name=display]", "Anna A.")
    page.fill("input[name=password]", PASSWORD)
    page.click("text=Begin")
    page.goto(f"{served.platform.origins[0]}/account")
    assert page.inner_text("h1") == "Your account"
    accessible(page)
    page.screenshot(path=screenshots / "account-wide.png", full_page=True)

    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.fill("#passkey input", "the laptop")
    page.click("#passkey button")
    page.wait_for_selector("text=the laptop")
    page.click("text=Log out")
    assert page.url.endswith("/log-in")
    accessible(page)
    page.screenshot(path=screenshots / "log-in-wide.png")
    page.click("text=Log in with a passkey")
    page.wait_for_url(f"{served.platform.origins[0]}/")
    page.goto(f"{served.platform.origins[0]}/account")
    assert "logged in by passkey" in page.inner_text("main")

    page.click("text=Turn it on")
    page.locator(".qr").wait_for()
    assert page.evaluate("document.querySelector('.qr').naturalWidth") > 0, (
        "the content policy lets the picture be seen"
    )
    accessible(page)
    page.go_back()
    page.check("input[value='viewer *']")
    page.fill("input[name=name][required]", "a program")
    page.click("text=Make a token")
    assert page.inner_text(".once").startswith("rf_")
    accessible(page)
    assert not found, found
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_log_in_page_on_a_phone(browser: Browser, served: House, screenshots: Path, theme: str) -> None:
    context = browser.new_context(viewport=SIZES["narrow"], color_scheme=theme)  # type: ignore[arg-type]  # As above.
    page = context.new_page()
    found = complaints(page)
    page.goto(f"{served.platform.origins[1]}/log-in")
    assert "Passkeys need a host name" in page.inner_text("main"), "an address is not a name"
    accessible(page)
    page.screenshot(path=screenshots / f"log-in-narrow-{theme}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.fill("input[name=name]", "anna")
    page.fill("input[name=password]", "wrong")
    page.keyboard.press("Enter")
    assert "Name, password or code is wrong" in page.inner_text("[role=alert]")
    accessible(page)
    page.goto(f"{served.platform.origins[1]}/account")
    assert page.url.endswith("/log-in?next=%2Faccount")
    assert [each for each in found if "401" not in each] == []
    context.close()

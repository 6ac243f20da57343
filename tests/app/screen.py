"""A page of a real browser on a running installation, for the tests of the screens."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.app.conftest import missing
from tests.app.web_server import Served, demo, made, nasty, nothing

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.__violations.push(event.violatedDirective));
"""
FILLS = {"plant": made, "demo": demo, "nasty": nasty, "empty": nothing}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


class Screen:
    """A page of somebody's browser; collects what went wrong."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.served = served
        self.problems: list[str] = []
        self.expected: re.Pattern[str] | None = None
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))

    def _console(self, message: Any) -> None:
        if not (self.expected and self.expected.search(message.text)):
            self.problems.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self.served.origin + "/"):
            self.problems.append(f"request: {request.url}")

    def show(self, address: str) -> Page:
        """Load the screen at this address."""
        answer = self.page.goto(self.served.origin + address)
        assert answer is not None
        assert answer.status == 200, (address, answer.status)
        return self.page

    def until(self, holds: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something holds. (The page can't be asked to watch for it: its policy forbids ``eval``.)"""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end
            self.page.wait_for_timeout(50)

    def address(self) -> str:
        """Return path and parameters of what is shown."""
        return self.page.url.removeprefix(self.served.origin)

    def heads(self, table: str = "Devices, table") -> list[str]:
        """Return the row heads of a table."""
        rows = self.page.locator(f'[aria-label="{table}"] tbody th > a:first-child')
        return [each.strip() for each in rows.all_inner_texts()]

    def accessible(self) -> None:
        """Fail where axe finds something wrong with what is shown."""
        try:
            from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # It ships no types.
        except ImportError:
            missing("axe-playwright-python is not installed")
        found = Axe().run(self.page, options={"runOnly": RULES})
        wrong = [
            f"{self.address()} {each['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for each in found.response["violations"]
            for node in each["nodes"][:3]
        ]
        assert not wrong, wrong

    def check(self) -> None:
        """Fail where something went wrong."""
        assert not self.problems, self.problems
        assert self.page.evaluate("window.__violations") == []
        assert self.page.evaluate("typeof window.__canary") == "undefined"


Opener = Callable[..., Screen]

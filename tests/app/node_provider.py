"""Runs the OpenID provider of ``oidc_provider/``: a real one, from the registry of Node.js, in a process of its own.

Rule 1: exactly what the lock names is installed, without running a package's scripts, into ``build/``.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests
from tests.program import ROOT, missing

__all__ = ["Running", "running"]

_SOURCE = Path(__file__).parent / "oidc_provider"
_BUILT = ROOT / "build" / "oidc_provider"
_FILES = ("package.json", "package-lock.json", "provider.js")


class Running:
    """A running provider."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def log_in(self, url: str, login: str) -> dict[str, str]:
        """Do what a person does at the provider: log in and consent; return the parameters of the way back."""
        browser = requests.Session()
        page = browser.get(url, timeout=10)
        page = self._sent(browser, page, {"prompt": "login", "login": login, "password": "any"})
        return self._way_back(self._sent(browser, page, {"prompt": "consent"}))

    def cancel(self, url: str) -> dict[str, str]:
        """Do what somebody does who thinks better of it."""
        browser = requests.Session()
        page = browser.get(url, timeout=10)
        return self._way_back(
            self._followed(browser, browser.get(f"{page.url}/abort", allow_redirects=False, timeout=10))
        )

    def _sent(self, browser: requests.Session, page: requests.Response, form: Mapping[str, str]) -> requests.Response:
        action = re.search(r'action="([^"]+)"', page.text)
        assert action is not None, page.text
        sent = browser.post(action[1], data=form, allow_redirects=False, timeout=10)
        return self._followed(browser, sent)

    def _followed(self, browser: requests.Session, answer: requests.Response) -> requests.Response:
        """Follow redirects as long as they stay at the provider."""
        while answer.status_code in (302, 303):
            target = urljoin(answer.url, answer.headers["Location"])
            if not target.startswith(self.issuer):
                break
            answer = browser.get(target, allow_redirects=False, timeout=10)
        return answer

    @staticmethod
    def _way_back(answer: requests.Response) -> dict[str, str]:
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@contextmanager
def running(client: str, secret: str, back: str, people: Mapping[str, Mapping[str, Any]]) -> Iterator[Running]:
    """Run one that knows a client and some people, each with the claims that it says of them."""
    _install()
    told = {"client_id": client, "client_secret": secret, "redirect_uri": back, "people": people}
    process = subprocess.Popen(
        ["node", "provider.js", json.dumps(told)],
        cwd=_BUILT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        issuer = process.stdout.readline().strip()
        assert issuer, f"it ended with {process.wait(10)}"
        yield Running(issuer)
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def _install() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        missing("there is no Node.js with npm (Debian: nodejs npm)")
    _BUILT.mkdir(parents=True, exist_ok=True)
    wanted = (_SOURCE / "package-lock.json").read_bytes()
    installed = _BUILT / "installed-lock.json"
    for name in _FILES:
        shutil.copyfile(_SOURCE / name, _BUILT / name)
    if installed.exists() and installed.read_bytes() == wanted:
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=_BUILT, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail("npm ci took more than five minutes: is there a way to npm's registry?")
    if done.returncode:
        missing(f"npm can't install what tests/app/oidc_provider/package-lock.json names: {done.stderr[-300:]}")
    installed.write_bytes(wanted)

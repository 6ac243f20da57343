"""The report as one HTML file that opens from disk, fetches nothing and runs no text of a capture.

Rule 1: the data stands in an inert JSON block; the script builds elements with ``textContent`` only.
Rule 2: the content security policy admits this one script and this one style sheet by their digests, nothing else.
Rule 3: without scripts a summary is shown; all of its texts go through ``escape.html_text``.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from ringfence.app.analysis import Analysis
from ringfence.app.escape import html_text, shortened
from ringfence.app.export.report_data import report_json
from ringfence.model.clock import rfc3339
from ringfence.model.device import class_words
from ringfence.model.finding import finding_order

__all__ = ["html_report", "write_html"]

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = (
    "dom.js",
    "facts.js",
    "table.js",
    "facets.js",
    "findings.js",
    "overview.js",
    "devices.js",
    "device.js",
    "layout.js",
    "map.js",
    "paper.js",
    "report.js",
)
_PLAIN_DEVICES = 500  # rows without scripts
_PLAIN_FINDINGS = 100


def write_html(analysis: Analysis, stream: TextIO) -> None:
    """Write the report; ``stream`` must be UTF-8 text."""
    style, script = _style(), _script()
    stream.write(_HEAD.format(policy=_policy(style, script), style=style))
    stream.write(_plain(analysis))
    stream.write(_DATA_OPEN)
    stream.write(report_json(analysis))
    stream.write(_TAIL.format(script=script))


def html_report(analysis: Analysis) -> str:
    """Return the report as text."""
    from io import StringIO

    stream = StringIO()
    write_html(analysis, stream)
    return stream.getvalue()


_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>Ringfence report</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<div id="app"></div>
"""
_DATA_OPEN = '<script type="application/json" id="data">'
_TAIL = """</script>
<script>{script}</script>
</body>
</html>
"""


def _style() -> str:
    return (_ASSETS / "report.css").read_text(encoding="utf-8")


def _script() -> str:
    parts = "\n".join((_ASSETS / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


def _policy(style: str, script: str) -> str:
    def digest(text: str) -> str:
        return "'sha256-" + b64encode(sha256(text.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; script-src {digest(script)}; style-src {digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _plain(analysis: Analysis) -> str:
    """Return the summary for browsers without scripts."""
    capture = analysis.capture
    times = " to ".join(rfc3339(each) for each in (capture.first, capture.last) if each is not None) or "times unknown"
    quality = [
        (each.severity, each.text, each.weakens, each.remedy) for each in capture.quality
    ] or [("", "Nothing wrong found with this capture.", "", "")]  # fmt: skip
    classes = Counter(device.device_class for device in analysis.devices)
    findings = sorted(analysis.findings, key=finding_order)
    devices = sorted(analysis.devices, key=lambda each: (each.device_class, each.name, each.id))
    return "".join(
        (
            '<noscript><main class="plain" id="main"><h1>Ringfence report</h1>',
            "<p>This browser runs no scripts, so only the summary is shown.</p>",
            f"<p>{capture.packets} packets, {capture.bytes} bytes, {html_text(times)}. ",
            "Nothing was sent to any network.</p>",
            _table("Capture quality", ("Severity", "What", "Weakens", "Remedy"), quality),
            _table(
                "Devices by class",
                ("Class", "Devices"),
                sorted((class_words(name), str(number)) for name, number in classes.items()),
            ),
            _table(
                f"Findings ({min(len(findings), _PLAIN_FINDINGS)} of {len(findings)})",
                ("Severity", "Title", "Why", "Remedy"),
                ((each.severity.word, each.title, each.why, each.remedy) for each in findings[:_PLAIN_FINDINGS]),
            ),
            _table(
                f"Devices ({min(len(devices), _PLAIN_DEVICES)} of {len(devices)})",
                ("Name", "Class", "Vendor", "Addresses"),
                (
                    (
                        each.name,
                        class_words(each.device_class),
                        each.vendor or "unknown",
                        " ".join((*each.ips[:4], *each.macs[:2])),
                    )
                    for each in devices[:_PLAIN_DEVICES]
                ),
            ),
            "</main></noscript>\n",
        )
    )


def _table(caption: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{html_text(each)}</th>' for each in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html_text(shortened(cell, 300))}</td>" for cell in row) + "</tr>" for row in rows
    )
    caption = html_text(caption)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

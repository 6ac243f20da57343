"""The summary on the terminal: capture quality first, then devices, unknowns and risks; last, that nothing was sent.

Rule 1: no text of a capture is ever read as markup, and every such text goes through ``escape.terminal_text``.
Rule 2: severity is a word and a sign; colour only repeats it. ``NO_COLOR`` and pipes are heeded by rich.
Rule 3: unknown is never green.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from shlex import quote
from typing import TYPE_CHECKING, TextIO, cast

from ringfence.app.analysis import Analysis
from ringfence.app.escape import terminal_text, visible
from ringfence.model.clock import rfc3339
from ringfence.model.device import UNKNOWN, Device, class_words
from ringfence.model.finding import Finding, finding_order

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["print_summary", "summary_lines"]

_TOP_RISKS = 5
_TOP_UNKNOWNS = 5
_PIPED_WIDTH = 100  # columns, where no terminal says how wide it is

_SIGNS = {"critical": "!!", "high": " !", "medium": " *", "low": " -", "informational": " i"}
_STYLES = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
    UNKNOWN: "magenta",
}


def print_summary(analysis: Analysis, stream: TextIO, *, width: int | None = None, report: str | None = None) -> None:
    """Print the summary.

    Args:
        analysis: what was found.
        stream: where to; colours are used only if it is a terminal and ``NO_COLOR`` is not set.
        width: columns; by default those of the terminal, and 100 for files and pipes.
        report: path of the HTML report, if one was written; it is named as the place to look next.
    """
    from rich.console import Console  # Loaded here because starting the program must not pay for it.

    terminal = hasattr(stream, "isatty") and stream.isatty()
    console = Console(
        file=cast(TextIO, _Lenient(stream)),
        width=width or (None if terminal else _PIPED_WIDTH),
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        legacy_windows=False,
    )
    for line in summary_lines(analysis, console, report):
        console.print(line)


class _Lenient:
    """A stream that shows what its encoding lacks as an escape sequence, instead of failing on it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        return self._stream.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return hasattr(self._stream, "isatty") and self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


def summary_lines(analysis: Analysis, console: Console, report: str | None = None) -> Iterable[Text]:
    """Yield the lines of the summary, each wrapped to the console's width with a hanging indent."""
    yield from _header(analysis, console)
    yield from _quality(analysis, console)
    yield from _devices(analysis, console)
    yield from _unknowns(analysis, console)
    yield from _risks(analysis, console)
    yield from _next(analysis, console, report)


def _lines(console: Console, lead: str, style: str, body: str, indent: int = 2) -> Iterable[Text]:
    """Yield ``lead`` (styled) and ``body``, wrapped; later lines begin under the body. Both are already safe."""
    from rich.text import Text

    hanging = indent + len(lead) + (1 if lead else 0)
    room = max(console.width - hanging, 20)
    wrapped = Text(body).wrap(console, room, overflow="fold") or [Text("")]
    for number, line in enumerate(wrapped):
        shown = Text(" " * indent)
        if number == 0 and lead:
            shown.append(lead, style)
            shown.append(" ")
        elif number:
            shown = Text(" " * hanging)
        shown.append(line.plain.rstrip())
        yield shown


def _heading(text: str) -> Iterable[Text]:
    from rich.text import Text

    yield Text("")
    yield Text(text, "bold")


def _number(value: int) -> str:
    return f"{value:,}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{_number(count)} {one if count == 1 else many}"


def _moment(nanoseconds: int | None) -> str:
    return "unknown" if nanoseconds is None else rfc3339(nanoseconds)[:19].replace("T", " ")


def _header(analysis: Analysis, console: Console) -> Iterable[Text]:
    from rich.text import Text

    capture = analysis.capture
    names = ", ".join(terminal_text(each.path, 80) for each in capture.inputs[:3])
    if len(capture.inputs) > 3:
        names += f" and {len(capture.inputs) - 3} more"
    yield Text(f"Ringfence {analysis.version}", "bold")
    yield from _lines(console, "", "", names)
    facts = (
        f"{_counted(capture.packets, 'packet', 'packets')}, {_number(capture.bytes)} bytes, "
        f"{_moment(capture.first)} to {_moment(capture.last)} UTC"
    )
    yield from _lines(console, "", "", facts)
    knowledge = f"{terminal_text(analysis.knowledge.id, 60)} of {terminal_text(analysis.knowledge.date, 40)}"
    yield from _lines(console, "", "", f"Knowledge: {knowledge}")


def _quality(analysis: Analysis, console: Console) -> Iterable[Text]:
    yield from _heading("Capture quality")
    notes = analysis.capture.quality
    if not notes:
        yield from _lines(console, "", "", "Nothing wrong found with this capture.")
    for note in notes:
        word = terminal_text(note.severity, 20)
        yield from _lines(
            console, f"{_SIGNS.get(word, ' ?')} {word}:", _STYLES.get(word, ""), terminal_text(note.text, 400)
        )
        if note.weakens:
            yield from _lines(console, "weakens:", "dim", terminal_text(note.weakens, 400), indent=6)
        if note.remedy:
            yield from _lines(console, "remedy:", "dim", terminal_text(note.remedy, 400), indent=6)
    problems = sum(len(each.problems) for each in analysis.capture.inputs)
    told = problems == 1 and any(note.code == "unreadable" for note in notes)
    for each in () if told else analysis.capture.inputs:
        for problem in each.problems[:3]:
            body = f"{terminal_text(each.path, 80)}: {terminal_text(problem, 300)}"
            yield from _lines(console, " ! input:", _STYLES["high"], body)


def _devices(analysis: Analysis, console: Console) -> Iterable[Text]:
    from rich.text import Text

    yield from _heading(f"Devices: {_number(len(analysis.devices))}")
    classes = Counter(device.device_class for device in analysis.devices if device.device_class != UNKNOWN)
    if not analysis.devices:
        yield from _lines(console, "", "", "No device was seen.")
    cells = [
        f"{_number(count):>6} {terminal_text(class_words(name), 30)}"
        for name, count in sorted(classes.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    cell_width = max((len(cell) for cell in cells), default=0) + 3
    columns = max((console.width - 2) // cell_width, 1) if cells else 1
    for start in range(0, len(cells), columns):
        row = "".join(cell.ljust(cell_width) for cell in cells[start : start + columns])
        yield Text("  " + row.rstrip())


def _unknowns(analysis: Analysis, console: Console) -> Iterable[Text]:
    from rich.text import Text

    unknowns = [device for device in analysis.devices if device.device_class == UNKNOWN]
    if not unknowns:
        return
    talk: Counter[str] = Counter()
    for each in analysis.conversations:
        for part in (each.source, each.destination):
            talk[analysis.device_of.get(part.id, "")] += each.packets
    yield Text(f"  {_number(len(unknowns)):>6} unknown", _STYLES[UNKNOWN])
    loudest = sorted(unknowns, key=lambda device: (-talk[device.id], device.id))[:_TOP_UNKNOWNS]
    for device in loudest:
        body = f"{_device_text(device)}: {_counted(talk[device.id], 'packet', 'packets')}, {_why_unknown(device)}"
        yield from _lines(console, "?", _STYLES[UNKNOWN], body, indent=9)
    if len(unknowns) > len(loudest):
        yield from _lines(console, "", "", f"and {_number(len(unknowns) - len(loudest))} more", indent=9)


def _device_text(device: Device) -> str:
    name = terminal_text(device.name, 48)
    address = (device.ips or device.macs or ("",))[0]
    return name if not address or address == device.name else f"{name} ({terminal_text(address, 48)})"


def _why_unknown(device: Device) -> str:
    maker = max((c for c in device.claims if c.field == "oui_vendor"), key=lambda claim: claim.weight, default=None)
    if device.vendor:
        return f"made by {terminal_text(device.vendor, 48)}"
    return f"network part by {terminal_text(maker.value, 48)}" if maker else "no clue names its class"


def _risks(analysis: Analysis, console: Console) -> Iterable[Text]:
    ordered = sorted(analysis.findings, key=finding_order)
    yield from _heading(f"Risks: {_counted(len(ordered), 'finding', 'findings')}{_by_severity(ordered)}")
    if not ordered:
        yield from _lines(
            console, "", "", "No rule found anything. That says what was looked for, not that all is well."
        )
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in ordered:
        alike.setdefault((finding.severity.word, finding.rule, finding.title), []).append(finding)
    for (word, _, title), findings in list(alike.items())[:_TOP_RISKS]:
        more = f" ({_number(len(findings))} findings)" if len(findings) > 1 else ""
        yield from _lines(console, f"{_SIGNS[word]} {word}:", _STYLES[word], terminal_text(title, 200) + more)
        yield from _lines(console, "", "", terminal_text(findings[0].why, 400), indent=6)
        if len(findings) > 1:
            yield from _lines(console, "", "", _likewise(findings[1:]), indent=6)
        elif findings[0].devices and not _all_named(findings[0]):
            yield from _lines(console, "", "", _devices_of(findings[0]), indent=6)
    rest = sum(map(len, list(alike.values())[_TOP_RISKS:]))
    if rest:
        yield from _lines(console, "", "", f"and {_counted(rest, 'more finding', 'more findings')}")


def _all_named(finding: Finding) -> bool:
    return all(each.label in finding.why for each in finding.devices)


def _likewise(findings: list[Finding]) -> str:
    """Name the devices that other findings of the same title are about."""
    labels = list(dict.fromkeys(_about(finding) for finding in findings))
    rest = len(labels) - 4
    return "Likewise: " + ", ".join(labels[:4]) + (f" and {_number(rest)} more" if rest > 0 else "") + "."


def _about(finding: Finding) -> str:
    who = next((each for role in ("target", "subject") for each in finding.devices if each.role == role), None)
    who = who or next(iter(finding.devices), None)
    return terminal_text(who.label or who.id or "", 48) if who else terminal_text(finding.why, 60)


def _by_severity(findings: list[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    words = [f"{counts[severity]} {severity.word}" for severity in sorted(counts, reverse=True)]
    return f" ({', '.join(words)})" if words else ""


def _devices_of(finding: Finding) -> str:
    shown = [f"{terminal_text(each.label or each.id or '', 48)} ({each.role})" for each in finding.devices[:4]]
    rest = len(finding.devices) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _next(analysis: Analysis, console: Console, report: str | None) -> Iterable[Text]:
    yield from _heading("Where to look next")
    if report is not None:
        yield from _lines(
            console, "", "", f"Open {terminal_text(report, 200)} in a browser: every answer with its evidence."
        )
    else:
        yield from _lines(console, "", "", "Add --html report.html for every answer with its evidence in a browser.")
    first = min(analysis.findings, key=finding_order, default=None)
    if first is not None and first.packets and first.packets[0].input < len(analysis.capture.inputs):
        where = first.packets[0]
        path = quote(visible(analysis.capture.inputs[where.input].path))
        yield from _lines(console, "", "", f"ringfence explain {path} --packet {where.index}")
    yield from _lines(console, "", "", "Nothing was sent to any network.", indent=0)

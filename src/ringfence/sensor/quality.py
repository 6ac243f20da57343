"""The verdict on a capture: what is wrong with it, what that weakens, and the remedy.

Rule 1: a note is a row of ``CHECKS``: a condition on counters, never a guess about the network.
Rule 2: shares are of what could be affected (one-sided TCP flows of TCP flows with data), and small captures are not
accused on a handful of packets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.model.flow import QualityNote

__all__ = ["CHECKS", "Check", "judge"]

Summary = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong with a capture. ``measure`` returns the sentence, or None where all is well."""

    code: str
    severity: str
    measure: Callable[[Summary], str | None]
    weakens: str
    remedy: str


def _share(part: int, whole: int, noun: str) -> str:
    percent = 100 * part / whole if whole else 0
    return f"{part:,} of {whole:,} {noun} ({'under 1' if percent < 1 else f'{percent:.0f}'} %)"


def _empty(summary: Summary) -> str | None:
    return None if summary["packets"] else "The input holds no packets."


def _problems(summary: Summary) -> str | None:
    count = summary["problem_count"]
    if not count:
        return None
    number, offset, reason = summary["problems"][0]
    path = summary["inputs"][number]["path"]
    more = f" and {count - 1:,} more" if count > 1 else ""
    return f"Part of the input could not be read: {path} at byte {offset:,}: {reason}{more}."


def _loss(summary: Summary) -> str | None:
    dropped = sum(row["dropped"] or 0 for row in summary["interfaces"])
    counters = summary["counters"]
    if dropped:
        return f"The capturing system says that it dropped {dropped:,} packets."
    gaps, tcp = counters["tcp_gaps"], counters["tcp"] - counters["tcp_one_sided"]
    if gaps >= 3 and tcp and gaps / tcp > 0.05:
        return f"Bytes are missing inside {_share(gaps, tcp, 'TCP conversations')}: the capture lost packets."
    return None


def _one_sided(summary: Summary) -> str | None:
    counters = summary["counters"]
    one, tcp = counters["tcp_one_sided"], counters["tcp"]
    if tcp and one / tcp > 0.3 and one >= 1:
        return f"Only one direction was captured of {_share(one, tcp, 'TCP conversations')}."
    return None


def _duplicates(summary: Summary) -> str | None:
    count, packets = summary["counters"]["duplicates"], summary["packets"]
    if count >= 5 and count / packets > 0.01:
        return f"{_share(count, packets, 'packets')} were captured twice."
    return None


def _snapped(summary: Summary) -> str | None:
    count, packets = summary["counters"]["snapped"], summary["packets"]
    if not count:
        return None
    lengths = sorted({row["snap_length"] for row in summary["interfaces"] if row["snap_length"]})
    limit = f"; the capture kept at most {lengths[0]:,} bytes of each" if lengths and lengths[0] < 65_535 else ""
    return f"{_share(count, packets, 'packets')} were cut short{limit}."


def _offload(summary: Summary) -> str | None:
    counters = summary["counters"]
    bad, seen = counters["checksums_bad"], counters["checksums"]
    if counters["oversized"] >= 3:
        return f"{counters['oversized']:,} frames are larger than the network allows: the capturing card merged them."
    if bad >= 5 and bad / seen > 0.05:
        share = _share(bad, seen, "packets looked at")
        return f"The transport checksum is wrong in {share}: the sender's card fills it in."
    return None


def _clock(summary: Summary) -> str | None:
    counters = summary["counters"]
    backwards, packets = counters["backwards"], summary["packets"]
    if counters["before_2000"]:
        return f"{counters['before_2000']:,} packets are dated before the year 2000."
    if backwards >= 3 and backwards / packets > 0.001:
        return f"Time goes backwards at {_share(backwards, packets, 'packets')}."
    return None


def _link(summary: Summary) -> str | None:
    count = summary["counters"]["unknown_link"]
    return f"{count:,} packets are of a link type that is not read yet." if count else None


def _bounds(summary: Summary) -> str | None:
    bounds = summary["bounds"]
    if not bounds:
        return None
    words = ", ".join(f"{count:,} times for {name.replace('_', ' ')}" for name, count in sorted(bounds.items()))
    return f"A bound of the analysis was met {words}; what is over it was counted, not kept."


def _malformed(summary: Summary) -> str | None:
    count, packets = summary["counters"]["faults"], summary["packets"]
    if count >= 10 and count / packets > 0.01:
        names = sorted(summary["faults"].items(), key=lambda row: (-row[1], row[0]))[:3]
        most = ", ".join(f"{name} ({number:,})" for name, number in names)
        return f"The headers of {_share(count, packets, 'packets')} are malformed; most often: {most}."
    return None


CHECKS: tuple[Check, ...] = (
    Check(
        "empty",
        "high",
        _empty,
        "There is nothing to say about any device.",
        "Check that the mirror port is on and that the capture filter lets packets through.",
    ),
    Check(
        "unreadable",
        "medium",
        _problems,
        "What came after that place in the file may be missing.",
        "Copy the file again from where it was captured; a capture that was cut off keeps all packets before the cut.",
    ),
    Check(
        "loss",
        "medium",
        _loss,
        "Commands, identities and credentials in the lost packets are not seen.",
        "Give the mirror port more capacity, write to a faster disk, or filter out bulk traffic at the sensor.",
    ),
    Check(
        "one_sided",
        "high",
        _one_sided,
        "Findings about answers are weak: versions, errors and what a controller replied are missing.",
        "Mirror both directions (rx and tx) of the ports or VLANs, or use a tap that joins them.",
    ),
    Check(
        "duplicates",
        "low",
        _duplicates,
        "Counts of packets and bytes are too high; retransmissions may be duplicates.",
        "Mirror ports or VLANs, not both, and only one direction of a link that is mirrored at both ends.",
    ),
    Check(
        "snapped",
        "medium",
        _snapped,
        "Identities and commands that lie beyond the cut are not seen.",
        "Capture whole packets (snap length 0 or 262144).",
    ),
    Check(
        "offload",
        "low",
        _offload,
        "Sizes and checksums are not those on the wire.",
        "Capture at a mirror port or tap, or switch off segmentation and checksum offload at the capturing card.",
    ),
    Check(
        "clock",
        "low",
        _clock,
        "Time ranges and the order of events may be wrong.",
        "Set the sensor's clock (NTP or PTP) and merge files by time.",
    ),
    Check(
        "link_type",
        "medium",
        _link,
        "Those packets are only counted.",
        "Capture on Ethernet, or see the list of link types in the documentation.",
    ),
    Check(
        "malformed",
        "low",
        _malformed,
        "What such packets say is not used.",
        "Look at the packets named in the findings; a broken device, a bad cable or an attack looks like this.",
    ),
    Check(
        "bounds",
        "medium",
        _bounds,
        "Lists may be incomplete; counts are right.",
        "Analyse shorter captures, or one site at a time.",
    ),
)


def judge(summary: Summary) -> tuple[QualityNote, ...]:
    """Return what is wrong with the capture, the gravest first; empty where nothing is."""
    return tuple(_notes(summary))


def _notes(summary: Summary) -> Iterable[QualityNote]:
    order = {"high": 0, "medium": 1, "low": 2}
    for check in sorted(CHECKS, key=lambda check: order[check.severity]):
        text = None if check.code != "empty" and not summary["packets"] else check.measure(summary)
        if text:
            yield QualityNote(check.code, check.severity, text, check.weakens, check.remedy)

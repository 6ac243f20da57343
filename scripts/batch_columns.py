"""What the columns of the Arrow batches mean; names and types come from the schemas that the core itself states."""

from __future__ import annotations

__all__ = ["COLUMNS"]

# Schema to column to (unit, meaning). A column more or less than the core's fails `make docs`.
COLUMNS: dict[str, dict[str, tuple[str, str]]] = {
    "flows.v1": {
        "flow_id": ("", "A digest of the flow's key and start: the same input gives the same id."),
        "sensor": ("", "Who saw it; `file` for captures."),
        "epoch": ("", "Digest of the input that the first packet is in."),
        "window": ("ns since 1970, UTC", "Start of the five-minute window in which the flow began."),
        "src_part": ("16 bytes", "Part that opened the flow, or that was heard first."),
        "dst_part": ("16 bytes", "The other part."),
        "src_address": ("", "Address of the first part, canonical text."),
        "dst_address": ("", "Address of the other."),
        "src_port": ("", "Port of the first part; 0 where there are none."),
        "dst_port": ("", "Port of the other."),
        "transport": ("", "tcp, udp, icmp, ip or ethernet."),
        "protocol": ("", "What the content was recognised as; null where nothing recognised it."),
        "confidence": ("per cent", "How sure that is."),
        "start": ("ns since 1970, UTC", "First packet."),
        "end": ("ns since 1970, UTC", "Last packet."),
        "src_packets": ("packets", "Sent by the first part."),
        "dst_packets": ("packets", "Sent by the other."),
        "src_bytes": ("bytes on the wire", "Sent by the first part."),
        "dst_bytes": ("bytes on the wire", "Sent by the other."),
        "state": ("", "attempt, rejected, established, closed, reset, mid_stream (TCP); answered, unanswered."),
        "src_retransmissions": ("segments", "Sent again by the first part."),
        "dst_retransmissions": ("segments", "Sent again by the other."),
        "rtt_us": ("µs", "Time of the TCP handshake as the sensor saw it; null without one."),
        "vlans": ("", "VLAN ids of the first packet, the outermost first."),
        "tunnel": ("", "Outermost wrapping of the first packet and its id, as in `vxlan:42`; null without one."),
        "community_id": ("", "Community ID 1 with seed 0; null without IP."),
        "flags": (
            "bits",
            "1 one-sided, 2 bytes missing, 4 cut by the capture, 8 packets seen twice, 16 ended by a bound, "
            "32 a retransmission differed.",
        ),
    },
    "transactions.v1": {
        "time": ("ns since 1970, UTC", "Packet that completed the message."),
        "flow_id": ("", "The flow, as in `flows.v1`."),
        "protocol": ("", "Protocol of the message; it may be carried by another one (`cip` by `enip`)."),
        "kind": ("", "Kind of the record; its fields stand in [kinds.md](kinds.md)."),
        "src_part": ("16 bytes", "Who did it."),
        "dst_part": ("16 bytes", "To whom; null where it is said to nobody."),
        "operation": ("", "What was done."),
        "object": ("", "On what; null where the operation has none."),
        "status": ("", "How it ended, where the message says so."),
        "length": ("bytes on the wire", "Length of that packet."),
    },
}

"""Tells systemd how a service is doing (sd_notify), where it asked: one datagram to the socket in ``NOTIFY_SOCKET``."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

__all__ = ["notify"]


def notify(state: str, environment: Mapping[str, str] | None = None) -> bool:
    """Send ``READY=1``, ``STOPPING=1`` or ``STATUS=…``; answers whether somebody was told. Never raises."""
    place = (os.environ if environment is None else environment).get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.settimeout(1)
            told.sendto(state.encode(), "\0" + place[1:] if place[0] == "@" else place)
    except OSError:
        return False
    return True

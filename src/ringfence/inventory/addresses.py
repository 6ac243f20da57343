"""What an address can be: a device's own, a peer's, a group's, a virtual one (contract §1)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from ringfence.model.observation import Address

__all__ = ["IpKind", "MacMark", "canonical", "ip_kind", "is_group_mac", "is_local_mac", "mac_from_eui64", "mac_mark"]


@dataclass(frozen=True, slots=True)
class MacMark:
    """A range of MAC addresses that no network card has. ``shared``: several devices take turns with it."""

    prefix: str
    words: str
    shared: bool


# Longest prefix first where ranges nest.
_MARKS = (
    MacMark("00:00:5e:00:01:", "VRRP for IPv4", True),
    MacMark("00:00:5e:00:02:", "VRRP for IPv6", True),
    MacMark("00:00:0c:07:ac:", "HSRP", True),
    MacMark("00:00:0c:9f:f", "HSRP version 2", True),
    MacMark("00:05:73:a0:0", "HSRP for IPv6", True),
    MacMark("00:07:b4:00:", "GLBP", True),
    MacMark("00:07:b4:01:", "GLBP", True),
    MacMark("00:07:b4:02:", "GLBP", True),
    MacMark("00:07:b4:03:", "GLBP", True),
    MacMark("00:10:db:ff:", "a NetScreen cluster", True),
    MacMark("00:09:0f:09:", "a FortiGate cluster", True),
    MacMark("02:bf:", "Microsoft network load balancing", True),
    MacMark("03:bf:", "Microsoft network load balancing", True),
    MacMark("02:01:00:", "Microsoft network load balancing", True),
    MacMark("02:42:", "Docker containers", False),
    MacMark("52:54:00:", "QEMU and KVM virtual machines", False),
    MacMark("00:16:3e:", "Xen virtual machines", False),
    MacMark("00:50:56:", "VMware virtual machines", False),
    MacMark("00:0c:29:", "VMware virtual machines", False),
    MacMark("00:05:69:", "VMware virtual machines", False),
    MacMark("00:1c:14:", "VMware virtual machines", False),
    MacMark("08:00:27:", "VirtualBox virtual machines", False),
    MacMark("0a:00:27:", "VirtualBox virtual machines", False),
    MacMark("00:15:5d:", "Hyper-V virtual machines", False),
    MacMark("00:1c:42:", "Parallels virtual machines", False),
    MacMark("bc:24:11:", "Proxmox virtual machines", False),
    MacMark("00:a0:98:", "bhyve and NetApp virtual machines", False),
)
_BY_START: dict[str, tuple[MacMark, ...]] = {}
for _mark in _MARKS:
    _BY_START[_mark.prefix[:5]] = (*_BY_START.get(_mark.prefix[:5], ()), _mark)


@lru_cache(65536)
def canonical(address: Address) -> Address:
    """Return the address in canonical text, whatever notation it came in; text that is no address stays as it is."""
    if address.kind == "mac":
        digits = re.sub(r"[-:. ]", "", address.value).lower()
        if re.fullmatch(r"[0-9a-f]{12}", digits):
            return replace(address, value=":".join(digits[at : at + 2] for at in range(0, 12, 2)))
    elif address.kind in ("ipv4", "ipv6"):
        try:
            return replace(address, value=str(ipaddress.ip_address(address.value)))
        except ValueError:
            pass
    return address


@lru_cache(8192)
def mac_mark(mac: str) -> MacMark | None:
    """Return the virtual range that a canonical MAC lies in, or None."""
    for mark in _BY_START.get(mac[:5], ()):
        if mac.startswith(mark.prefix):
            return mark
    return None


def is_group_mac(mac: str) -> bool:
    """Return whether a MAC is a multicast, the broadcast or the zero address: nobody's."""
    return mac[1] in "13579bdf" or mac == "00:00:00:00:00:00"


def is_local_mac(mac: str) -> bool:
    """Return whether a MAC is locally administered."""
    return mac[1] in "2367abef"


@dataclass(frozen=True, slots=True)
class IpKind:
    """What an IP address can be; exactly one of ``nobody``, ``public`` and neither (a local one) holds."""

    nobody: bool
    public: bool
    link_local: bool
    loopback: bool
    version: int


_NOBODY = IpKind(True, False, False, False, 4)


@lru_cache(65536)
def ip_kind(text: str) -> IpKind:
    """Return what a canonical IP address can be. Text that is no address is nobody's."""
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return _NOBODY
    nobody = ip.is_multicast or ip.is_unspecified or text == "255.255.255.255"
    return IpKind(nobody, ip.is_global and not nobody, ip.is_link_local, ip.is_loopback, ip.version)


def mac_from_eui64(text: str) -> str | None:
    """Return the MAC that an IPv6 interface identifier was made from (RFC 4291, appendix A), or None."""
    try:
        packed = ipaddress.IPv6Address(text).packed
    except ValueError:
        return None
    if packed[11:13] != b"\xff\xfe":
        return None
    mac = bytes((packed[8] ^ 2, *packed[9:11], *packed[13:16]))
    return mac.hex(":")

"""The clues. One new clue: one class, one line here, one vector folder."""

from __future__ import annotations

from ringfence.inventory.clues.bacnet import BacnetDevice
from ringfence.inventory.clues.banner import SshBanner, TelnetBanner
from ringfence.inventory.clues.cip import CipIdentity, CipTags
from ringfence.inventory.clues.clue import PART_SEEN, Clue, ClueDoc
from ringfence.inventory.clues.dhcp import DhcpFingerprint, DhcpNamedMaker, DhcpServer, DhcpVendorClass
from ringfence.inventory.clues.host_name import HostName
from ringfence.inventory.clues.http import HttpAgent, HttpServer
from ringfence.inventory.clues.mac_kind import MacKind
from ringfence.inventory.clues.mdns import MdnsService
from ringfence.inventory.clues.modbus import ModbusIdentity
from ringfence.inventory.clues.mqtt import MqttClient, MqttTopic
from ringfence.inventory.clues.name_asked import NameAsked
from ringfence.inventory.clues.oui import OuiVendor
from ringfence.inventory.clues.s7comm import S7Identity, S7Program
from ringfence.inventory.clues.snmp import SnmpSystem
from ringfence.inventory.clues.tls import TlsCertificate, TlsFingerprint
from ringfence.inventory.clues.upnp import SsdpMessage, UpnpDescription

__all__ = ["BUILTIN_CLUES", "PART_SEEN", "Clue", "ClueDoc"]

BUILTIN_CLUES: tuple[type[Clue], ...] = (
    OuiVendor,
    MacKind,
    DhcpFingerprint,
    DhcpVendorClass,
    DhcpNamedMaker,
    DhcpServer,
    HostName,
    MdnsService,
    SsdpMessage,
    UpnpDescription,
    HttpServer,
    HttpAgent,
    NameAsked,
    TlsCertificate,
    TlsFingerprint,
    SshBanner,
    TelnetBanner,
    MqttClient,
    MqttTopic,
    SnmpSystem,
    ModbusIdentity,
    S7Identity,
    S7Program,
    CipIdentity,
    CipTags,
    BacnetDevice,
)

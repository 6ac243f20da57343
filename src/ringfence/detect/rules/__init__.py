"""The visible tuple of rules: one new rule = one file, one line here, one folder of vectors."""

from ringfence.detect.rule import Rule
from ringfence.detect.rules.cleartext_credentials import CleartextCredentials
from ringfence.detect.rules.controller_on_internet import ControllerOnInternet
from ringfence.detect.rules.default_credentials import DefaultCredentials
from ringfence.detect.rules.exposed_management import ExposedManagement
from ringfence.detect.rules.mqtt_unprotected import MqttUnprotected
from ringfence.detect.rules.obsolete_encryption import ObsoleteEncryption
from ringfence.detect.rules.ot_command import OtCommand
from ringfence.detect.rules.scan_or_flood import ScanOrFlood
from ringfence.detect.rules.snmp_default_community import SnmpDefaultCommunity
from ringfence.detect.rules.weak_certificate import WeakCertificate

__all__ = ["BUILTIN_RULES"]

BUILTIN_RULES: tuple[type[Rule], ...] = (
    CleartextCredentials,
    ControllerOnInternet,
    DefaultCredentials,
    ExposedManagement,
    MqttUnprotected,
    ObsoleteEncryption,
    OtCommand,
    ScanOrFlood,
    SnmpDefaultCommunity,
    WeakCertificate,
)

"""UPnP Device Architecture 2.0 §1 and §2: SSDP messages and device descriptions."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

_FIELDS = (
    ("deviceType", "device_type"),
    ("friendlyName", "friendly_name"),
    ("manufacturer", "manufacturer"),
    ("modelName", "model_name"),
    ("modelNumber", "model_number"),
    ("modelDescription", "model_description"),
)

# Names of software, which many makers' devices give as their maker.
_NO_MAKER = ("unknown", "openwrt", "linux", "miniupnp", "none", "n/a", "generic", "manufacturer", "dd-wrt", "tomato")


class SsdpMessage(Clue):
    """What a device announces or answers by SSDP; searches say nothing of the searcher but its software."""

    NAME = "ssdp_message"
    READS = "ssdp.message"
    DOC = ClueDoc(
        "SSDP announcements", "UPnP Device Architecture 2.0 §1", ("The SERVER line often names only a library.",)
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what server line and notification type speak for."""
        if fact["operation"] == "search":
            agent = fact["user_agent"]
            if agent:
                sentence = f"Its SSDP searches name the software {quoted(agent)}."
                yield from from_signatures(self, self.knowledge.text("user_agent", agent), sentence, 0.8)
            return
        server, target = fact["server"], fact["target"]
        if server:
            sentence = f"Its SSDP messages name the server {quoted(server)}."
            yield from from_signatures(self, self.knowledge.text("ssdp_server", server), sentence)
            yield from from_product(self, server, sentence, 0.85, 0)
        if target:
            sentence = f"It announces {quoted(target)} by SSDP."
            yield from from_signatures(self, self.knowledge.text("upnp_type", target), sentence)
            yield from from_signatures(self, self.knowledge.described({"st": target}), sentence)


class UpnpDescription(Clue):
    """Manufacturer, model and type of the device description."""

    NAME = "upnp_description"
    READS = "upnp.description"
    DOC = ClueDoc(
        "UPnP device description",
        "UPnP Device Architecture 2.0 §2.3",
        ("Software on a PC describes itself in the same way.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield every field that says something."""
        fields = {name: str(fact[ours]) for name, ours in _FIELDS if fact[ours]}
        maker, model = fields.get("manufacturer"), fields.get("modelName")
        told = " ".join(filter(None, (maker, model, fields.get("modelNumber"))))
        sentence = f"Its UPnP description says {quoted(told or fields.get('deviceType', ''))}."
        stated = ""
        if maker and not maker.lower().startswith(_NO_MAKER):
            stated = self.knowledge.canonical(maker)
            yield Claim("vendor", stated, 0.85, self.NAME, sentence)
        for field, name, weight in (
            ("product", "modelName", 0.8),
            ("model", "modelNumber", 0.7),
            ("name", "friendlyName", 0.5),
        ):
            if fields.get(name):
                yield Claim(field, fields[name][:120], weight, self.NAME, sentence)
        if fact["serial_number"]:
            yield Claim("serial", str(fact["serial_number"])[:120], 0.6, self.NAME, sentence)
        if fields.get("deviceType"):
            said = f"Its UPnP description is of type {quoted(fields['deviceType'])}."
            yield from from_signatures(self, self.knowledge.text("upnp_type", fields["deviceType"]), said)
        yield from from_signatures(self, self.knowledge.described(fields), sentence)
        for name, factor in (
            ("modelName", 1.0),
            ("modelNumber", 0.9),
            ("modelDescription", 0.9),
            ("friendlyName", 0.7),
        ):
            if fields.get(name):
                yield from from_product(self, fields[name], sentence, factor, 0.8, stated)

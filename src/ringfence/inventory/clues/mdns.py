"""RFC 6762, RFC 6763: services a device announces, and the keys of their TXT records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_product, from_recog, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation

_PTR, _TXT, _SRV = 12, 16, 33
_SERVICE = re.compile(r"(?:^|(?<=\.))(_[A-Za-z0-9-]+\._(?:tcp|udp))\.local$", re.IGNORECASE)
# TXT keys that name the model, by convention of the makers.
_MODEL_KEYS = (
    "model",
    "md",
    "am",
    "ty",
    "usb_mdl",
    "product",
    "mdl",
    "modelid",
    "model_number",
    "model_name",
    "devmodel",
    "dm",
)
_MAKER_KEYS = ("manufacturer", "usb_mfg", "mfg", "vendor", "brand", "integrator")
_FIRMWARE_KEYS = ("fv", "fw", "fwversion", "firmware", "firmware_version", "srcvers")
_SERIAL_KEYS = ("serial", "serialnumber", "sn", "srnm")
_SAYS_NOTHING = frozenset({"_sleep-proxy._udp", "_matterd._udp"})


class MdnsService(Clue):
    """Service types and TXT keys."""

    NAME = "mdns_service"
    READS = "mdns.answer"
    DOC = ClueDoc(
        "mDNS services",
        "RFC 6763; HomeKit Accessory Protocol (categories); Home Assistant's zeroconf matchers; recog",
        (
            "Known answers in queries are not read: they speak of others.",
            "Media software on a PC announces like a player.",
        ),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what a PTR or TXT record speaks for."""
        if fact["question"]:
            return
        service, instance = _split(fact["name"] or "")
        if not service or service in _SAYS_NOTHING:
            return
        if fact["record_type"] == _PTR:
            yield from self._service(service, _split(fact["target"] or "")[1])
        elif fact["record_type"] == _TXT:
            yield from self._texts(service, instance, _properties(fact["texts"] or ()))
        elif fact["record_type"] == _SRV:
            yield from self._service(service, instance)

    def _service(self, service: str, instance: str) -> Iterator[Claim]:
        sentence = (
            f"It announces the service {quoted(service)} as {quoted(instance)}."
            if instance
            else (f"It announces the service {quoted(service)}.")
        )
        yield from from_signatures(self, self.knowledge.text("mdns_service", service), sentence)
        yield from from_signatures(
            self, self.knowledge.advertised(service, f"{instance}.{service}.local.", frozenset()), sentence
        )
        if instance:
            yield from from_product(self, instance, sentence, 0.75, 0)

    def _texts(self, service: str, instance: str, texts: Mapping[str, str]) -> Iterator[Claim]:
        if service == "_device-info._tcp":
            yield from self._device_info(texts)
        sentence = f"The TXT record of its service {quoted(service)} says "
        pairs = frozenset((key, value) for key, value in texts.items() if len(value) < 64)
        yield from from_signatures(
            self,
            self.knowledge.advertised(service, f"{instance}.{service}.local.", pairs),
            sentence + "so by its keys.",
        )
        if service == "_hap._tcp" and texts.get("ci", "").isdecimal():
            known = self.knowledge.number_class("hap_category", int(texts["ci"][:4]))
            if known:
                yield Claim(
                    "class", known.value, known.weight, self.NAME, f"{sentence}HomeKit category {texts['ci'][:4]}."
                )
        yield from self._named(texts, service, sentence)

    def _named(self, texts: Mapping[str, str], service: str, sentence: str) -> Iterator[Claim]:
        stated = ""
        for key in _MAKER_KEYS:
            maker = self.knowledge.canonical(texts.get(key, ""))
            if maker and self.knowledge.known_maker(maker):
                stated = stated or maker
                yield Claim("vendor", maker, 0.85, self.NAME, f"{sentence}{key}={quoted(texts[key])}.")
        for key in _MODEL_KEYS:
            model = texts.get(key, "").strip("() ")
            if not model:
                continue
            said = f"{sentence}{key}={quoted(model)}."
            yield Claim("model", model[:120], 0.75, self.NAME, said)
            yield from from_product(self, model, said, 0.95, 0, stated)
            if service == "_hap._tcp":
                yield from from_signatures(self, self.knowledge.homekit(model), said)
            maker = self.knowledge.canonical(model)
            if self.knowledge.known_maker(maker) and maker != model:
                yield Claim("vendor", maker, 0.7, self.NAME, said)
        for text, value in texts.items():
            if not value and len(text) > 5:
                yield from from_product(self, text, f"{sentence}{quoted(text)}.", 0.9, 0, stated)
        for field, keys in (("firmware", _FIRMWARE_KEYS), ("serial", _SERIAL_KEYS)):
            for key in keys:
                if texts.get(key):
                    yield Claim(field, texts[key][:120], 0.7, self.NAME, f"{sentence}{key}={quoted(texts[key])}.")

    def _device_info(self, texts: Mapping[str, str]) -> Iterator[Claim]:
        model = texts.get("model", "")
        if model:
            sentence = f"Its device-info record says model={quoted(model)}."
            yield from from_recog(self, "mdns_device-info_txt", f"model={model}", sentence)


def _split(name: str) -> tuple[str, str]:
    """(service type, instance) of a name such as ``My printer._ipp._tcp.local``."""
    match = _SERVICE.search(name)
    if match is None:
        return "", ""
    return match[1], name[: match.start()].rstrip(".")


def _properties(texts: object) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(texts, (list, tuple)):
        for text in texts[:64]:
            key, _, value = str(text).partition("=")
            found.setdefault(key.lower(), value)
    return found

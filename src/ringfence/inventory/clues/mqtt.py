"""MQTT 5.0 §3.1.3.1: the client identifier."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.inventory.clues.clue import Clue, ClueDoc, from_signatures, quoted
from ringfence.model.device import Claim
from ringfence.model.observation import Observation


class MqttClient(Clue):
    """Firmware gives client identifiers of a form of its own."""

    NAME = "mqtt_client"
    READS = "mqtt.connect"
    DOC = ClueDoc("MQTT client identifier", "MQTT 5.0 §3.1.3.1", ("Any program may use any identifier.",))

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the identifier's form speaks for."""
        identifier = str(fact["client_id"] or "")
        if identifier:
            sentence = f"Its MQTT client identifier is {quoted(identifier)}."
            yield from from_signatures(self, self.knowledge.text("client_id", identifier), sentence)
            yield from from_signatures(self, self.knowledge.host_name(identifier), sentence, 0.7)

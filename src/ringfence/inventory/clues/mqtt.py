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


class MqttTopic(Clue):
    """Firmware subscribes, and leaves its last will, under topics of a form of its own."""

    NAME = "mqtt_topic"
    READS = ("mqtt.connect", "mqtt.subscribe")
    DOC = ClueDoc(
        "MQTT topics",
        "MQTT 5.0 §3.1.3.3, §4.7; topics that makers and projects document; Eclipse Sparkplug 3.0 §4",
        ("What is published is not read: a broker passes on what others published, and looks like them.",),
    )

    def claims(self, fact: Observation) -> Iterator[Claim]:
        """Yield what the topic's form speaks for."""
        will = fact.kind == "mqtt.connect"
        topic = str((fact["will_topic"] if will else fact["object"]) or "")
        if topic:
            done = "leaves its MQTT last will under" if will else "subscribes to the MQTT topic"
            signatures = self.knowledge.text("will_topic" if will else "topic_filter", topic)
            yield from from_signatures(self, signatures, f"It {done} {quoted(topic)}.")

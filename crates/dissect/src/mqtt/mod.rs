//! MQTT. MQTT 3.1.1 (OASIS), MQTT 5.0 (OASIS), MQTT 3.1 (IBM).

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    connect "mqtt.connect" "MQTT 5.0 §3.1" "A client introduces itself." {
        protocol_name: Text Key "" "MQTT or MQIsdp.";
        version: Uint Key "" "3, 4 or 5.";
        client_id: Text Key "" "Client identifier.";
        user: Text Key "" "User name.";
        secret: Bytes Key "" "HMAC of the password.";
        default: Bool Key "" "True where the pair is on a default list.";
        keep_alive: Uint Key "s" "Keep alive.";
        clean: Bool Key "" "Clean session / clean start.";
        will_topic: Text Key "" "Will topic.";
        anonymous: Bool Key "" "True where neither user name nor password was sent.";
    }
    connack "mqtt.connack" "MQTT 5.0 §3.2" "The broker's answer, about the broker." {
        code: Uint Key "" "Return or reason code.";
    }
    publish "mqtt.publish" "MQTT 5.0 §3.3" "A message published; its payload is never kept." {
        operation: Text Key "" "publish.";
        object: Text Key "" "Topic.";
        qos: Uint Key "" "QoS.";
        retain: Bool Key "" "Retain.";
        size: Uint Detail "bytes" "Payload size.";
    }
    subscribe "mqtt.subscribe" "MQTT 5.0 §3.8" "A subscription." {
        operation: Text Key "" "subscribe or unsubscribe.";
        object: Text Key "" "Topic filter.";
        qos: Uint Key "" "Requested QoS; absent for unsubscribe.";
    }
    packet "mqtt.packet" "MQTT 5.0 §2.1" "A control packet." {
        packet_type: Uint Key "" "Control packet type.";
    }
}
malformed_kind!("mqtt.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "mqtt",
    title: "MQTT",
    source: "MQTT 3.1.1 (OASIS), MQTT 5.0 (OASIS), MQTT 3.1 (IBM)",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[1883, 1884],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading),
};

fn probe(_data: &[u8], _hint: &Hint) -> Probe {
    Probe::No
}

struct Reading;

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], _cx: &mut Context<'_>) -> Progress {
        Progress::Used(data.len())
    }
}

//! MQTT. MQTT 3.1.1 (OASIS), MQTT 5.0 (OASIS), MQTT 3.1 (IBM).

//!
//! Rule 1: a payload is counted and passed over as it comes; it is never kept, nor waited for.
//! Rule 2: the version stands in CONNECT; without it (mid-stream) both readings of a packet are tried, the older first.

mod control;
mod probe;
mod reading;

#[cfg(test)]
mod tests;

use crate::Protocol;

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
        version: Uint Detail "" "3, 4 or 5, where it is known.";
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
        version: Uint Detail "" "3, 4 or 5, where it is known.";
    }
    packet "mqtt.packet" "MQTT 5.0 §2.1" "A control packet." {
        packet_type: Uint Key "" "Control packet type; 0 is reserved, 15 too before MQTT 5.";
        qos: Uint Detail "" "QoS of the fixed header, where MQTT 3.1 has one in a PUBREL, SUBSCRIBE or UNSUBSCRIBE.";
    }
}
malformed_kind!("mqtt.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "mqtt",
    title: "MQTT",
    source: "MQTT 3.1.1 (OASIS), MQTT 5.0 (OASIS), MQTT 3.1 (IBM)",
    limits: &[
        "Properties of MQTT 5 are passed over: topic aliases, user properties and reason strings are not read.",
        "A publication that names its topic by an alias alone has an empty topic.",
        "Without the CONNECT, a conversation off the registered ports is only claimed from a whole PUBLISH or SUBSCRIBE.",
        "MQTT over WebSocket and MQTT-SN are not read.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[1883, 1884],
    buffer: 131_072, // bytes
    probe: probe::probe,
    dissector: || Box::new(reading::Reading::default()),
};

//! HTTP/1. RFC 9112.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    request "http.request" "RFC 9112 §3" "A request: sender asked receiver for an object." {
        operation: Text Key "" "The method.";
        host: Text Key "" "Host.";
        object: Text Key "" "Path of the target, query left out.";
        user_agent: Text Key "" "User-Agent.";
        content_type: Text Key "" "Content-Type of the body.";
        authorization: Text Key "" "Scheme of Authorization, lower case.";
        version: Text Key "" "1.0 or 1.1.";
        uri: Text Detail "" "Request target as sent; may hold personal data, so never stored.";
    }
    response "http.response" "RFC 9112 §4" "A response, about the server." {
        status: Uint Key "" "Status code.";
        server: Text Key "" "Server.";
        powered_by: Text Key "" "X-Powered-By.";
        content_type: Text Key "" "Content-Type.";
        www_authenticate: Text Key "" "WWW-Authenticate (challenge nonce left out).";
        location: Text Key "" "Location, query left out.";
        title: Text Key "" "Title of an HTML page.";
        challenge: Text Detail "" "WWW-Authenticate as sent.";
        target: Text Detail "" "Location as sent.";
    }
    credentials "http.credentials" "RFC 7617, RFC 7616" "Credentials sent by the client to the server." {
        scheme: Text Key "" "basic, digest, bearer or form.";
        user: Text Key "" "User name.";
        secret: Bytes Key "" "HMAC of the password; absent for digest.";
        default: Bool Key "" "True where the pair is on a default list.";
    }
    description "upnp.description" "UPnP Device Architecture 2.0 §2.3" "A UPnP device description served over HTTP, about the server." {
        device_type: Text Key "" "deviceType.";
        friendly_name: Text Key "" "friendlyName.";
        manufacturer: Text Key "" "manufacturer.";
        model_name: Text Key "" "modelName.";
        model_number: Text Key "" "modelNumber.";
        model_description: Text Key "" "modelDescription.";
        serial_number: Text Key "" "serialNumber.";
        udn: Text Key "" "UDN.";
    }
}
malformed_kind!("http.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "http",
    title: "HTTP/1",
    source: "RFC 9112",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[80, 8080, 8000, 8008, 8081, 8888, 5357, 49152, 554],
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

//! HTTP/1. RFC 9112.

use crate::Protocol;

mod body;
pub(crate) mod head;
mod login;
mod markup;
mod probe;
mod stream;
#[cfg(test)]
mod tests;

kinds! {
    request "http.request" "RFC 9112 §3" "A request: sender asked receiver for an object." {
        operation: Text Key "" "The method.";
        host: Text Key "" "Host.";
        object: Text Key "" "Path of the target; authority, query, fragment and path parameters left out.";
        user_agent: Text Key "" "User-Agent.";
        content_type: Text Key "" "Content-Type of the body.";
        authorization: Text Key "" "Scheme of Authorization, lower case.";
        version: Text Key "" "1.0 or 1.1.";
        uri: Text Detail "" "Request target as sent, `***` for userinfo and secret parameters; may hold personal data, so never stored.";
        cut_name: Text Detail "" "Name, lower case, of a header line that the capture cut.";
        cut_value: Text Detail "" "What is left of that line's value; a secret's is left out.";
    }
    response "http.response" "RFC 9112 §4" "A response, about the server." {
        status: Uint Key "" "Status code.";
        server: Text Key "" "Server.";
        powered_by: Text Key "" "X-Powered-By.";
        content_type: Text Key "" "Content-Type.";
        www_authenticate: Text Key "" "WWW-Authenticate (challenge nonce left out).";
        location: Text Key "" "Location, query left out.";
        title: Text Key "" "Not filled, since a title comes after the head has been told: `http.page` has it.";
        challenge: Text Detail "" "WWW-Authenticate as sent.";
        target: Text Detail "" "Location as sent, `***` for userinfo and secret parameters.";
        cut_name: Text Detail "" "Name, lower case, of a header line that the capture cut.";
        cut_value: Text Detail "" "What is left of that line's value; a secret's is left out.";
    }
    credentials "http.credentials" "RFC 7617, RFC 7616" "Credentials sent by the client to the server." {
        scheme: Text Key "" "basic, digest, bearer, form (a log-in form in a body) or query (one in a target).";
        user: Text Key "" "User name.";
        secret: Bytes Key "" "HMAC of the password or token; absent for digest.";
        default: Bool Key "" "True where the pair is on a default list.";
    }
    page "http.page" "HTML §4.2.2" "An HTML page, about the server." {
        title: Text Key "" "Title, white space collapsed.";
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
    limits: &[
        "HTTP/2 and HTTP/3 are not read; inside TLS nothing is.",
        "Compressed bodies are skipped: no title, no description.",
        "Titles are looked for in the first 8 KiB of a page, descriptions in the first 32 KiB, log-in forms in the first 8 KiB.",
        "NTLM and Negotiate tokens are not taken apart.",
        "A secret in a path (not in the query) is not recognised as one.",
        "After a head that can't be read or was lost, the stream is picked up where a message starts a segment.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[80, 8080, 8000, 8008, 8081, 8888, 5357, 49152, 554],
    buffer: 65_536, // bytes
    probe: probe::probe,
    dissector: || Box::<stream::Http>::default(),
};

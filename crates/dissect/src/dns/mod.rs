//! DNS and multicast DNS with service discovery. RFC 1035, RFC 6762, RFC 6763.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    query "dns.query" "RFC 1035 §4.1.2" "A name asked for: subject asked object." {
        operation: Text Key "" "query.";
        object: Text Key "" "Name, lower case, without the last dot; labels escaped as in RFC 4343.";
        record_type: Uint Key "" "QTYPE.";
        name: Text Detail "" "Name as sent.";
    }
    answer "dns.answer" "RFC 1035 §4.1.3" "A resource record in a response, about the client that gets it." {
        name: Text Key "" "Owner name.";
        record_type: Uint Key "" "TYPE.";
        ip: Ip Key "" "A or AAAA.";
        target: Text Key "" "CNAME, PTR, NS, MX or SRV target.";
        texts: Texts Key "" "TXT strings.";
        ttl: Uint Detail "s" "TTL.";
    }
    response "dns.response" "RFC 1035 §4.1.1" "A response, about the server." {
        status: Uint Key "" "RCODE.";
        question: Text Detail "" "Name asked, as sent.";
        question_type: Uint Detail "" "QTYPE.";
    }
    mdns_query "mdns.query" "RFC 6762 §5" "A name asked for by multicast." {
        name: Text Key "" "Name.";
        record_type: Uint Key "" "QTYPE.";
    }
    mdns_answer "mdns.answer" "RFC 6762 §6, RFC 6763" "A resource record announced, about its sender." {
        name: Text Key "" "Owner name.";
        record_type: Uint Key "" "TYPE.";
        ip: Ip Key "" "A or AAAA.";
        target: Text Key "" "PTR or SRV target.";
        port: Uint Key "" "SRV port.";
        texts: Texts Key "" "TXT strings, `key=value`.";
        question: Bool Key "" "True for a record in a query's answer section (known answer) or authority section (probe).";
    }
}
malformed_kind!("dns.malformed");
/// What could not be read of multicast DNS.
pub static MDNS_MALFORMED: crate::Kind = crate::Kind {
    name: "mdns.malformed",
    doc: "What could not be read: the field at fault and the reason.",
    source: "contract §2",
    fields: crate::MALFORMED_FIELDS,
};
static DNS_KINDS: &[&crate::Kind] = &[&query::KIND, &answer::KIND, &response::KIND];
static MDNS_KINDS: &[&crate::Kind] = &[&mdns_query::KIND, &mdns_answer::KIND];

/// Unicast DNS, over UDP and TCP.
pub static PROTOCOL: Protocol = Protocol {
    name: "dns",
    title: "Domain Name System",
    source: "RFC 1035",
    limits: &["Not dissected yet."],
    kinds: DNS_KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: true,
    ethertypes: &[],
    ports: &[53],
    buffer: 65_538, // bytes
    probe,
    dissector: || Box::new(Reading),
};

/// Multicast DNS with service discovery.
pub static MDNS: Protocol = Protocol {
    name: "mdns",
    title: "Multicast DNS and DNS-SD",
    source: "RFC 6762, RFC 6763",
    limits: &["Not dissected yet."],
    kinds: MDNS_KINDS,
    malformed: &MDNS_MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[5353],
    buffer: 0,
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

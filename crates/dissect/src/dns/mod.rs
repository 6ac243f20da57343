//! DNS and multicast DNS with service discovery. RFC 1035, RFC 6762, RFC 6763.
//!
//! The parts of a message are read here and not with the crate `domain`: measured on 22,787 real messages (best of seven
//! rounds, one core, a busy machine), `domain` took 1,920 ns a message of DNS and 2,334 ns of mDNS, this 805 and 1,057;
//! and `domain` ends a section at the first name it can't read, although what follows can be. The tests hold both
//! readers against each other.
//!
//! Rule 1: one format, two protocols: port 5353 and multicast make it mDNS, port 53 always makes it DNS.

use crate::Protocol;

mod message;
mod name;
mod probe;
mod sections;
#[cfg(test)]
mod tests;

kinds! {
    query "dns.query" "RFC 1035 §4.1.2" "A name asked for: subject asked object." {
        operation: Text Key "" "query; also notify, update, status, inverse_query, other.";
        object: Text Key "" "Name, lower case, without the last dot; labels escaped as in RFC 4343.";
        record_type: Uint Key "" "QTYPE.";
        name: Text Detail "" "Name as sent.";
    }
    answer "dns.answer" "RFC 1035 §4.1.3" "A resource record in a response, about the client that gets it." {
        name: Text Key "" "Owner name, as `dns.query` has it.";
        record_type: Uint Key "" "TYPE.";
        ip: Ip Key "" "A or AAAA.";
        target: Text Key "" "CNAME, DNAME, PTR, NS, MX or SRV target, SOA primary server; lower case.";
        texts: Texts Key "" "TXT and HINFO strings, empty ones left out.";
        ttl: Uint Detail "s" "TTL.";
        target_sent: Text Detail "" "The target as sent.";
    }
    update "dns.update" "RFC 2136 §2, RFC 8945" "A resource record in a request (update, notify, signature), about who sent it." {
        name: Text Key "" "Owner name, as `dns.query` has it.";
        record_type: Uint Key "" "TYPE.";
        ip: Ip Key "" "A or AAAA.";
        target: Text Key "" "As in `dns.answer`.";
        texts: Texts Key "" "As in `dns.answer`.";
        ttl: Uint Detail "s" "TTL; 0 in deletions.";
        target_sent: Text Detail "" "The target as sent.";
    }
    response "dns.response" "RFC 1035 §4.1.1" "A response, about the server." {
        status: Uint Key "" "RCODE.";
        question: Text Detail "" "Name asked, as sent.";
        question_type: Uint Detail "" "QTYPE.";
    }
    mdns_query "mdns.query" "RFC 6762 §5" "A name asked for by multicast." {
        name: Text Key "" "Name as sent, but lower case from a service label (`_hap`) on.";
        record_type: Uint Key "" "QTYPE.";
        repeated: Bool Key "" "True for a question that a response repeats: its sender did not ask it.";
        sent: Text Detail "" "Name as sent.";
    }
    mdns_answer "mdns.answer" "RFC 6762 §6, RFC 6763" "A resource record announced, about its sender." {
        name: Text Key "" "Owner name as sent, but lower case from a service label (`_hap`) on.";
        record_type: Uint Key "" "TYPE.";
        ip: Ip Key "" "A or AAAA.";
        target: Text Key "" "PTR or SRV target, as sent.";
        port: Uint Key "" "SRV port.";
        texts: Texts Key "" "TXT strings, `key=value`, and HINFO strings; empty ones left out.";
        question: Bool Key "" "True for a record in a query's answer section (known answer) or authority section (probe).";
        ttl: Uint Detail "s" "TTL; 0 says goodbye.";
    }
}
malformed_kind!("dns.malformed");
/// What could not be read of multicast DNS.
pub static MDNS_MALFORMED: crate::Kind = crate::Kind {
    name: "mdns.malformed",
    doc: "What could not be read: the field at fault and the reason.",
    source: "contract §2",
    fields: crate::MALFORMED_FIELDS,
    transaction: crate::Transaction::of(crate::MALFORMED_FIELDS),
};
static DNS_KINDS: &[&crate::Kind] = &[&query::KIND, &answer::KIND, &response::KIND, &update::KIND];
static MDNS_KINDS: &[&crate::Kind] = &[&mdns_query::KIND, &mdns_answer::KIND];

/// Unicast DNS, over UDP and TCP.
pub static PROTOCOL: Protocol = Protocol {
    name: "dns",
    title: "Domain Name System",
    source: "RFC 1035",
    limits: &[
        "DNS over TLS, HTTPS and QUIC is encrypted.",
        "Of a response with several questions the first is told.",
        "Data of record types other than A, AAAA, CNAME, DNAME, PTR, NS, MX, SOA, SRV, TXT, SPF and HINFO is left out.",
        "DNSSEC signatures are not checked.",
    ],
    kinds: DNS_KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: true,
    ethertypes: &[],
    ports: &[53],
    buffer: 65_538, // bytes
    probe: probe::dns,
    dissector: || Box::<message::Dns>::default(),
};

/// Multicast DNS with service discovery.
pub static MDNS: Protocol = Protocol {
    name: "mdns",
    title: "Multicast DNS and DNS-SD",
    source: "RFC 6762, RFC 6763",
    limits: &[
        "Data of record types other than those of `dns` is left out; NSEC says only that it is there.",
        "A message in several packets (the truncation bit) is read packet by packet.",
    ],
    kinds: MDNS_KINDS,
    malformed: &MDNS_MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[5353],
    buffer: 0,
    probe: probe::mdns,
    dissector: || Box::new(message::Mdns),
};

//! DHCP for IPv4. RFC 2131.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    message "dhcp.message" "RFC 2131 §2, RFC 2132" "A DHCP message; from the client about itself, from the server about what it hands out." {
        operation: Text Key "" "discover, offer, request, decline, ack, nak, release, inform, bootp_request, bootp_reply …";
        message_type: Uint Key "" "Option 53.";
        client_mac: Mac Key "" "Client hardware address (chaddr).";
        your_ip: Ip Key "" "yiaddr: the address handed out.";
        client_ip: Ip Key "" "ciaddr.";
        relay_ip: Ip Key "" "giaddr.";
        hostname: Text Key "" "Option 12.";
        fqdn: Text Key "" "Option 81.";
        vendor_class: Text Key "" "Option 60.";
        user_class: Text Key "" "Option 77.";
        client_id: Bytes Key "" "Option 61.";
        requested_ip: Ip Key "" "Option 50.";
        server_id: Ip Key "" "Option 54.";
        parameter_requests: Uints Key "" "Option 55, order kept.";
        option_order: Uints Key "" "Codes of all options in the order sent, pad and end left out.";
        max_message_size: Uint Key "bytes" "Option 57.";
        lease: Uint Key "s" "Option 51.";
        subnet_mask: Ip Key "" "Option 1.";
        routers: Ips Key "" "Option 3.";
        dns_servers: Ips Key "" "Option 6.";
        domain_name: Text Key "" "Option 15.";
        ntp_servers: Ips Key "" "Option 42.";
        mud_url: Text Key "" "Option 161 (RFC 8520 §10).";
        transaction: Uint Detail "" "xid.";
        seconds: Uint Detail "s" "secs.";
    }
}
malformed_kind!("dhcp.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "dhcp",
    title: "DHCPv4",
    source: "RFC 2131",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[67, 68],
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

//! DHCP for IPv4, and BOOTP below it. RFC 2131, RFC 2132, RFC 951.
//!
//! Rule 1: what a client says is about its hardware address, not about the address it sends from (0.0.0.0, or a relay's).
//! Rule 2: what a server says is about the sender, done to the client's hardware address.
//! Rule 3: an option cut into several is joined (RFC 3396); `file` and `sname` are read as options where option 52 says so.

mod options;
mod packet;
#[cfg(test)]
mod tests;

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    message "dhcp.message" "RFC 2131 §2, RFC 2132" "A DHCP message; from the client about itself, from the server about what it hands out." {
        operation: Text Key "" "discover, offer, request, decline, ack, nak, release, inform, bootp_request, bootp_reply …";
        message_type: Uint Key "" "Option 53.";
        client_mac: Mac Key "" "Client hardware address (chaddr).";
        your_ip: Ip Key "" "yiaddr: the address handed out; 0.0.0.0 where there is none.";
        client_ip: Ip Key "" "ciaddr, where it is not 0.0.0.0.";
        relay_ip: Ip Key "" "giaddr, where it is not 0.0.0.0.";
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
        hardware_type: Uint Key "" "htype, where it is not Ethernet (1).";
        client_hardware: Bytes Key "" "chaddr, where it is not a MAC address.";
        next_server: Ip Key "" "siaddr, where it is not 0.0.0.0: the server to boot from.";
        server_name: Text Key "" "sname, or option 66: the server to boot from, by name.";
        boot_file: Text Key "" "file, or option 67.";
        architecture: Uints Key "" "Option 93 (RFC 4578): the client's processor and firmware.";
        network_interface: Bytes Key "" "Option 94 (RFC 4578).";
        machine_id: Bytes Key "" "Option 97 (RFC 4578): the client machine's UUID.";
        circuit_id: Bytes Key "" "Option 82.1 (RFC 3046): the port a relay saw the client on.";
        remote_id: Bytes Key "" "Option 82.2 (RFC 3046): the client's side of that port, as the relay names it.";
        subscriber_id: Text Key "" "Option 82.6 (RFC 3993).";
        enterprises: Uints Key "" "Enterprise numbers of options 124 and 125 (RFC 3925), in the order sent.";
        tftp_servers: Ips Key "" "Option 150 (RFC 5859).";
        controllers: Ips Key "" "Option 138 (RFC 5417): CAPWAP access controllers.";
        static_routes: Bytes Key "" "Option 121 or 249 (RFC 3442): routes handed out, as on the wire.";
        proxy_url: Text Key "" "Option 252: where the proxy's configuration is.";
        vendor_specific: Bytes Detail "" "Option 43, as on the wire.";
        server_message: Text Detail "" "Option 56: why a server refused or a client declined.";
        client_id_mac: Mac Detail "" "The MAC address in option 61, where it holds one.";
        broadcast: Bool Detail "" "The client asks for answers by broadcast.";
    }
}
malformed_kind!("dhcp.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "dhcp",
    title: "DHCPv4",
    source: "RFC 2131",
    limits: &[
        "Bulk lease queries over TCP (RFC 6926) are not read.",
        "The content of vendor-specific options (43, 125) is kept as bytes or as enterprise numbers, not taken apart.",
        "Of a message that the capture cut short before byte 236 nothing but the flow is said.",
        "Of one message at most 128 options are kept.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[67, 68],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Dhcp),
};

/// Bytes before the magic cookie.
const FIXED: usize = 236; // bytes

fn probe(data: &[u8], hint: &Hint) -> Probe {
    let Some((&[op, hardware, length, hops], _)) = data.split_first_chunk::<4>() else { return Probe::No };
    if !matches!(op, 1 | 2) || length > 16 {
        return Probe::No;
    }
    let ours = |port| matches!(port, 67 | 68);
    let on_port = ours(hint.client_port) || ours(hint.server_port);
    if data.get(FIXED..FIXED + 4) == Some(&options::COOKIE) {
        return Probe::Yes(if on_port { 99 } else { 90 });
    }
    // Without the cookie (BOOTP, or a capture that keeps only the front of each packet) the port has to agree.
    let unused_is_zero = data.get(34..44).is_some_and(|unused| unused.iter().all(|b| *b == 0));
    if on_port && hardware == 1 && length == 6 && hops <= 16 && unused_is_zero {
        return Probe::Yes(70);
    }
    Probe::No
}

struct Dhcp;

impl Dissector for Dhcp {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        packet::read(data, cx);
        Progress::Used(data.len())
    }
}

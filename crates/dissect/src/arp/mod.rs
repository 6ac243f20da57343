//! ARP: who says it has which address. RFC 826, RFC 5227.

use crate::{Carrier, Context, Dissector, Hint, Probe, Progress, Protocol, Who};
use ringfence_wire::{Place, Reader};

kinds! {
    packet "arp.packet" "RFC 826" "An ARP packet: sender and target as it states them." {
        operation: Text Key "" "request, reply, rarp_request …";
        opcode: Uint Key "" "Operation code.";
        sender_mac: Mac Key "" "Sender hardware address.";
        sender_ip: Ip Key "" "Sender protocol address; 0.0.0.0 in a probe.";
        target_mac: Mac Key "" "Target hardware address.";
        target_ip: Ip Key "" "Target protocol address.";
    }
}
malformed_kind!("arp.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "arp",
    title: "Address Resolution Protocol",
    source: "RFC 826",
    limits: &["Hardware types other than Ethernet and protocol types other than IPv4 are only counted."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: false,
    ethertypes: &[0x0806, 0x8035],
    ports: &[],
    buffer: 0,
    probe,
    dissector: || Box::new(Arp),
};

fn probe(_data: &[u8], hint: &Hint) -> Probe {
    match hint.carrier {
        Carrier::Ethernet(0x0806 | 0x8035) => Probe::Yes(99),
        _ => Probe::No,
    }
}

struct Arp;

fn operation(code: u16) -> &'static str {
    match code {
        1 => "request",
        2 => "reply",
        3 => "rarp_request",
        4 => "rarp_reply",
        8 => "inarp_request",
        9 => "inarp_reply",
        _ => "other",
    }
}

impl Dissector for Arp {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let mut r = Reader::new(data);
        let (Some(hardware), Some(protocol), Some(lengths), Some(code)) = (r.u16(), r.u16(), r.array::<2>(), r.u16())
        else {
            cx.malformed("header", "shorter than 8 bytes");
            return Progress::Used(data.len());
        };
        if hardware != 1 && hardware != 6 || protocol != 0x0800 || lengths != [6, 4] {
            return Progress::Used(data.len());
        }
        let (Some(sender_mac), Some(sender_ip), Some(target_mac), Some(target_ip)) =
            (r.array::<6>(), r.array::<4>(), r.array::<6>(), r.array::<4>())
        else {
            cx.malformed("addresses", "shorter than 28 bytes");
            return Progress::Used(data.len());
        };
        cx.fact(&packet::KIND)
            .text(packet::operation, operation(code))
            .uint(packet::opcode, code)
            .mac(packet::sender_mac, sender_mac)
            .ip(packet::sender_ip, sender_ip)
            .mac(packet::target_mac, target_mac)
            .ip(packet::target_ip, target_ip)
            .emit(Who::At(Place::Mac(sender_mac)));
        Progress::Used(data.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    fn reply() -> Vec<u8> {
        let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, 2];
        bytes.extend([2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2]);
        bytes
    }

    #[test]
    fn a_reply_names_both_ends() {
        let mut bench = Bench::new(&PROTOCOL, Carrier::Ethernet(0x0806));
        bench.client(&reply());
        assert_eq!(
            bench.lines(),
            ["arp.packet 02:00:00:00:00:01 operation=reply opcode=2 sender_mac=02:00:00:00:00:01 sender_ip=10.0.0.1 \
              target_mac=02:00:00:00:00:02 target_ip=10.0.0.2"]
        );
    }

    #[test]
    fn every_cut_is_said_and_harmless() {
        let whole = reply();
        for end in 0..whole.len() {
            let mut bench = Bench::new(&PROTOCOL, Carrier::Ethernet(0x0806));
            bench.client(&whole[..end]);
            assert!(bench.lines()[0].starts_with("arp.malformed"), "{end}");
        }
    }
}

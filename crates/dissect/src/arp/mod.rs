//! ARP and RARP: who says it has which address. RFC 826, RFC 903, RFC 5227.
//!
//! Rule 1: a packet is about the hardware address that it names as the sender's, not about the frame's; both are kept
//! where they differ.

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
        purpose: Text Key "" "resolve, probe (is this address free?), announcement (this address is mine); absent in replies and RARP.";
        link_mac: Mac Key "" "Source address of the frame, where it is not the sender's: a proxy, a relay or a forgery.";
        hardware_type: Uint Key "" "Hardware type, where it is not Ethernet (1).";
        protocol_type: Uint Key "" "Protocol type, where it is not IPv4 (0x0800).";
    }
}
malformed_kind!("arp.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "arp",
    title: "Address Resolution Protocol",
    source: "RFC 826",
    limits: &["Of hardware types without MAC addresses and of protocols other than IPv4 only the operation and the types are kept."],
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
        5 => "drarp_request",
        6 => "drarp_reply",
        7 => "drarp_error",
        8 => "inarp_request",
        9 => "inarp_reply",
        10 => "nak",
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
        let [hardware_length, protocol_length] = lengths.map(usize::from);
        let mut whole = true;
        let parts = [hardware_length, protocol_length, hardware_length, protocol_length].map(|length| {
            // What follows an address that is cut short has no place.
            let part = if whole { r.take(length) } else { None };
            whole = part.is_some();
            part
        });
        if !whole {
            cx.malformed("addresses", "cut short");
        }
        let [sender_hardware, sender, target_hardware, target] = parts.map(Option::unwrap_or_default);
        let mac = |bytes: &[u8]| <[u8; 6]>::try_from(bytes).ok().filter(|_| matches!(hardware, 1 | 6));
        let ip = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().filter(|_| protocol == IPV4);
        let packet = Packet {
            hardware,
            protocol,
            code,
            macs: [mac(sender_hardware), mac(target_hardware)],
            ips: [ip(sender), ip(target)],
        };
        packet.emit(cx);
        Progress::Used(data.len())
    }
}

/// The protocol type of IPv4.
const IPV4: u16 = 0x0800;

/// A packet's fields; sender first.
struct Packet {
    hardware: u16,
    protocol: u16,
    code: u16,
    macs: [Option<[u8; 6]>; 2],
    ips: [Option<[u8; 4]>; 2],
}

impl Packet {
    fn emit(&self, cx: &mut Context<'_>) {
        let ([sender_mac, target_mac], [sender_ip, target_ip]) = (self.macs, self.ips);
        let frame = cx.sender().mac;
        cx.fact(&packet::KIND)
            .text(packet::operation, operation(self.code))
            .uint(packet::opcode, self.code)
            .maybe_text(packet::sender_mac, sender_mac)
            .maybe_text(packet::sender_ip, sender_ip)
            .maybe_text(packet::target_mac, target_mac)
            .maybe_text(packet::target_ip, target_ip)
            .maybe_text(packet::purpose, self.purpose())
            .maybe_text(packet::link_mac, frame.filter(|frame| sender_mac.is_some_and(|sender| sender != *frame)))
            .maybe_uint(packet::hardware_type, (self.hardware != 1).then_some(self.hardware))
            .maybe_uint(packet::protocol_type, (self.protocol != IPV4).then_some(self.protocol))
            .emit(self.subject());
    }

    /// What a request is for (RFC 5227 §1.1).
    fn purpose(&self) -> Option<&'static str> {
        match self.ips {
            _ if self.code != 1 => None,
            [Some([0, 0, 0, 0]), _] => Some("probe"),
            [Some(sender), Some(target)] if sender == target => Some("announcement"),
            [Some(_), Some(_)] => Some("resolve"),
            _ => None,
        }
    }

    /// The sender it names, where that can be one device.
    fn subject(&self) -> Who {
        match self.macs[0].map(Place::Mac) {
            Some(place) if !place.is_group() && place != Place::Mac([0; 6]) => Who::At(place),
            _ => Who::Sender,
        }
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

    fn line(bytes: &[u8]) -> String {
        let mut bench = Bench::new(&PROTOCOL, Carrier::Ethernet(0x0806));
        bench.client(bytes);
        bench.lines().join("\n")
    }

    #[test]
    fn probes_and_announcements_are_told_apart() {
        let mut bytes = reply();
        bytes[7] = 1;
        assert!(line(&bytes).ends_with(" purpose=resolve"));
        bytes[24..28].copy_from_slice(&[10, 0, 0, 1]);
        assert!(line(&bytes).ends_with(" purpose=announcement"));
        bytes[14..18].copy_from_slice(&[0; 4]);
        assert!(line(&bytes).ends_with(" purpose=probe"));
    }

    #[test]
    fn a_sender_that_is_not_the_frames_is_shown() {
        let mut bytes = reply();
        bytes[13] = 9;
        assert!(line(&bytes).ends_with(" link_mac=02:00:00:00:00:01"));
        bytes[8] = 1;
        assert!(line(&bytes).starts_with("arp.packet 10.0.0.1 "), "a group address is no device");
    }

    #[test]
    fn other_hardware_and_protocols_show_their_types() {
        let mut bytes = vec![0, 24, 8, 0, 8, 4, 0, 1];
        bytes.extend([7; 24]);
        assert_eq!(
            line(&bytes),
            "arp.packet 10.0.0.1 operation=request opcode=1 sender_ip=7.7.7.7 target_ip=7.7.7.7 purpose=announcement \
             hardware_type=24"
        );
        bytes[2] = 0x80;
        assert!(line(&bytes).ends_with(" opcode=1 hardware_type=24 protocol_type=32768"));
        bytes[4..6].copy_from_slice(&[255, 255]);
        assert!(line(&bytes).contains("arp.malformed"));
    }

    #[test]
    fn nothing_is_read_behind_an_address_that_is_too_long() {
        let mut bytes = reply();
        bytes[5] = 36;
        assert!(line(&bytes).contains("arp.malformed"));
        assert!(line(&bytes).contains("sender_mac=02:00:00:00:00:01"));
        assert!(!line(&bytes).contains("target"), "{}", line(&bytes));
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

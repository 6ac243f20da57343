use super::{network_checksum_good, transport_checksum_good, Decoder};
use crate::{Packet, Raw, Transport, Tunnel, TunnelKind};
use ringfence_wire::Place;

const SRC: [u8; 4] = [10, 0, 0, 1];
const DST: [u8; 4] = [10, 0, 0, 2];

fn raw(link: u16, data: &[u8]) -> Raw<'_> {
    Raw { input: 0, interface: 0, link, index: 1, time: 0, wire_length: data.len() as u32, data }
}

/// Decode one frame and look at it.
fn look<T>(link: u16, data: &[u8], see: impl FnOnce(&Packet<'_>) -> T) -> T {
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&raw(link, data));
    see(&packet)
}

fn ethernet(kind: u16, body: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &kind.to_be_bytes(), body].concat()
}

fn ipv4_fragment(protocol: u8, id: u16, field: u16, body: &[u8]) -> Vec<u8> {
    let mut head = vec![0x45, 0];
    head.extend((20 + body.len() as u16).to_be_bytes());
    head.extend(id.to_be_bytes());
    head.extend(field.to_be_bytes());
    head.extend([64, protocol, 0, 0]);
    head.extend(SRC);
    head.extend(DST);
    head.extend(body);
    head
}

fn ipv4(protocol: u8, body: &[u8]) -> Vec<u8> {
    ipv4_fragment(protocol, 7, 0, body)
}

fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let mut head = vec![0x60, 0, 0, 0];
    head.extend((body.len() as u16).to_be_bytes());
    head.extend([next, 63]);
    head.extend([[0x20; 16], [0x21; 16]].concat());
    head.extend(body);
    head
}

fn udp(dst_port: u16, body: &[u8]) -> Vec<u8> {
    let mut head = vec![0x30, 0x39];
    head.extend(dst_port.to_be_bytes());
    head.extend((8 + body.len() as u16).to_be_bytes());
    head.extend([0, 0]);
    head.extend(body);
    head
}

fn tcp(body: &[u8]) -> Vec<u8> {
    let mut head = vec![0x30, 0x39, 0, 80, 0, 0, 0, 5, 0, 0, 0, 6, 0x60, 0x18, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0];
    head.extend(body);
    head
}

fn is_inner(packet: &Packet<'_>) {
    assert_eq!((packet.transport, packet.dst_port, packet.payload), (Transport::Udp, 502, &b"hello"[..]), "{packet:?}");
    assert_eq!((packet.payload_length, packet.snapped, packet.fault), (5, false, None));
}

fn inner() -> Vec<u8> {
    ipv4(17, &udp(502, b"hello"))
}

/// The frames of all wrappings, with the tunnel expected of each.
fn wrapped() -> Vec<(Vec<u8>, TunnelKind, u32)> {
    let frame = ethernet(0x0800, &inner());
    let gre =
        |flags: [u8; 2], kind: [u8; 2], rest: &[u8]| ethernet(0x0800, &ipv4(47, &[&flags[..], &kind, rest].concat()));
    let call = [&[0, inner().len() as u8 + 3, 0, 9, 0, 0, 0, 1, 0xff, 3, 0x21][..], &inner()].concat();
    let session = [&[0x11, 0, 0, 77, 0, inner().len() as u8 + 2, 0, 0x21][..], &inner(), &[0; 9]].concat();
    let routed = [&[0, 0, 0, 0][..], &[0, 1, 0, 2, 9, 9], &[0; 4], &inner()].concat();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &frame].concat();
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 43, 0, 1, 1, 0, 0][..], &frame].concat();
    vec![
        (ethernet(0x8864, &session), TunnelKind::Pppoe, 77),
        (ethernet(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64][..], &inner()].concat()), TunnelKind::Mpls, 16),
        (ethernet(0x8847, &[&[0, 1, 1, 64][..], &frame].concat()), TunnelKind::Mpls, 16),
        (ethernet(0x8847, &[&[0, 1, 1, 64, 0, 0, 0, 0][..], &frame].concat()), TunnelKind::Mpls, 16),
        (gre([0, 0], [8, 0], &inner()), TunnelKind::Gre, 0),
        (gre([0xb0, 0], [8, 0], &[&[0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1][..], &inner()].concat()), TunnelKind::Gre, 9),
        (gre([0x40, 0], [8, 0], &routed), TunnelKind::Gre, 0),
        (gre([0, 0], [0x65, 0x58], &frame), TunnelKind::Gre, 0),
        (gre([0x30, 1], [0x88, 0x0b], &call), TunnelKind::Gre, 9),
        (gre([0, 0], [0x88, 0xbe], &frame), TunnelKind::Erspan(1), 0),
        (
            gre([0x10, 0], [0x88, 0xbe], &[&[0; 4], &[0x10, 0, 0, 5, 0, 0, 0, 0][..], &frame].concat()),
            TunnelKind::Erspan(2),
            5,
        ),
        (
            gre(
                [0x10, 0],
                [0x22, 0xeb],
                &[&[0; 4], &[0x20, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 8], &frame].concat(),
            ),
            TunnelKind::Erspan(3),
            6,
        ),
        (ethernet(0x0800, &ipv4(17, &udp(4789, &vxlan))), TunnelKind::Vxlan, 42),
        (ethernet(0x0800, &ipv4(17, &udp(6081, &geneve))), TunnelKind::Geneve, 43),
        (ethernet(0x0800, &ipv4(4, &inner())), TunnelKind::IpInIp, 0),
        (ethernet(0x86dd, &ipv6(4, &inner())), TunnelKind::IpInIp, 0),
        (ethernet(0x0800, &ipv4(97, &[&[0x30, 0][..], &frame].concat())), TunnelKind::IpInIp, 0),
        (ethernet(0x0800, &ipv4(137, &[&[0, 1, 1, 64][..], &inner()].concat())), TunnelKind::Mpls, 16),
    ]
}

#[test]
fn wrappings_are_taken_off_and_kept() {
    for (frame, kind, id) in wrapped() {
        look(1, &frame, |packet| {
            is_inner(packet);
            let Some(Tunnel { kind: seen, id: number, depth: 1, src: Some(_), dst: Some(_) }) = packet.tunnel else {
                panic!("{kind:?}: {packet:?}");
            };
            assert_eq!((seen, number), (kind, id));
        });
    }
}

#[test]
fn a_frame_in_a_tunnel_has_no_network_address_of_the_tunnel() {
    let frame = [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 8, 6][..], &[0; 28]].concat();
    let mirrored = ethernet(0x0800, &ipv4(47, &[&[0, 0, 0x88, 0xbe][..], &frame].concat()));
    look(1, &mirrored, |packet| {
        assert_eq!((packet.transport, packet.ethertype), (Transport::Frame, 0x0806));
        assert_eq!((packet.src, packet.dst, packet.src_mac), (None, None, Some([2, 0, 0, 0, 0, 8])));
        assert!(packet.tunnel.is_some_and(|tunnel| tunnel.src.is_some()));
    });
}

#[test]
fn links_and_tags_lead_to_the_same_packet() {
    let mut cooked = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    cooked.extend(inner());
    let mut cooked_2 = vec![8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    cooked_2.extend(inner());
    let tagged = |tags: &[u8]| [&[0; 12][..], tags, &inner()].concat();
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner()].concat();
    let cases: Vec<(u16, Vec<u8>, &[u16])> = vec![
        (1, ethernet(0x0800, &[&inner()[..], &[0; 12]].concat()), &[]),
        (1, ethernet(snap.len() as u16, &snap), &[]),
        (1, tagged(&[0x81, 0, 0x20, 5, 8, 0]), &[5]),
        (1, tagged(&[0x81, 0, 0xe0, 0, 8, 0]), &[]),
        (1, tagged(&[0x88, 0xa8, 0, 6, 0x81, 0, 0, 5, 8, 0]), &[6, 5]),
        (1, tagged(&[0x91, 0, 0, 6, 0x81, 0, 0, 5, 8, 0]), &[6, 5]),
        (1, tagged(&[0x89, 0x2f, 0, 50, 0, 1, 8, 0]), &[]),
        (0, [&[2, 0, 0, 0][..], &inner()].concat(), &[]),
        (108, [&[0, 0, 0, 2][..], &inner()].concat(), &[]),
        (12, inner(), &[]),
        (14, inner(), &[]),
        (101, inner(), &[]),
        (228, inner(), &[]),
        (113, cooked, &[]),
        (276, cooked_2, &[]),
    ];
    for (link, frame, vlans) in cases {
        look(link, &frame, |packet| {
            is_inner(packet);
            assert_eq!(packet.vlans.ids(), vlans);
            assert!(packet.tunnel.is_none());
            if link == 113 || link == 276 {
                assert_eq!(packet.src_mac, Some([2, 0, 0, 0, 0, 1]));
            }
        });
    }
    look(229, &ipv6(17, &udp(502, b"hello")), is_inner);
}

#[test]
fn tcp_fields_and_lengths() {
    let frame = ethernet(0x0800, &[&ipv4(6, &tcp(b"GET"))[..], &[0; 6]].concat());
    look(1, &frame, |packet| {
        let Transport::Tcp(fields) = packet.transport else { panic!("{packet:?}") };
        assert_eq!((fields.seq, fields.ack, fields.flags, fields.window), (5, 6, 0x18, 256));
        assert_eq!((packet.src_port, packet.dst_port, packet.payload), (12345, 80, &b"GET"[..]));
        assert_eq!(packet.transport_bytes.len(), 27);
        assert_eq!((packet.src, packet.dst), (Some(Place::V4(SRC)), Some(Place::V4(DST))));
        assert_eq!((packet.ttl, packet.protocol, packet.ip_id, packet.ethertype), (64, 6, 7, 0x0800));
        assert_eq!(packet.src_mac, Some([2, 0, 0, 0, 0, 1]));
    });
}

/// The short way must say what the long way says: a frame behind a priority tag only goes the long way.
#[test]
fn both_ways_agree() {
    for body in [ipv4(6, &tcp(b"GET")), inner(), ipv4(17, &udp(1, b"")), ipv4(6, &tcp(b""))] {
        for cut in 34..=body.len() + 14 {
            let short = ethernet(0x0800, &body);
            let long = [&short[..12], &[0x81, 0, 0, 0][..], &short[12..]].concat();
            let view = |frame: &[u8], cut: usize| {
                let mut decoder = Decoder::new();
                let packet = decoder.decode(&Raw { wire_length: frame.len() as u32, ..raw(1, &frame[..cut]) });
                format!("{packet:?}")
            };
            assert_eq!(view(&short, cut), view(&long, cut + 4), "{cut}");
        }
    }
}

#[test]
fn a_snapped_packet_keeps_its_length() {
    let frame = ethernet(0x0800, &inner());
    let cut = frame.len() - 3;
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&Raw { wire_length: frame.len() as u32, ..raw(1, &frame[..cut]) });
    assert_eq!((packet.payload, packet.payload_length, packet.snapped, packet.fault), (&b"he"[..], 5, true, None));
}

#[test]
fn offloaded_segments_use_the_frame() {
    let mut frame = ethernet(0x0800, &ipv4(6, &tcp(&[1; 3000])));
    frame[16..18].copy_from_slice(&[0, 0]);
    look(1, &frame, |packet| {
        assert_eq!((packet.payload.len(), packet.payload_length, packet.fault), (3000, 3000, None))
    });
}

#[test]
fn llc_frames_have_no_ethertype() {
    let frame = ethernet(3, &[0x42, 0x42, 3, 0, 0, 0, 0]);
    look(1, &frame, |packet| {
        assert_eq!((packet.transport, packet.ethertype, packet.payload), (Transport::Frame, 0, &[0x42, 0x42, 3][..]));
    });
    look(1, &ethernet(0x88cc, b"lldp"), |packet| {
        assert_eq!((packet.transport, packet.ethertype, packet.payload), (Transport::Frame, 0x88cc, &b"lldp"[..]));
    });
}

#[test]
fn ipv6_extension_headers_are_walked() {
    let routing =
        [&[60, 0, 0, 0, 0, 0, 0, 0][..], &[51, 0, 1, 4, 0, 0, 0, 0], &[17, 1], &[0; 10], &udp(502, b"hello")].concat();
    look(1, &ethernet(0x86dd, &ipv6(0, &[&[43, 0, 1, 4, 0, 0, 0, 0][..], &routing].concat())), |packet| {
        is_inner(packet);
        assert_eq!(packet.protocol, 17);
    });
    let endless: Vec<u8> = [60, 0, 1, 4, 0, 0, 0, 0].repeat(40);
    look(1, &ethernet(0x86dd, &ipv6(60, &endless)), |packet| assert_eq!(packet.fault, Some("ipv6.extension")));
    look(1, &ethernet(0x86dd, &ipv6(59, b"")), |packet| assert_eq!(packet.transport, Transport::Other(59)));
}

#[test]
fn malformed_headers_are_named() {
    let with = |at: usize, value: u8| {
        let mut frame = ethernet(0x0800, &ipv4(6, &tcp(b"GET")));
        frame[at] = value;
        frame
    };
    let mut short_udp = ethernet(0x0800, &inner());
    short_udp[39] = 4;
    let cases = [
        (with(14, 0x44), "ipv4.header_length"),
        (with(14, 0x55), "ipv4.version"),
        (with(17, 19), "ipv4.total_length"),
        (with(16, 1), "ipv4.total_length"),
        (with(46, 0x40), "tcp.data_offset"),
        (with(46, 0xf0), "tcp.data_offset"),
        (short_udp, "udp.length"),
        (ethernet(0x0800, &ipv4(17, &[1, 2, 3])), "udp.header"),
        (ethernet(0x86dd, &inner()), "ipv6.header"),
        (vec![1, 2, 3], "ethernet.header"),
        (ethernet(0x8847, &[0; 80]), "mpls.label"),
        (ethernet(0x0800, &ipv4(47, &[0, 3, 8, 0])), "gre.version"),
    ];
    for (frame, name) in cases {
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(&raw(1, &frame)).fault, Some(name), "{frame:x?}");
        assert_eq!(decoder.counters().faults, [(name, 1)]);
    }
}

#[test]
fn wrappings_are_bounded() {
    let mut body = inner();
    for _ in 0..30 {
        body = ipv4(4, &body);
    }
    look(1, &ethernet(0x0800, &body), |packet| {
        assert_eq!((packet.fault, packet.tunnel.map(|tunnel| tunnel.depth)), (Some("tunnel.depth"), Some(8)));
    });
    let tags: Vec<u8> = [0x81, 0, 0, 1].repeat(200);
    look(1, &[&[0; 12][..], &tags, &[8, 0]].concat(), |packet| assert_eq!(packet.fault, Some("frame.headers")));
}

#[test]
fn a_tunnel_port_alone_is_no_tunnel() {
    for port in [4789, 6081] {
        look(1, &ethernet(0x0800, &ipv4(17, &udp(port, b"GET / HTTP/1.1 and more"))), |packet| {
            assert_eq!((packet.transport, packet.dst_port, packet.tunnel), (Transport::Udp, port, None));
        });
    }
}

#[test]
fn what_vxlan_reserves_is_ignored_where_a_frame_follows() {
    let frame = ethernet(0x0800, &inner());
    let body = [&[0xff, 1, 2, 3, 0, 0, 7, 9][..], &frame].concat();
    look(1, &ethernet(0x0800, &ipv4(17, &udp(4789, &body))), |packet| {
        is_inner(packet);
        assert_eq!(packet.tunnel.map(|tunnel| (tunnel.kind, tunnel.id)), Some((TunnelKind::Vxlan, 7)));
    });
}

#[test]
fn arp_in_a_tunnel_and_in_a_cooked_capture_has_its_sender() {
    let tunnelled = ethernet(0x0800, &ipv4(47, &[&[0, 0, 8, 6][..], &[0; 28]].concat()));
    let cooked = [&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 8, 0, 0, 8, 6][..], &[0; 28]].concat();
    for (link, frame) in [(1, &tunnelled), (113, &cooked)] {
        look(link, frame, |packet| {
            assert_eq!((packet.src, packet.ethertype), (None, 0x0806));
            let ends = crate::key::Ends::of(packet).expect("two ends");
            assert_eq!(Some(ends.src), packet.src_mac.map(Place::Mac));
        });
    }
}

#[test]
fn no_prefix_and_no_changed_byte_does_harm() {
    let mut frames: Vec<Vec<u8>> = wrapped().into_iter().map(|(frame, ..)| frame).collect();
    frames.push(ethernet(0x86dd, &ipv6(44, &[&[17, 0, 0, 1, 0, 0, 0, 1][..], &[0; 16]].concat())));
    let mut decoder = Decoder::new();
    for frame in &frames {
        for length in 0..frame.len() {
            let _ = decoder.decode(&raw(1, &frame[..length]));
            let _ = decoder.decode(&Raw { wire_length: 1500, ..raw(1, &frame[..length]) });
            for link in [0, 12, 101, 113, 228, 276, 999] {
                let _ = decoder.decode(&raw(link, &frame[length..]));
            }
        }
        for at in 0..frame.len() {
            for value in 0..=255 {
                let mut changed = frame.clone();
                changed[at] = value;
                let packet = decoder.decode(&raw(1, &changed));
                assert!(packet.payload.len() <= packet.payload_length as usize);
            }
        }
    }
}

#[test]
fn checksums_are_judged() {
    let mut frame = ethernet(0x0800, &ipv4(17, &udp(502, b"hello")));
    look(1, &frame, |packet| {
        assert_eq!(network_checksum_good(packet), Some(false));
        assert_eq!(transport_checksum_good(packet), None, "a UDP checksum of 0 is none");
    });
    set_checksum(&mut frame, 14..34, 24, 0);
    let pseudo = 0x0a00 * 2 + 1 + 2 + 17 + 13;
    set_checksum(&mut frame, 34..47, 40, pseudo);
    look(1, &frame, |packet| {
        assert_eq!(network_checksum_good(packet), Some(true));
        assert_eq!(transport_checksum_good(packet), Some(true));
    });
    frame[46] ^= 1;
    look(1, &frame, |packet| assert_eq!(transport_checksum_good(packet), Some(false)));
}

fn set_checksum(frame: &mut [u8], range: std::ops::Range<usize>, at: usize, pseudo: u32) {
    let mut total = pseudo;
    for pair in frame[range].chunks(2) {
        total += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low));
    }
    while total > 0xffff {
        total = (total >> 16) + (total & 0xffff);
    }
    frame[at..at + 2].copy_from_slice(&(!(total as u16)).to_be_bytes());
}

/// Decode fragments one after another; the last packet as text, with its payload.
fn fragments(frames: &[Vec<u8>]) -> (Decoder, Option<Vec<u8>>) {
    let mut decoder = Decoder::new();
    let mut last = None;
    for frame in frames {
        let packet = decoder.decode(&raw(1, frame));
        last = (packet.transport != Transport::Fragment).then(|| packet.payload.to_vec());
        if last.is_some() {
            assert_eq!(packet.payload_length as usize, packet.payload.len());
        }
    }
    (decoder, last)
}

fn piece(datagram: &[u8], from: usize, to: usize) -> Vec<u8> {
    let more = if to < datagram.len() { 0x2000 } else { 0 };
    ethernet(0x0800, &ipv4_fragment(17, 9, more | (from / 8) as u16, &datagram[from..to]))
}

fn piece_6(datagram: &[u8], from: usize, to: usize) -> Vec<u8> {
    let field = from as u16 | u16::from(to < datagram.len());
    let head = [&[17, 0][..], &field.to_be_bytes(), &[0, 0, 0, 9]].concat();
    ethernet(0x86dd, &ipv6(44, &[&head, &datagram[from..to]].concat()))
}

#[test]
fn fragments_make_a_datagram_in_any_order() {
    let body: Vec<u8> = (0..40).collect();
    let datagram = udp(502, &body);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        for cut in [piece, piece_6] {
            let parts = [cut(&datagram, 0, 16), cut(&datagram, 16, 40), cut(&datagram, 40, 48)];
            let frames: Vec<Vec<u8>> = order.iter().map(|&index: &usize| parts[index].clone()).collect();
            let (decoder, payload) = fragments(&frames);
            assert_eq!(payload.as_deref(), Some(&body[..]));
            let counters = decoder.counters();
            assert_eq!((counters.fragments, counters.reassembled, counters.overlapping), (3, 1, 0));
        }
    }
}

#[test]
fn of_overlapping_fragments_the_first_bytes_stay() {
    let first = udp(502, &[1; 40]);
    let second = udp(502, &[2; 40]);
    let (decoder, payload) = fragments(&[
        piece(&first, 16, 32),
        piece(&first, 16, 32),
        piece(&second, 8, 40),
        piece(&second, 0, 8),
        piece(&second, 40, 48),
    ]);
    let expected = [[2_u8; 8], [1; 8], [1; 8], [2; 8], [2; 8]].concat();
    assert_eq!(payload, Some(expected));
    assert_eq!((decoder.counters().repeated, decoder.counters().overlapping), (1, 1));
}

#[test]
fn a_reassembled_tunnel_may_hold_fragments() {
    let datagram = udp(502, &[3; 40]);
    let inner = [piece(&datagram, 0, 24), piece(&datagram, 24, 48)];
    let mut decoder = Decoder::new();
    let mut last = Vec::new();
    for (number, frame) in inner.iter().enumerate() {
        let outer = frame[14..].to_vec();
        let half = 24;
        let head = ipv4_fragment(4, 100 + number as u16, 0x2000, &outer[..half]);
        let tail = ipv4_fragment(4, 100 + number as u16, 3, &outer[half..]);
        for part in [head, tail] {
            let frame = ethernet(0x0800, &part);
            last = decoder.decode(&raw(1, &frame)).payload.to_vec();
        }
    }
    assert_eq!(last, [3; 40]);
    assert_eq!(decoder.counters().reassembled, 3);
}

#[test]
fn fragments_wait_in_bounds() {
    let mut decoder = Decoder::new();
    for n in 0..5000_u32 {
        let body = [n as u8; 1400];
        let mut frame = ethernet(0x0800, &ipv4_fragment(17, n as u16, 0x2000 | 0x1000, &body));
        frame[26..30].copy_from_slice(&n.to_be_bytes());
        let packet = decoder.decode(&raw(1, &frame));
        assert_eq!(packet.transport, Transport::Fragment);
    }
    let overflow = decoder.counters().overflow;
    assert!(overflow > 3900, "{overflow}");
    let late = Raw { time: 31_000_000_000, ..raw(1, &[]) };
    let frame = ethernet(0x0800, &ipv4_fragment(17, 1, 0x2000, &[0; 8]));
    let _ = decoder.decode(&Raw { data: &frame, wire_length: frame.len() as u32, ..late });
    assert_eq!(decoder.counters().expired + overflow, 5000);
}

#[test]
fn impossible_fragments_are_faults() {
    for (field, length, name) in
        [(0x1fff_u16, 40, "ip.fragment_offset"), (0x2000, 7, "ip.fragment_length"), (0x0001, 0, "ip.fragment_length")]
    {
        let frame = ethernet(0x0800, &ipv4_fragment(17, 1, field, &vec![0; length]));
        look(1, &frame, |packet| assert_eq!((packet.fault, packet.transport), (Some(name), Transport::Fragment)));
    }
}

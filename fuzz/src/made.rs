//! Captures and frames made to begin with: every format, tag and tunnel once.

use crate::case::{Case, Step};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Files of the vectors up to this size are seeds.
const LARGEST: u64 = 16_384; // bytes

/// The small captures below `folder`, sorted by path.
pub fn captures(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    collect(folder, &mut paths);
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "pcap" || ending == "pcapng")
            && entry.metadata().is_ok_and(|meta| meta.len() <= LARGEST)
        {
            paths.push(path);
        }
    }
}

/// True where the bytes are told as compressed.
pub fn is_packed(bytes: &[u8]) -> bool {
    let magic = [&[0x1f, 0x8b][..], &[0x28, 0xb5, 0x2f, 0xfd], &[4, 0x22, 0x4d, 0x18], &[2, 0x21, 0x4c, 0x18]];
    magic.iter().any(|magic| bytes.starts_with(magic))
}

fn number(big: bool, value: u32) -> [u8; 4] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

fn half(big: bool, value: u16) -> [u8; 2] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

/// A pcap of `frames`, a millisecond apart.
pub fn pcap(big: bool, magic: u32, link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = number(big, magic).to_vec();
    out.extend([half(big, 2), half(big, 4)].concat());
    out.extend([0, 0, 65_535, link].map(|value| number(big, value)).concat());
    for (at, frame) in frames.iter().enumerate() {
        let length = frame.len() as u32;
        out.extend([1_760_000_000, 1000 * at as u32, length, length].map(|value| number(big, value)).concat());
        out.extend(frame);
    }
    out
}

/// Classic captures of all kinds.
pub fn pcaps() -> Vec<Vec<u8>> {
    let frames = plain();
    let kinds = [(false, 0xa1b2_c3d4), (true, 0xa1b2_c3d4), (false, 0xa1b2_3c4d), (true, 0xa1b2_3c4d)];
    kinds.iter().map(|&(big, magic)| pcap(big, magic, 1, &frames)).collect()
}

fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let size = body.len().next_multiple_of(4);
    let length = number(big, size as u32 + 12);
    let mut out = [number(big, kind), length].concat();
    out.extend(body);
    out.resize(8 + size, 0);
    out.extend(length);
    out
}

fn option(big: bool, code: u16, value: &[u8]) -> Vec<u8> {
    let mut out = [half(big, code), half(big, value.len() as u16)].concat();
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn section(big: bool, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out =
        block(big, 0x0a0d_0d0a, &[&number(big, 0x1a2b_3c4d)[..], &half(big, 1), &half(big, 0), &[0xff; 8]].concat());
    let options =
        [option(big, 2, b"eth0"), option(big, 9, &[9]), option(big, 14, &[0; 8]), option(big, 0, &[])].concat();
    out.extend(block(big, 1, &[&half(big, 1)[..], &half(big, 0), &number(big, 0), &options].concat()));
    out.extend(block(
        big,
        1,
        &[&half(big, 101)[..], &half(big, 0), &number(big, 96), &option(big, 9, &[0x94])].concat(),
    ));
    for (at, frame) in frames.iter().enumerate() {
        let length = frame.len() as u32;
        let head = [0, 0x18_6d9b, at as u32 * 1000, length, length].map(|value| number(big, value)).concat();
        let mut body = [&head[..], frame].concat();
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(option(big, 4, &[1, 0, 0, 0, 0, 0, 0, 0]));
        out.extend(block(big, 6, &body));
        if at % 3 == 0 {
            out.extend(block(big, 3, &[&number(big, length)[..], frame].concat()));
            let old = [0, 5, length, length].map(|value| number(big, value)).concat();
            out.extend(block(big, 2, &[&half(big, 0)[..], &half(big, 3), &old, frame].concat()));
        }
    }
    let counts = [option(big, 4, &[9; 8]), option(big, 5, &[1; 8])].concat();
    out.extend(block(big, 5, &[&[0; 12][..], &counts].concat()));
    out.extend(block(big, 0x0bad, b"unknown"));
    out
}

/// Captures of both orders, one of two sections.
pub fn pcapngs() -> Vec<Vec<u8>> {
    let frames = plain();
    let (little, big) = (section(false, &frames), section(true, &frames[..2]));
    vec![little.clone(), big.clone(), [big, little].concat()]
}

/// Captures packed in all ways, one of two members.
pub fn packed() -> Vec<Vec<u8>> {
    let plain = [pcap(false, 0xa1b2_c3d4, 1, &plain()), section(false, &plain())];
    let mut out = Vec::new();
    for bytes in &plain {
        out.extend([gzip(bytes), zstd(bytes), lz4(bytes)]);
    }
    let (front, back) = plain[0].split_at(100);
    out.extend([
        [gzip(front), gzip(back)].concat(),
        [zstd(front), zstd(back)].concat(),
        [lz4(front), lz4(back)].concat(),
    ]);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).ok().and_then(|()| encoder.finish().ok()).unwrap_or_default()
}

fn ethernet(kind: u16, body: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &kind.to_be_bytes(), body].concat()
}

/// An IPv4 packet; `fragment` is the field of flags and offset.
fn ipv4(protocol: u8, fragment: u16, body: &[u8]) -> Vec<u8> {
    let mut head = vec![0x45, 0];
    head.extend((20 + body.len() as u16).to_be_bytes());
    head.extend([0, 9]);
    head.extend(fragment.to_be_bytes());
    head.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    [&head[..], body].concat()
}

fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let mut head = vec![0x60, 0, 0, 0];
    head.extend((body.len() as u16).to_be_bytes());
    head.extend([next, 64]);
    head.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    head.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    [&head[..], body].concat()
}

fn udp(source: u16, target: u16, body: &[u8]) -> Vec<u8> {
    let length = 8 + body.len() as u16;
    [&[source, target, length, 0].map(u16::to_be_bytes).concat()[..], body].concat()
}

fn tcp(ports: [u16; 2], seq: u32, ack: u32, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut head = ports.map(u16::to_be_bytes).concat();
    head.extend(seq.to_be_bytes());
    head.extend(ack.to_be_bytes());
    head.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    [&head[..], body].concat()
}

/// A few frames without a tunnel.
fn plain() -> Vec<Vec<u8>> {
    let arp = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];
    vec![
        ethernet(0x0806, &arp),
        ethernet(0x0800, &ipv4(17, 0, &udp(40_000, 53, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x02bc\0\0\x01\0\x01"))),
        ethernet(0x0800, &ipv4(6, 0, &tcp([40_000, 80], 1, 0, 2, b""))),
        ethernet(0x0800, &ipv4(6, 0, &tcp([40_000, 80], 2, 1, 0x18, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))),
        ethernet(0x86dd, &ipv6(58, &[128, 0, 0, 0, 0, 1, 0, 1])),
    ]
}

/// Frames for the decoder: each tag, tunnel and link type once, then what the captures hold.
pub fn frames(vectors: &Path) -> Vec<Case> {
    let inner = ethernet(0x0800, &ipv4(17, 0, &udp(40_000, 502, b"inside")));
    let ip = &inner[14..];
    let datagram = udp(40_000, 502, &[7; 40]);
    let gre = |head: &[u8], body: &[u8]| ethernet(0x0800, &ipv4(47, 0, &[head, body].concat()));
    let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &inner].concat();
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 0, 0, 0][..], &inner].concat();
    let client = [
        vec![ethernet(0x8100, &[&[0, 5, 8, 0][..], ip].concat())],
        vec![ethernet(0x88a8, &[&[0, 5, 0x81, 0, 0, 6, 8, 0][..], ip].concat())],
        vec![ethernet(0x8864, &[&[0x11, 0, 0, 7, 0, ip.len() as u8 + 2, 0, 0x21][..], ip].concat())],
        vec![ethernet(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64][..], ip].concat())],
        vec![ethernet(0x8847, &[&[0, 2, 1, 64, 0, 0, 0, 0][..], &inner].concat())],
        vec![gre(&[0, 0, 8, 0], ip)],
        vec![gre(&[0x30, 0, 0x65, 0x58, 0, 0, 0, 9, 0, 0, 0, 1], &inner)],
        vec![gre(&[0, 0, 0x88, 0xbe], &inner)],
        vec![gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 9, 0, 0, 0, 0], &inner)],
        vec![gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0], &inner)],
        vec![gre(&[0x30, 0x81, 0x88, 0x0b, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0x21], ip)],
        vec![ethernet(0x0800, &ipv4(17, 0, &udp(40_000, 4789, &vxlan)))],
        vec![ethernet(0x0800, &ipv4(17, 0, &udp(40_000, 6081, &geneve)))],
        vec![ethernet(0x0800, &ipv4(4, 0, ip))],
        vec![ethernet(0x0800, &ipv4(41, 0, &ipv6(17, &datagram)))],
        vec![ethernet(0x0800, &ipv4(97, 0, &[&[0x30, 0][..], &inner].concat()))],
        vec![ethernet(
            0x86dd,
            &ipv6(0, &[&[60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0][..], &datagram].concat()),
        )],
        vec![ethernet(0x0800, &ipv4(17, 0x2000, &datagram[..24])), ethernet(0x0800, &ipv4(17, 3, &datagram[24..]))],
        vec![
            ethernet(0x86dd, &ipv6(44, &[&[17, 0, 0, 1, 0, 0, 0, 9][..], &datagram[..24]].concat())),
            ethernet(0x86dd, &ipv6(44, &[&[17, 0, 0, 24, 0, 0, 0, 9][..], &datagram[24..]].concat())),
        ],
        vec![ethernet(40, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0])],
    ];
    let server = [
        [&[1, 2, 0, 0, 0][..], ip].concat(),
        [&[2][..], ip].concat(),
        [&[6, 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0][..], ip].concat(),
        [&[9, 8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], ip].concat(),
    ];
    let mut out: Vec<Case> = client
        .into_iter()
        .chain([plain()])
        .map(|frames| Case(frames.into_iter().map(|frame| Step::Data(true, frame)).collect()))
        .chain(server.into_iter().map(|frame| Case(vec![Step::Data(false, frame)])))
        .collect();
    for capture in captures(vectors) {
        out.push(Case(packets(&capture).into_iter().take(8).map(|frame| Step::Data(true, frame)).collect()));
    }
    out
}

/// The frames of a small capture.
fn packets(bytes: &[u8]) -> Vec<Vec<u8>> {
    let source = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let Ok(mut inputs) = ringfence_flow::source::Inputs::from_reader("seed", source) else { return Vec::new() };
    let mut out = Vec::new();
    while let Some(raw) = inputs.next() {
        out.push(raw.data.to_vec());
    }
    out
}

/// A capture of one TCP conversation: each step is a segment whose first four bytes are flags, how far it lies from where
/// its side is (signed, two bytes), and how much of the other side is not acknowledged; a gap moves its side on.
pub fn segments(case: &Case) -> Vec<u8> {
    let mut next = [1000_u32, 5000];
    let mut frames = Vec::new();
    for step in &case.0 {
        let (from_client, bytes) = match step {
            Step::Gap(from_client, count) => {
                let side = usize::from(!from_client);
                next[side] = next[side].wrapping_add(*count as u32);
                continue;
            }
            Step::Data(from_client, bytes) => (*from_client, bytes),
        };
        let Some((head, payload)) = bytes.split_first_chunk::<4>() else { continue };
        let payload = &payload[..payload.len().min(60_000)];
        let (here, there) = if from_client { (0, 1) } else { (1, 0) };
        let seq = next[here].wrapping_add_signed(i32::from(i16::from_be_bytes([head[1], head[2]])));
        let ack = next[there].wrapping_sub(u32::from(head[3]));
        next[here] = seq.wrapping_add(payload.len() as u32).wrapping_add(u32::from(head[0] & 3 != 0));
        let ports = if from_client { [40_000, 502] } else { [502, 40_000] };
        let mut packet = ipv4(6, 0, &tcp(ports, seq, ack, head[0], payload));
        if !from_client {
            packet[12..20].rotate_left(4);
        }
        frames.push(ethernet(0x0800, &packet));
    }
    pcap(false, 0xa1b2_c3d4, 1, &frames)
}

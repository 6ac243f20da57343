use std::io::{Cursor, Read, Write};
use std::path::PathBuf;

use super::{Inputs, OpenReason, CAPTURED_LIMIT};

/// A packet as a test reads it: time, wire length, link, interface, bytes.
type Seen = (i64, u32, u16, u16, Vec<u8>);

fn read(bytes: &[u8]) -> (Vec<Seen>, Inputs) {
    let mut inputs = Inputs::from_reader("test", Box::new(Cursor::new(bytes.to_vec()))).expect("a capture");
    let mut seen = Vec::new();
    while let Some(raw) = inputs.next() {
        assert_eq!(raw.index, seen.len() as u64 + 1);
        seen.push((raw.time, raw.wire_length, raw.link, raw.interface, raw.data.to_vec()));
    }
    assert!(inputs.next().is_none(), "the end stays the end");
    (seen, inputs)
}

fn words(big: bool, numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| if big { n.to_be_bytes() } else { n.to_le_bytes() }).collect()
}

fn halves(big: bool, numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|n| if big { n.to_be_bytes() } else { n.to_le_bytes() }).collect()
}

fn pcap_head(big: bool, magic: u32, link: u32) -> Vec<u8> {
    let mut out = words(big, &[magic]);
    out.extend(halves(big, &[2, 4]));
    out.extend(words(big, &[0, 0, 65535, link]));
    out
}

fn record(big: bool, seconds: u32, fraction: u32, data: &[u8]) -> Vec<u8> {
    let mut out = words(big, &[seconds, fraction, data.len() as u32, data.len() as u32 + 7]);
    out.extend(data);
    out
}

fn sample() -> Vec<u8> {
    let mut out = pcap_head(false, 0xa1b2_c3d4, 1);
    for n in 0..5_u8 {
        out.extend(record(false, 1_700_000_000 + u32::from(n), 5, &[n; 60]));
    }
    out
}

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for big in [false, true] {
        for (magic, nanoseconds) in [(0xa1b2_c3d4, 5000), (0xa1b2_3c4d, 5)] {
            let mut file = pcap_head(big, magic, 1);
            file.extend(record(big, 9, 5, b"abc"));
            let (seen, inputs) = read(&file);
            assert_eq!(seen, [(9_000_000_000 + nanoseconds, 10, 1, 0, b"abc".to_vec())]);
            assert_eq!(inputs.problem_count(), 0);
            assert_eq!(inputs.infos()[0].format, "pcap");
            assert_eq!(inputs.interfaces()[0].snap_length, 65535);
        }
    }
}

#[test]
fn kuznetzov_records_are_longer() {
    let mut file = pcap_head(false, 0xa1b2_cd34, 1);
    for _ in 0..2 {
        file.extend(words(false, &[9, 5, 3, 3, 0xffff_ffff, 0xffff_ffff]));
        file.extend(b"abc");
    }
    let (seen, _) = read(&file);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].4, b"abc");
}

#[test]
fn a_cut_tail_is_a_problem_and_the_rest_is_read() {
    let whole = sample();
    for length in 4..whole.len() {
        let (seen, inputs) = read(&whole[..length]);
        let complete = length.saturating_sub(24) / 76;
        assert_eq!(seen.len(), complete);
        let clean = length >= 24 && (length - 24) % 76 == 0;
        assert_eq!(inputs.problem_count(), u64::from(!clean), "{length}");
    }
}

#[test]
fn after_a_corrupt_length_the_reader_finds_the_next_record() {
    let mut file = sample();
    file[24 + 76 + 8..24 + 76 + 12].copy_from_slice(&(CAPTURED_LIMIT + 1).to_le_bytes());
    let (seen, inputs) = read(&file);
    let first: Vec<u8> = seen.iter().map(|packet| packet.4[0]).collect();
    assert_eq!(first, [0, 2, 3, 4]);
    assert_eq!(inputs.problems()[0].offset, 100);
}

#[test]
fn problems_are_kept_up_to_a_hundred_and_counted_beyond() {
    let mut file = pcap_head(false, 0xa1b2_c3d4, 1);
    for n in 0..600_u32 {
        let mut bytes = record(false, 1_700_000_000, 5, &[0; 60]);
        if n % 4 == 3 {
            bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        }
        file.extend(bytes);
    }
    let (_, inputs) = read(&file);
    assert_eq!(inputs.problems().len(), 100);
    assert!(inputs.problem_count() >= 149);
}

#[test]
fn an_unknown_link_type_is_told_once_and_counted_on() {
    let mut file = pcap_head(false, 0xa1b2_c3d4, 147);
    file.extend(record(false, 1, 0, b"abc"));
    file.extend(record(false, 1, 0, b"abc"));
    let (seen, inputs) = read(&file);
    assert_eq!((seen.len(), inputs.problem_count()), (2, 1));
}

fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = padded as u32 + 12;
    let mut out = words(big, &[kind, length]);
    out.extend(body);
    out.resize(8 + padded, 0);
    out.extend(words(big, &[length]));
    out
}

fn option(big: bool, code: u16, value: &[u8]) -> Vec<u8> {
    let mut out = halves(big, &[code, value.len() as u16]);
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn section(big: bool) -> Vec<u8> {
    let mut body = words(big, &[0x1a2b_3c4d]);
    body.extend(halves(big, &[1, 0]));
    body.extend([0xff; 8]);
    block(big, 0x0a0d_0d0a, &body)
}

fn interface(big: bool, link: u16, snap_length: u32, options: &[u8]) -> Vec<u8> {
    let mut body = halves(big, &[link, 0]);
    body.extend(words(big, &[snap_length]));
    body.extend(options);
    block(big, 1, &body)
}

fn enhanced(big: bool, which: u32, ticks: u64, data: &[u8], options: &[u8]) -> Vec<u8> {
    let length = data.len() as u32;
    let mut body = words(big, &[which, (ticks >> 32) as u32, ticks as u32, length, length]);
    body.extend(data);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(options);
    block(big, 6, &body)
}

fn number(big: bool, value: u64) -> [u8; 8] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

/// Two sections of both orders with every kind of block that is read, and one that is skipped.
fn pcapng_sample() -> Vec<u8> {
    let mut out = Vec::new();
    for big in [false, true] {
        out.extend(section(big));
        let mut options = option(big, 2, b"eth0");
        options.extend(option(big, 9, &[9]));
        options.extend(option(big, 11, b"\0tcp"));
        options.extend(option(big, 14, &number(big, 100)));
        out.extend(interface(big, 1, 4, &options));
        out.extend(interface(big, 101, 0, &option(big, 9, &[0x8a])));
        out.extend(interface(big, 101, 0, &option(big, 9, &[12])));
        out.extend(enhanced(big, 0, 7, b"abcde", &option(big, 4, &number(big, 3))));
        out.extend(enhanced(big, 1, 1024 * 5 + 512, b"ab", &[]));
        out.extend(enhanced(big, 2, 1_000_000_000_000, b"a", &[]));
        out.extend(block(big, 0x0bad_0bad, b"what is this"));
        let mut simple = words(big, &[6]);
        simple.extend(b"wxyz");
        out.extend(block(big, 3, &simple));
        let mut old = halves(big, &[1, 2]);
        old.extend(words(big, &[0, 1024, 2, 9]));
        old.extend(b"qq");
        out.extend(block(big, 2, &old));
        let mut statistics = words(big, &[0, 0, 0]);
        statistics.extend(option(big, 4, &number(big, 50)));
        statistics.extend(option(big, 5, &number(big, 8)));
        statistics.extend(option(big, 7, &number(big, 1)));
        out.extend(block(big, 5, &statistics));
    }
    out
}

#[test]
fn pcapng_sections_interfaces_and_packets() {
    let (seen, inputs) = read(&pcapng_sample());
    assert_eq!(inputs.problems(), []);
    for (first, half) in [(0_u16, &seen[..5]), (3, &seen[5..])] {
        assert_eq!(half[0], (100_000_000_007, 5, 1, first, b"abcde".to_vec()));
        assert_eq!(half[1], (5_500_000_000, 2, 101, first + 1, b"ab".to_vec()));
        assert_eq!(half[2], (1_000_000_000, 1, 101, first + 2, b"a".to_vec()));
        assert_eq!(half[3], (1_000_000_000, 6, 1, first, b"wxyz".to_vec()));
        assert_eq!(half[4], (1_000_000_000, 9, 101, first + 1, b"qq".to_vec()));
    }
    let interfaces = inputs.interfaces();
    assert_eq!(interfaces.len(), 6);
    assert_eq!((interfaces[0].name.as_str(), interfaces[0].filter.as_deref()), ("eth0", Some("tcp")));
    assert_eq!(interfaces[0].dropped, Some(9), "statistics outrank counts before a packet");
    assert_eq!(interfaces[1].dropped, Some(2));
}

#[test]
fn every_prefix_of_a_pcapng_is_read_without_harm() {
    let whole = pcapng_sample();
    for length in 4..whole.len() {
        let (seen, inputs) = read(&whole[..length]);
        assert!(seen.len() <= 10 && inputs.problem_count() <= 1, "{length}");
    }
}

#[test]
fn any_changed_byte_is_read_without_harm() {
    for whole in [pcapng_sample(), sample()] {
        for at in 4..whole.len() {
            for value in [0, 0x7f, 0xff] {
                let mut file = whole.clone();
                file[at] = value;
                assert!(read(&file).0.len() <= 10);
            }
        }
    }
}

#[test]
fn a_corrupt_pcapng_block_is_passed_over() {
    let mut file = section(false);
    file.extend(interface(false, 1, 0, &[]));
    file.extend(enhanced(false, 0, 1, &[1; 64], &[]));
    let corrupt = file.len();
    file.extend(enhanced(false, 0, 2, &[2; 64], &[]));
    file.extend(enhanced(false, 0, 3, &[3; 64], &[]));
    file[corrupt + 4..corrupt + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    let (seen, inputs) = read(&file);
    assert_eq!(seen.iter().map(|packet| packet.4[0]).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(inputs.problems()[0].offset, corrupt as u64);
}

#[test]
fn packets_of_an_interface_never_described_are_counted() {
    let mut file = section(false);
    file.extend(enhanced(false, 7, 1, b"abc", &[]));
    file.extend(enhanced(false, 7, 1, b"abc", &[]));
    let (seen, inputs) = read(&file);
    assert_eq!((seen.len(), inputs.problem_count()), (2, 1));
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
}

fn lz4(plain: &[u8]) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(plain).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[test]
fn packed_captures_read_as_plain_ones() {
    let plain = sample();
    let (expected, _) = read(&plain);
    let (front, back) = plain.split_at(130);
    let mut zstd_frames = zstd(front);
    zstd_frames.extend([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);
    zstd_frames.extend(zstd(back));
    let packed = [
        (gzip(&plain), "pcap+gzip"),
        ([gzip(front), gzip(back)].concat(), "pcap+gzip"),
        (zstd(&plain), "pcap+zstd"),
        (zstd_frames, "pcap+zstd"),
        (lz4(&plain), "pcap+lz4"),
        ([lz4(front), lz4(back)].concat(), "pcap+lz4"),
    ];
    for (bytes, format) in packed {
        let (seen, inputs) = read(&bytes);
        assert_eq!(seen, expected, "{format}");
        assert_eq!((inputs.infos()[0].format, inputs.problem_count()), (format, 0));
    }
}

#[test]
fn a_truncated_packed_capture_yields_what_it_has() {
    let mut plain = pcap_head(false, 0xa1b2_c3d4, 1);
    let mut noise = 1_u32;
    for _ in 0..3000 {
        let data: Vec<u8> = (0..100)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })
            .collect();
        plain.extend(record(false, 1_700_000_000, 0, &data));
    }
    for bytes in [gzip(&plain), zstd(&plain), lz4(&plain)] {
        let (seen, inputs) = read(&bytes[..bytes.len() / 2]);
        assert!(seen.len() > 300 && seen.len() < 2500, "{}", seen.len());
        assert_eq!(inputs.problem_count(), 1);
    }
}

#[test]
fn a_bomb_is_a_stream() {
    let mut plain = pcap_head(false, 0xa1b2_c3d4, 1);
    plain.resize(8 << 20, 0);
    let (seen, _) = read(&gzip(&plain));
    assert_eq!(seen.len(), ((8 << 20) - 24) / 16);
}

#[test]
fn what_is_no_capture_is_told_with_a_remedy() {
    for (bytes, reason) in [(&b""[..], OpenReason::Empty), (b"GET / HTTP/1.1", OpenReason::NoCapture)] {
        let error = Inputs::from_reader("x", Box::new(Cursor::new(bytes.to_vec()))).err().expect("refused");
        assert_eq!(error.reason, reason);
        assert!(!error.remedy().is_empty());
    }
    let missing = Inputs::open(&[PathBuf::from("/nonexistent/capture")]).err().expect("refused");
    assert_eq!(missing.reason, OpenReason::NotFound);
    assert!(missing.to_string().starts_with("/nonexistent/capture: no such file"));
}

/// A folder of its own for one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ringfence-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn many_files_come_in_time_order_each_in_its_own() {
    for count in [3_u32, 40] {
        let folder = Folder::new(&format!("merge-{count}"));
        let mut paths = Vec::new();
        for file in 0..count {
            let mut bytes = pcap_head(false, 0xa1b2_c3d4, 1);
            for n in 0..4_u32 {
                bytes.extend(record(false, 1000 + n * count + (file * 7) % count, 0, &[file as u8, n as u8]));
            }
            // The last packet goes backwards, and stays behind its predecessors.
            bytes.extend(record(false, 1, 0, &[file as u8, 4]));
            let path = folder.0.join(format!("{file}.pcap"));
            std::fs::write(&path, bytes).expect("written");
            paths.push(path);
        }
        let mut inputs = Inputs::open(&paths).expect("captures");
        let mut again = Inputs::open(&paths).expect("the same");
        let mut next = vec![0_u8; count as usize];
        let (mut last, mut packets) = (0, 0);
        while let Some(raw) = inputs.next() {
            let twin = again.next().expect("the same packets");
            assert_eq!((raw.input, raw.index, raw.data), (twin.input, twin.index, twin.data));
            let file = usize::from(raw.input);
            assert_eq!(raw.data, [file as u8, next[file]]);
            next[file] += 1;
            if raw.data[1] < 4 {
                assert!(raw.time >= last, "time order");
                last = raw.time;
            }
            packets += 1;
        }
        assert_eq!(packets, count * 5);
        assert_eq!(inputs.interfaces().len(), count as usize);
        let (read, total) = inputs.position();
        assert_eq!(read, total);
    }
}

#[test]
fn digests_tell_files_apart_and_sample_large_ones() {
    let folder = Folder::new("digest");
    let path = folder.0.join("large");
    let mut bytes = vec![7_u8; 3 << 20];
    std::fs::write(&path, &bytes).expect("written");
    let first = super::digest(&path).expect("read");
    assert_eq!(first, super::digest(&path).expect("read"));
    *bytes.last_mut().expect("bytes") = 8;
    std::fs::write(&path, &bytes).expect("written");
    assert_ne!(first, super::digest(&path).expect("read"));
}

/// A stream that gives one byte at a time.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn a_stream_may_come_byte_by_byte() {
    let mut inputs = Inputs::from_reader("-", Box::new(Trickle(Cursor::new(pcapng_sample())))).expect("a capture");
    let mut count = 0;
    while inputs.next().is_some() {
        count += 1;
    }
    assert_eq!((count, inputs.position().1), (10, 0));
}

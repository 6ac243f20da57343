//! One SSH conversation: identification strings (RFC 4253 §4.2), then binary packets (§6) until NEWKEYS (§7.3).

use super::{banner, kex};
use crate::{Context, Dissector, Progress, Who};
use ringfence_wire::Reader;

/// Longest identification string with CR LF (RFC 4253 §4.2), with room for implementations that exceed it.
const LINE_LIMIT: usize = 1024; // bytes
/// Most bytes of lines before the identification string.
const PREFACE_LIMIT: usize = 8192; // bytes
/// Longest packet that is read (RFC 4253 §6.1 asks for 35000).
const PACKET_LIMIT: usize = 65_000; // bytes
/// Packet length, padding length, type, cookie and the first name list's length.
pub(super) const KEXINIT_HEAD: usize = 4 + 1 + 1 + 16 + 4; // bytes
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;

/// Where one direction stands.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Side {
    /// Nothing was read: the identification string, a line before it or, in mid-stream, a packet comes next.
    #[default]
    Start,
    /// Bytes were lost: go on only at what is surely an identification string or KEXINIT.
    Lost,
    /// Binary packets.
    Packets,
    /// The rest of a packet that is of no interest, in bytes.
    Skip(usize),
    /// Encrypted, or given up.
    Closed,
}

/// The reader of one conversation.
#[derive(Default)]
pub(super) struct Reading {
    sides: [Side; 2],
    preface: [usize; 2], // bytes
}

/// What one look at the bytes came to.
enum Step {
    /// Finished with this many bytes; look again at what follows, which may be the same place in another state.
    Used(usize),
    /// Needs more bytes.
    More,
    /// Nothing more to learn of either direction.
    Done,
}

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let side = usize::from(!cx.from_client);
        let mut used = 0;
        while used < data.len() {
            match self.step(side, &data[used..], cx) {
                Step::Used(count) => used += count,
                Step::More => break,
                Step::Done => return Progress::Done,
            }
        }
        Progress::Used(used)
    }

    fn gap(&mut self, from_client: bool, _lost: u64) {
        let side = &mut self.sides[usize::from(!from_client)];
        if *side != Side::Closed {
            *side = Side::Lost;
        }
    }
}

impl Reading {
    fn step(&mut self, side: usize, data: &[u8], cx: &mut Context<'_>) -> Step {
        match self.sides[side] {
            Side::Start => self.start(side, data, cx),
            Side::Lost => self.resume(side, data),
            Side::Packets => self.packet(side, data, cx),
            Side::Skip(left) => {
                let used = left.min(data.len());
                self.sides[side] = if used == left { Side::Packets } else { Side::Skip(left - used) };
                Step::Used(used)
            }
            Side::Closed => Step::Used(data.len()),
        }
    }

    /// No more of this direction; of both: done.
    fn close(&mut self, side: usize, used: usize) -> Step {
        self.sides[side] = Side::Closed;
        match self.sides {
            [Side::Closed, Side::Closed] => Step::Done,
            _ => Step::Used(used),
        }
    }

    fn turn(&mut self, side: usize, state: Side, used: usize) -> Step {
        self.sides[side] = state;
        Step::Used(used)
    }

    fn resume(&mut self, side: usize, data: &[u8]) -> Step {
        if data.starts_with(b"SSH-") {
            return self.turn(side, Side::Start, 0);
        }
        if data.len() < KEXINIT_HEAD && (b"SSH-".starts_with(data) || data.first() == Some(&0)) {
            return Step::More;
        }
        match looks_like_kexinit(data) {
            true => self.turn(side, Side::Packets, 0),
            false => Step::Used(data.len()),
        }
    }

    fn start(&mut self, side: usize, data: &[u8], cx: &mut Context<'_>) -> Step {
        if data.first() == Some(&0) {
            return match data.len() < KEXINIT_HEAD {
                true => Step::More,
                false if looks_like_kexinit(data) => self.turn(side, Side::Packets, 0),
                false => self.close(side, data.len()),
            };
        }
        let Some(end) = data.iter().take(LINE_LIMIT + 1).position(|&b| b == b'\n') else {
            if data.len() <= LINE_LIMIT {
                return Step::More;
            }
            cx.malformed("identification", "no line end within 1024 bytes");
            return self.close(side, data.len());
        };
        let line = &data[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"SSH-") {
            return self.identification(side, line, end + 1, cx);
        }
        self.preface[side] += end + 1;
        if self.preface[side] > PREFACE_LIMIT {
            cx.malformed("identification", "no identification string within 8192 bytes");
            return self.close(side, data.len());
        }
        // RFC 4253 §4.2 lets only servers speak first of other things; a client that does is said, and read on.
        if cx.from_client {
            cx.malformed("identification", "line of a client that does not begin with SSH-");
        }
        Step::Used(end + 1)
    }

    fn identification(&mut self, side: usize, line: &[u8], used: usize, cx: &mut Context<'_>) -> Step {
        let mut parts = line[4..].splitn(2, |&b| b == b'-');
        let version = parts.next().unwrap_or_default();
        let Some(rest) = parts.next() else {
            cx.malformed("identification", "no softwareversion");
            return self.close(side, used);
        };
        let mut words = rest.splitn(2, |&b| b == b' ');
        cx.fact(&banner::KIND)
            .text(banner::protocol, line)
            .text(banner::version, version)
            .text(banner::software, words.next().unwrap_or_default())
            .maybe_text(banner::comments, words.next())
            .emit(Who::Sender);
        match version.starts_with(b"1.") && version != b"1.99" {
            true => self.close(side, used),
            false => self.turn(side, Side::Packets, used),
        }
    }

    fn packet(&mut self, side: usize, data: &[u8], cx: &mut Context<'_>) -> Step {
        let mut r = Reader::new(data);
        let (Some(length), Some(padding), Some(kind)) = (r.u32(), r.u8(), r.u8()) else {
            return Step::More;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > PACKET_LIMIT || length < usize::from(padding) + 2 {
            cx.malformed("packet_length", "impossible for a packet in clear");
            return self.close(side, data.len());
        }
        let total = length + 4;
        match kind {
            NEWKEYS => self.close(side, total.min(data.len())),
            KEXINIT if data.len() >= total => {
                offer(&data[6..total - usize::from(padding)], cx);
                Step::Used(total)
            }
            KEXINIT if cx.snapped => {
                offer(&data[6..], cx);
                self.turn(side, Side::Lost, data.len())
            }
            KEXINIT => Step::More,
            _ => self.turn(side, Side::Skip(total), 0),
        }
    }
}

/// KEXINIT (RFC 4253 §7.1): sixteen bytes of cookie, then ten name lists.
fn offer(payload: &[u8], cx: &mut Context<'_>) {
    let mut r = Reader::new(payload);
    let mut lists = [None; 10];
    let _cookie = r.skip(16);
    for list in &mut lists {
        let length = r.u32().and_then(|length| usize::try_from(length).ok());
        *list = length.and_then(|length| r.take(length));
        if list.is_none() {
            break;
        }
    }
    let [key_exchange, host_key, cipher_up, cipher_down, mac_up, mac_down, pack_up, pack_down, _, last] = lists;
    if key_exchange.is_some() {
        cx.fact(&kex::KIND)
            .maybe_text(kex::kex_algorithms, key_exchange)
            .maybe_text(kex::host_key_algorithms, host_key)
            .maybe_text(kex::encryption_client_to_server, cipher_up)
            .maybe_text(kex::encryption_server_to_client, cipher_down)
            .maybe_text(kex::mac_client_to_server, mac_up)
            .maybe_text(kex::mac_server_to_client, mac_down)
            .maybe_text(kex::compression_client_to_server, pack_up)
            .maybe_text(kex::compression_server_to_client, pack_down)
            .emit(Who::Sender);
    }
    if last.is_none() {
        cx.malformed("name_list", "longer than the packet");
    }
}

/// True where `data` begins with what only a KEXINIT packet looks like.
pub(super) fn looks_like_kexinit(data: &[u8]) -> bool {
    let mut r = Reader::new(data);
    let (Some(length), Some(padding), Some(KEXINIT), Some(()), Some(names)) =
        (r.u32(), r.u8(), r.u8(), r.skip(16), r.u32())
    else {
        return false;
    };
    let (length, names) = (length as usize, names as usize);
    let text = r.rest();
    let text = &text[..text.len().min(names)];
    (64..=PACKET_LIMIT).contains(&length)
        && padding >= 4
        && (3..length).contains(&names)
        && text.iter().all(|&b| matches!(b, b'!'..=b'~'))
}

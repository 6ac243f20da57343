//! The reader of one S7 conversation: TPKT framing, TSDU reassembly, and what is remembered between messages.

use super::cotp::{self, Head, Tpdu};
use super::item::Scratch;
use super::{connect, pdu, plus, userdata};
use crate::{Context, Dissector, Progress, Who};

/// Largest TSDU put together from several DTs.
const TSDU: usize = 65_536; // bytes
/// Bytes of a TPKT head and the DT after it, which is where a stream is picked up again.
const RESUME: usize = 6;
/// Requests remembered.
const REMEMBERED: usize = 32;

/// A request waiting for its answer.
#[derive(Default)]
pub(super) struct Asked {
    pub reference: u16,
    pub is_userdata: bool,
    pub function: u8,
    pub operation: &'static str,
    pub object: Vec<u8>,
}

/// The last requests of a conversation, oldest overwritten.
#[derive(Default)]
pub(super) struct Memory {
    rows: Vec<Asked>,
    next: usize,
}

impl Memory {
    /// Remember a request.
    pub fn note(&mut self, reference: u16, is_userdata: bool, function: u8, operation: &'static str, object: &[u8]) {
        let known = self.rows.iter().position(|row| row.reference == reference && row.is_userdata == is_userdata);
        let at = known.unwrap_or_else(|| {
            if self.rows.len() < REMEMBERED {
                self.rows.push(Asked::default());
                return self.rows.len() - 1;
            }
            self.next = (self.next + 1) % REMEMBERED;
            self.next
        });
        if let Some(row) = self.rows.get_mut(at) {
            (row.reference, row.is_userdata, row.function, row.operation) =
                (reference, is_userdata, function, operation);
            row.object.clear();
            row.object.extend_from_slice(object);
        }
    }

    /// The request with this PDU reference.
    pub fn find(&self, reference: u16, is_userdata: bool) -> Option<&Asked> {
        self.rows.iter().find(|row| row.reference == reference && row.is_userdata == is_userdata)
    }
}

/// What the PDU readers share.
#[derive(Default)]
pub(super) struct State {
    pub scratch: Scratch,
    pub memory: Memory,
    /// Userdata answers in several PDUs, put together: one a direction.
    pub fragments: [userdata::Fragments; 2],
    /// True while an S7comm-plus message goes on in the next PDU, one a direction.
    pub plus_open: [bool; 2],
}

/// The reader.
#[derive(Default)]
pub(super) struct Reading {
    state: State,
    tsdu: [Vec<u8>; 2],
    /// True after bytes were lost, until a TPKT head is found, one a direction.
    lost: [bool; 2],
    /// True once a TSDU of S7 was seen.
    confirmed: bool,
}

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let side = usize::from(!cx.from_client);
        if self.lost[side] {
            match data {
                [3, 0, _, _, 2, 0xf0, ..] => {}
                _ if data.len() < RESUME => return Progress::Used(0),
                _ => return self.resynchronise(data, side, cx),
            }
        }
        match cotp::head(data) {
            Head::Short => Progress::Used(0),
            Head::Bad => self.resynchronise(data, side, cx),
            Head::Whole(length) => {
                let Some(packet) = data.get(..length) else { return Progress::Used(0) };
                self.lost[side] = false;
                match self.packet(packet, side, cx) {
                    true => Progress::Used(length),
                    false => Progress::Reject,
                }
            }
        }
    }

    fn gap(&mut self, from_client: bool, _lost: u64) {
        let side = usize::from(!from_client);
        self.lost[side] = true;
        self.tsdu[side].clear();
        self.state.fragments[side].clear();
        self.state.plus_open[side] = false;
    }
}

impl Reading {
    fn resynchronise(&mut self, data: &[u8], side: usize, cx: &mut Context<'_>) -> Progress {
        if !self.confirmed {
            return Progress::Reject;
        }
        if !self.lost[side] {
            cx.malformed("tpkt", "not a TPKT header");
            self.gap(cx.from_client, 0);
        }
        let next = data.windows(RESUME).skip(1).position(|head| matches!(head, [3, 0, _, _, 2, 0xf0]));
        // The last bytes may be the front of one, however the stream was cut.
        Progress::Used(next.map_or(data.len().saturating_sub(RESUME - 1), |at| at + 1))
    }

    /// False where this is not S7 after all.
    fn packet(&mut self, packet: &[u8], side: usize, cx: &mut Context<'_>) -> bool {
        match cotp::tpdu(packet) {
            Tpdu::Connect { confirm, calling, called } => {
                emit_connect(confirm, calling, called, cx);
                true
            }
            Tpdu::Data { payload: [], .. } | Tpdu::Other => true,
            Tpdu::Data { end: true, payload } if self.tsdu[side].is_empty() => self.whole(payload, side, cx),
            Tpdu::Data { end, payload } => self.part(end, payload, side, cx),
            Tpdu::Bad(reason) => {
                cx.malformed("cotp", reason);
                true
            }
        }
    }

    fn part(&mut self, end: bool, payload: &[u8], side: usize, cx: &mut Context<'_>) -> bool {
        let mut tsdu = std::mem::take(&mut self.tsdu[side]);
        if tsdu.len().saturating_add(payload.len()) > TSDU {
            cx.malformed("cotp", "TSDU larger than 64 KiB");
            return true;
        }
        tsdu.extend_from_slice(payload);
        if !end {
            self.tsdu[side] = tsdu;
            return true;
        }
        let is_s7 = self.whole(&tsdu, side, cx);
        tsdu.clear();
        self.tsdu[side] = tsdu;
        is_s7
    }

    fn whole(&mut self, tsdu: &[u8], side: usize, cx: &mut Context<'_>) -> bool {
        let is_s7 = match tsdu.first() {
            Some(0x32) => {
                pdu::read(tsdu, side, &mut self.state, cx);
                true
            }
            Some(0x72) => {
                plus::read(tsdu, side, &mut self.state, cx);
                true
            }
            _ if self.confirmed => {
                cx.malformed("protocol_id", "neither 0x32 nor 0x72");
                return true;
            }
            _ => false,
        };
        if is_s7 && !self.confirmed {
            self.confirmed = true;
            cx.confidence = cx.confidence.max(98);
        }
        is_s7
    }
}

fn emit_connect(confirm: bool, calling: Option<&[u8]>, called: Option<&[u8]>, cx: &mut Context<'_>) {
    let place = called.and_then(cotp::rack_and_slot);
    cx.fact(&connect::KIND)
        .text(connect::operation, if confirm { "connect_confirm" } else { "connect_request" })
        .maybe_text(connect::source_tsap, calling)
        .maybe_text(connect::destination_tsap, called)
        .maybe_uint(connect::rack, place.map(|(rack, _)| rack))
        .maybe_uint(connect::slot, place.map(|(_, slot)| slot))
        .emit_to(Who::Sender, Who::Receiver);
}

//! Fuzzes the decoder: link layers, tags, tunnels, fragments, transport headers.
//!
//! A client's step is an Ethernet frame; a server's step is a frame of the link type that its first byte picks; a gap lets
//! seconds go by. What must hold: lengths stay within the frame (or the reassembled datagram), and the short way of common
//! packets and the long way agree: a priority tag (VLAN 0) sends a frame the long way and changes nothing else.

use crate::case::{Case, Step};
use crate::made;
use crate::random::Random;
use crate::target::Target;
use ringfence_flow::decode::{network_checksum_good, transport_checksum_good, Decoder, LINKS};
use ringfence_flow::{Packet, Raw, Transport};
use std::path::Path;

const ETHERNET: u16 = 1;
/// The largest datagram that fragments can make.
const DATAGRAM: usize = 65_535; // bytes

/// The decoder.
pub struct Frames;

impl Frames {
    /// The decoder.
    pub fn new() -> Frames {
        Frames
    }
}

fn raw(link: u16, time: i64, data: &[u8], cut: u32) -> Raw<'_> {
    Raw { input: 0, interface: 0, link, index: 1, time, wire_length: data.len() as u32 + cut, data }
}

fn sound(packet: &Packet<'_>, frame: usize) -> Result<(), String> {
    let _ = (network_checksum_good(packet), transport_checksum_good(packet));
    let most = frame.max(DATAGRAM);
    if packet.payload.len() > most || packet.transport_bytes.len() > most || packet.network_header.len() > frame {
        return Err(format!("longer than the frame of {frame} bytes: {packet:?}"));
    }
    if packet.payload.len() > packet.payload_length as usize {
        return Err(format!("more payload than there was on the wire: {packet:?}"));
    }
    if packet.transport == Transport::Nothing && !packet.payload.is_empty() {
        return Err(format!("a payload of nothing: {packet:?}"));
    }
    Ok(())
}

/// The frame with a priority tag.
fn tagged(frame: &[u8]) -> Option<Vec<u8>> {
    let (addresses, rest) = frame.split_at_checked(12)?;
    Some([addresses, &[0x81, 0, 0, 0], rest].concat())
}

impl Target for Frames {
    fn selector(&self) -> &'static str {
        "decode"
    }

    fn title(&self) -> String {
        "decoder and tunnels".to_owned()
    }

    fn stream(&self) -> bool {
        true
    }

    fn seeds(&self, vectors: &Path) -> Vec<Case> {
        made::frames(vectors)
    }

    fn judge(&mut self, case: &Case, _random: &mut Random) -> Result<(), String> {
        let (mut whole, mut snapped, mut long) = (Decoder::new(), Decoder::new(), Decoder::new());
        let mut time = 0_i64;
        for step in &case.0 {
            let (link, frame) = match step {
                Step::Gap(_, seconds) => {
                    time += (*seconds % 100) as i64 * 1_000_000_000;
                    continue;
                }
                Step::Data(true, bytes) => (ETHERNET, bytes.as_slice()),
                Step::Data(false, bytes) => match bytes.split_first() {
                    Some((pick, rest)) => (LINKS[usize::from(*pick) % LINKS.len()].number, rest),
                    None => continue,
                },
            };
            let packet = whole.decode(&raw(link, time, frame, 0));
            sound(&packet, frame.len())?;
            sound(&snapped.decode(&raw(link, time, frame, 1000)), frame.len())?;
            if link != ETHERNET {
                continue;
            }
            let Some(tagged) = tagged(frame) else { continue };
            let other = long.decode(&raw(link, time, &tagged, 0));
            if packet.fault.is_none() && format!("{packet:?}") != format!("{other:?}") {
                return Err(format!("the two ways differ:\n{packet:?}\n{other:?}"));
            }
        }
        Ok(())
    }
}

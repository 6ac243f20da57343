//! The virtual link and the network layer. ASHRAE 135 annex J, annex U, clause 6.

use super::{link, names, network, Bacnet};
use crate::{Context, Who};
use ringfence_wire::{Place, Reader};

/// Most networks or table entries kept of one message.
const ENTRIES: usize = 32;

/// What the network layer says about a message.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    /// Who sent it: the sender, or whom a forwarding router names.
    pub source: Who,
    /// Destination network and address.
    pub to: Option<(u16, &'a [u8])>,
    /// Source network and address, behind a router.
    pub from: Option<(u16, &'a [u8])>,
}

/// Read a datagram of the virtual link over IPv4.
pub(super) fn link4(bacnet: &mut Bacnet, data: &[u8], cx: &mut Context<'_>) {
    let Some((function, mut r)) = header(data, cx) else { return };
    match function {
        4 => {
            let Some(original) = r.array::<6>() else {
                return cx.malformed("original-address", "shorter than 6 bytes");
            };
            let [a, b, c, d, ..] = original;
            packet(bacnet, &mut r, Who::At(Place::V4([a, b, c, d])), cx);
        }
        9..=11 => packet(bacnet, &mut r, Who::Sender, cx),
        _ => about_link(function, names::LINK.get(u64::from(function)), r, cx),
    }
}

/// Read a datagram of the virtual link over IPv6.
pub(super) fn link6(bacnet: &mut Bacnet, data: &[u8], cx: &mut Context<'_>) {
    let Some((function, mut r)) = header(data, cx) else { return };
    // Virtual addresses: of the source, and of the destination where there is one.
    let addresses = if function == 1 { 6 } else { 3 };
    match function {
        1 | 2 | 8 | 12 => {
            if r.skip(addresses).is_none() {
                return cx.malformed("virtual-address", "cut short");
            }
            let source = match function {
                8 => match (r.array::<16>(), r.skip(2)) {
                    (Some(address), Some(())) => Who::At(Place::V6(address)),
                    _ => return cx.malformed("original-address", "shorter than 18 bytes"),
                },
                _ => Who::Sender,
            };
            packet(bacnet, &mut r, source, cx);
        }
        _ => about_link(function, names::LINK6.get(u64::from(function)), r, cx),
    }
}

/// Type, function, length; the reader stands behind them and ends where the length says.
fn header<'a>(data: &'a [u8], cx: &mut Context<'_>) -> Option<(u8, Reader<'a>)> {
    let mut r = Reader::new(data);
    let (Some([_, function]), Some(length)) = (r.array::<2>(), r.u16()) else {
        cx.malformed("link-header", "shorter than 4 bytes");
        return None;
    };
    match usize::from(length).checked_sub(4).filter(|rest| *rest <= r.left()) {
        Some(rest) => r.sub(rest).map(|rest| (function, rest)),
        None => {
            cx.malformed("link-length", "not the length of the datagram");
            Some((function, r))
        }
    }
}

/// A message of the link itself: foreign devices, broadcast tables, results.
fn about_link(function: u8, operation: Option<&'static str>, mut r: Reader<'_>, cx: &mut Context<'_>) {
    let result = if function == 0 { r.u16() } else { None };
    let lifetime = if function == 5 { r.u16() } else { None };
    let entry = match function {
        1 | 3 | 7 => 10,
        8 => 6,
        _ => 0,
    };
    let entries = std::iter::from_fn(|| r.take(entry).filter(|taken| !taken.is_empty()));
    cx.fact(&link::KIND)
        .text(link::operation, operation.unwrap_or("other"))
        .uint(link::function, function)
        .maybe_uint(link::result, result)
        .maybe_uint(link::lifetime, lifetime)
        .texts(link::peers, entries.take(ENTRIES).filter_map(|entry| entry.first_chunk::<4>().copied()))
        .emit_to(Who::Sender, Who::Receiver);
}

/// Read a network layer packet (clause 6.2).
pub(super) fn packet(bacnet: &mut Bacnet, r: &mut Reader<'_>, source: Who, cx: &mut Context<'_>) {
    let Some([version, control]) = r.array::<2>() else {
        return cx.malformed("network-header", "shorter than 2 bytes");
    };
    if version != 1 {
        return cx.malformed("network-version", "not 1");
    }
    let Some((to, from)) = addresses(r, control) else { return cx.malformed("network-address", "cut short") };
    let route = Route { source, to, from };
    match control & 0x80 {
        0 => super::application::read(bacnet, r.rest(), &route, cx),
        _ => message(r, &route, cx),
    }
}

type Address<'a> = Option<(u16, &'a [u8])>;

fn addresses<'a>(r: &mut Reader<'a>, control: u8) -> Option<(Address<'a>, Address<'a>)> {
    let mut one = |bit: u8| -> Option<Address<'a>> {
        if control & bit == 0 {
            return Some(None);
        }
        let network = r.u16()?;
        let length = r.u8()?;
        Some(Some((network, r.take(usize::from(length))?)))
    };
    let to = one(0x20)?;
    let from = one(0x08)?;
    if to.is_some() {
        r.u8()?;
    }
    Some((to, from))
}

/// A network layer message (clause 6.4).
fn message(r: &mut Reader<'_>, route: &Route<'_>, cx: &mut Context<'_>) {
    let Some(number) = r.u8() else { return cx.malformed("network-message", "absent") };
    let vendor = if number >= 0x80 { r.u16() } else { None };
    let reason = if number == 3 { r.u8() } else { None };
    let listed = match number {
        0..=5 | 8 | 9 | 0x13 => r.rest(),
        _ => &[],
    };
    let most = match number {
        0 | 2 | 3 | 8 | 9 | 0x13 => 1,
        _ => ENTRIES,
    };
    let networks = listed.chunks_exact(2).take(most).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes);
    cx.fact(&network::KIND)
        .text(network::operation, names::NETWORK.get(u64::from(number)).unwrap_or("other"))
        .uint(network::message, number)
        .maybe_uint(network::vendor_id, vendor)
        .maybe_uint(network::reason, reason)
        .uints(network::networks, networks)
        .maybe_uint(network::source_network, route.from.map(|(network, _)| network))
        .emit_to(route.source, Who::Receiver);
}

//! One message: the fixed part, the options, the record. RFC 2131 §2.

use super::{message, options};
use crate::{Context, Fact, Who};
use options::Options;
use ringfence_wire::{Place, Reader};
use std::borrow::Cow;

/// The fixed part.
struct Fixed<'a> {
    op: u8,
    hardware: u8,
    hops_to_flags: [u8; 9],
    client: [u8; 4],
    your: [u8; 4],
    next_server: [u8; 4],
    relay: [u8; 4],
    address: &'a [u8],
}

impl<'a> Fixed<'a> {
    fn read(r: &mut Reader<'a>) -> Option<Self> {
        let [op, hardware, length] = r.array()?;
        Some(Fixed {
            op,
            hardware,
            hops_to_flags: r.array()?,
            client: r.array()?,
            your: r.array()?,
            next_server: r.array()?,
            relay: r.array()?,
            address: {
                let whole = r.take(16)?;
                whole.get(..usize::from(length)).unwrap_or(whole)
            },
        })
    }

    fn transaction(&self) -> u32 {
        let [_, a, b, c, d, ..] = self.hops_to_flags;
        u32::from_be_bytes([a, b, c, d])
    }

    fn seconds(&self) -> u16 {
        let [.., a, b, _, _] = self.hops_to_flags;
        u16::from_be_bytes([a, b])
    }

    fn broadcast(&self) -> bool {
        let [.., high, _] = self.hops_to_flags;
        high & 0x80 != 0
    }

    fn mac(&self) -> Option<[u8; 6]> {
        self.address.try_into().ok().filter(|_| matches!(self.hardware, 1 | 6))
    }

    /// The client, where its hardware address can be one device's.
    fn client(&self) -> Option<Who> {
        let place = Place::Mac(self.mac().filter(|mac| *mac != [0; 6])?);
        (!place.is_group()).then_some(Who::At(place))
    }
}

/// Read one datagram.
pub(super) fn read(data: &[u8], cx: &mut Context<'_>) {
    let mut r = Reader::new(data);
    let Some(fixed) = Fixed::read(&mut r) else {
        return cx.malformed("header", "shorter than 44 bytes");
    };
    // Without what follows an offer could not be told from BOOTP, so that a message cut here says nothing.
    let (Some(sname), Some(file)) = (r.take(64), r.take(128)) else {
        return cx.malformed("header", "shorter than 236 bytes");
    };
    let mut options = Options::new();
    if r.array::<4>() == Some(options::COOKIE) {
        options.area(r.rest());
    }
    let overload = options.array::<1>(52).map_or(0, |[flags]| flags);
    if overload & 1 != 0 {
        options.area(file);
    }
    if overload & 2 != 0 {
        options.area(sname);
    }
    let names = [
        text_field(sname).filter(|_| overload & 2 == 0).map(Cow::Borrowed).or_else(|| options.text(66)),
        text_field(file).filter(|_| overload & 1 == 0).map(Cow::Borrowed).or_else(|| options.text(67)),
    ];
    emit(&fixed, &options, names, cx);
    if let Some(fault) = options.fault {
        cx.malformed("options", fault);
    }
}

fn emit(fixed: &Fixed<'_>, options: &Options<'_>, names: [Option<Cow<'_, [u8]>>; 2], cx: &mut Context<'_>) {
    let kind = options.array::<1>(53).map(|[kind]| kind);
    let fact = cx.fact(&message::KIND).text(message::operation, operation(fixed.op, kind));
    let fact = addresses(fact.maybe_uint(message::message_type, kind), fixed);
    let fact = identity(fact, options);
    let fact = handed_out(fact, options);
    let fact = boot(fact, options, names);
    let fact = relay(fact, options);
    let fact = details(fact, fixed, options);
    match (fixed.client(), fixed.op) {
        // A lease query is asked by a relay or a server about a client that says nothing itself (RFC 4388).
        (Some(client), 1) if !matches!(kind, Some(10 | 14..=18)) => fact.emit(client),
        (Some(client), _) => fact.emit_to(Who::Sender, client),
        (None, _) => fact.emit(Who::Sender),
    }
}

fn addresses<'c, 'a>(fact: Fact<'c, 'a>, fixed: &Fixed<'_>) -> Fact<'c, 'a> {
    let set = |ip: [u8; 4]| (ip != [0; 4]).then_some(ip);
    let odd = fixed.mac().is_none() && !fixed.address.is_empty();
    fact.maybe_text(message::client_mac, fixed.mac())
        .ip(message::your_ip, fixed.your)
        .maybe_text(message::client_ip, set(fixed.client))
        .maybe_text(message::relay_ip, set(fixed.relay))
        .maybe_uint(message::hardware_type, (fixed.hardware != 1).then_some(fixed.hardware))
        .maybe_text(message::client_hardware, odd.then_some(fixed.address))
        .maybe_text(message::next_server, set(fixed.next_server))
}

fn identity<'c, 'a>(fact: Fact<'c, 'a>, options: &Options<'_>) -> Fact<'c, 'a> {
    let bytes = |code| options.get(code).unwrap_or_default();
    fact.maybe_text(message::hostname, options.text(12))
        .maybe_text(message::fqdn, options::fqdn(&bytes(81)))
        .maybe_text(message::vendor_class, options.text(60))
        .maybe_text(message::user_class, options.get(77).as_deref().map(options::user_class))
        .maybe_text(message::client_id, options.get(61))
        .maybe_text(message::requested_ip, options.array::<4>(50))
        .maybe_text(message::server_id, options.array::<4>(54))
        .uints(message::parameter_requests, bytes(55).iter().copied())
        .uints(message::option_order, options.codes())
        .maybe_uint(message::max_message_size, options.array(57).map(u16::from_be_bytes))
        .maybe_text(message::mud_url, options.text(161))
        .uints(message::enterprises, options::enterprises(&bytes(124)).chain(options::enterprises(&bytes(125))))
}

fn handed_out<'c, 'a>(fact: Fact<'c, 'a>, options: &Options<'_>) -> Fact<'c, 'a> {
    let bytes = |code| options.get(code).unwrap_or_default();
    fact.maybe_uint(message::lease, options.array(51).map(u32::from_be_bytes))
        .maybe_text(message::subnet_mask, options.array::<4>(1))
        .texts(message::routers, bytes(3).chunks_exact(4))
        .texts(message::dns_servers, bytes(6).chunks_exact(4))
        .maybe_text(message::domain_name, options.text(15))
        .texts(message::ntp_servers, bytes(42).chunks_exact(4))
        .maybe_text(message::static_routes, options.get(121).or_else(|| options.get(249)))
        .maybe_text(message::proxy_url, options.text(252))
        .texts(message::controllers, bytes(138).chunks_exact(4))
}

fn boot<'c, 'a>(fact: Fact<'c, 'a>, options: &Options<'_>, names: [Option<Cow<'_, [u8]>>; 2]) -> Fact<'c, 'a> {
    let [server, file] = names;
    let architectures = options.get(93).unwrap_or_default();
    let pairs = architectures.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
    fact.maybe_text(message::server_name, server)
        .maybe_text(message::boot_file, file)
        .uints(message::architecture, pairs.map(u16::from_be_bytes))
        .maybe_text(message::network_interface, options.get(94))
        .maybe_text(message::machine_id, options.get(97))
        .texts(message::tftp_servers, options.get(150).unwrap_or_default().chunks_exact(4))
}

fn relay<'c, 'a>(fact: Fact<'c, 'a>, options: &Options<'_>) -> Fact<'c, 'a> {
    let information = options.get(82).unwrap_or_default();
    fact.maybe_text(message::circuit_id, options::sub_option(&information, 1))
        .maybe_text(message::remote_id, options::sub_option(&information, 2))
        .maybe_text(message::subscriber_id, options::sub_option(&information, 6))
}

fn details<'c, 'a>(fact: Fact<'c, 'a>, fixed: &Fixed<'_>, options: &Options<'_>) -> Fact<'c, 'a> {
    let identifier = options.array::<7>(61);
    let mac = identifier.and_then(|[kind, mac @ ..]| matches!(kind, 1 | 6).then_some(mac));
    fact.uint(message::transaction, fixed.transaction())
        .uint(message::seconds, fixed.seconds())
        .maybe_text(message::vendor_specific, options.get(43))
        .maybe_text(message::server_message, options.text(56))
        .maybe_text(message::client_id_mac, mac.filter(|_| options.get(61).is_some_and(|id| id.len() == 7)))
        .boolean(message::broadcast, fixed.broadcast())
}

/// A fixed text field: up to its first zero byte, absent where it is empty.
fn text_field(bytes: &[u8]) -> Option<&[u8]> {
    bytes.split(|b| *b == 0).next().filter(|text| !text.is_empty())
}

fn operation(op: u8, kind: Option<u8>) -> &'static str {
    const NAMES: [&str; 18] = [
        "discover",
        "offer",
        "request",
        "decline",
        "ack",
        "nak",
        "release",
        "inform",
        "force_renew",
        "lease_query",
        "lease_unassigned",
        "lease_unknown",
        "lease_active",
        "bulk_lease_query",
        "lease_query_done",
        "active_lease_query",
        "lease_query_status",
        "tls",
    ];
    match kind {
        Some(kind) => NAMES.get(usize::from(kind).wrapping_sub(1)).copied().unwrap_or("other"),
        None if op == 1 => "bootp_request",
        None => "bootp_reply",
    }
}

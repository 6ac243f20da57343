//! The visible tuple of protocols: one new protocol = one folder, one line here, one folder of vectors.

use crate::kind::Kind;
use crate::protocol::Protocol;

/// Every protocol, in the order in which probes are asked: the surest contents first.
pub static BUILTIN: &[&Protocol] = &[
    &crate::arp::PROTOCOL,
    &crate::tls::PROTOCOL,
    &crate::http::PROTOCOL,
    &crate::ssdp::PROTOCOL,
    &crate::ssh::PROTOCOL,
    &crate::dhcp::PROTOCOL,
    &crate::s7comm::PROTOCOL,
    &crate::modbus::PROTOCOL,
    &crate::enip::PROTOCOL,
    &crate::bacnet::PROTOCOL,
    &crate::mqtt::PROTOCOL,
    &crate::snmp::PROTOCOL,
    &crate::dns::MDNS,
    &crate::dns::PROTOCOL,
    &crate::telnet::PROTOCOL,
];

/// Every kind that a dissector can emit, `malformed` included.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    BUILTIN.iter().flat_map(|p| p.kinds.iter().copied().chain(std::iter::once(p.malformed)))
}

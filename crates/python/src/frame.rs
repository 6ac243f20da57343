//! `_core.frame`: one packet as the decoder understands it, for `explain`.

use crate::convert::{place, raise_open};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ringfence_flow::decode::{link_name, Decoder};
use ringfence_flow::source::Inputs;
use ringfence_flow::{Packet, Raw, Transport, Tunnel};
use ringfence_wire::Place;
use std::path::PathBuf;

/// Frame number `index` (from 1) of a capture, decoded; None where the capture has fewer.
#[pyfunction]
pub fn frame(py: Python<'_>, path: PathBuf, index: u64) -> PyResult<Option<Bound<'_, PyDict>>> {
    let mut inputs = Inputs::open(&[path]).map_err(|error| raise_open(&error))?;
    let mut decoder = Decoder::new();
    while let Some(raw) = inputs.next() {
        let packet = decoder.decode(&raw);
        if raw.index == index {
            return describe(py, &raw, &packet).map(Some);
        }
    }
    Ok(None)
}

fn describe<'py>(py: Python<'py>, raw: &Raw<'_>, packet: &Packet<'_>) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("frame", raw.index)?;
    out.set_item("time", raw.time)?;
    out.set_item("interface", raw.interface)?;
    out.set_item("link", link_name(raw.link).map_or_else(|| format!("link type {}", raw.link), str::to_owned))?;
    out.set_item("length", raw.wire_length)?;
    out.set_item("captured", raw.data.len())?;
    out.set_item("src_mac", packet.src_mac.map(|mac| Place::Mac(mac).to_string()))?;
    out.set_item("dst_mac", packet.dst_mac.map(|mac| Place::Mac(mac).to_string()))?;
    out.set_item("vlans", packet.vlans.ids().to_vec())?;
    out.set_item("tunnel", packet.tunnel.map(|tunnel| tunnel_text(&tunnel)))?;
    out.set_item("ethertype", packet.ethertype)?;
    out.set_item("src", packet.src.map(|src| place(py, &src)).transpose()?)?;
    out.set_item("dst", packet.dst.map(|dst| place(py, &dst)).transpose()?)?;
    out.set_item("ttl", packet.ttl)?;
    out.set_item("transport", transport_text(packet.transport))?;
    out.set_item("src_port", packet.src_port)?;
    out.set_item("dst_port", packet.dst_port)?;
    out.set_item("payload", packet.payload_length)?;
    out.set_item("snapped", packet.snapped)?;
    out.set_item("fault", packet.fault)?;
    Ok(out)
}

fn tunnel_text(tunnel: &Tunnel) -> String {
    format!("{:?} {} (depth {})", tunnel.kind, tunnel.id, tunnel.depth).to_lowercase()
}

fn transport_text(transport: Transport) -> String {
    match transport {
        Transport::Frame => "frame".to_owned(),
        Transport::Tcp(tcp) => {
            let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
            let set: Vec<&str> =
                names.iter().enumerate().filter(|(bit, _)| tcp.flags >> bit & 1 == 1).map(|(_, name)| *name).collect();
            format!("tcp {} seq {} ack {} window {}", set.join(","), tcp.seq, tcp.ack, tcp.window)
        }
        Transport::Udp => "udp".to_owned(),
        Transport::Icmp(kind, code) => format!("icmp type {kind} code {code}"),
        Transport::Other(number) => format!("ip protocol {number}"),
        Transport::Fragment => "fragment".to_owned(),
        Transport::Nothing => "not decoded".to_owned(),
    }
}

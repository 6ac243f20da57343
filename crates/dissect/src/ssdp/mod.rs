//! SSDP / UPnP discovery. UPnP Device Architecture 2.0 §1.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    message "ssdp.message" "UPnP Device Architecture 2.0 §1" "An SSDP search, its answer, or a notification." {
        operation: Text Key "" "search, notify_alive, notify_byebye, notify_update, response.";
        method: Text Key "" "Request method as sent (M-SEARCH, NOTIFY); absent in a response.";
        status: Uint Key "" "Status code of a response.";
        host: Text Key "" "HOST.";
        server: Text Key "" "SERVER.";
        location: Text Key "" "LOCATION.";
        user_agent: Text Key "" "USER-AGENT.";
        cache_control: Text Key "" "CACHE-CONTROL.";
        target: Text Key "" "ST or NT.";
        usn: Text Key "" "USN.";
    }
}
malformed_kind!("ssdp.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "ssdp",
    title: "SSDP / UPnP discovery",
    source: "UPnP Device Architecture 2.0 §1",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[1900],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading),
};

fn probe(_data: &[u8], _hint: &Hint) -> Probe {
    Probe::No
}

struct Reading;

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], _cx: &mut Context<'_>) -> Progress {
        Progress::Used(data.len())
    }
}

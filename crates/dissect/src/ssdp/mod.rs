//! SSDP / UPnP discovery. UPnP Device Architecture 2.0 §1.

use crate::http::head::{self, Head, Read};
use crate::{Context, Dissector, Hint, Probe, Progress, Protocol, Who};

#[cfg(test)]
mod tests;

kinds! {
    message "ssdp.message" "UPnP Device Architecture 2.0 §1" "An SSDP search, its answer, or a notification." {
        operation: Text Key "" "search, notify_alive, notify_byebye, notify_update, notify, response, other.";
        method: Text Key "" "Request method as sent (M-SEARCH, NOTIFY); absent in a response.";
        status: Uint Key "" "Status code of a response.";
        host: Text Key "" "HOST.";
        server: Text Key "" "SERVER.";
        location: Text Key "" "LOCATION.";
        user_agent: Text Key "" "USER-AGENT.";
        cache_control: Text Key "" "CACHE-CONTROL.";
        target: Text Key "" "ST or NT.";
        usn: Text Key "" "USN.";
        cut_name: Text Detail "" "Name, lower case, of a header line that the capture cut.";
        cut_value: Text Detail "" "What is left of that line's value.";
    }
}
malformed_kind!("ssdp.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "ssdp",
    title: "SSDP / UPnP discovery",
    source: "UPnP Device Architecture 2.0 §1",
    limits: &[
        "Headers of vendors are left out.",
        "The description that LOCATION points to is read where it is fetched over HTTP (`upnp.description`).",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[1900],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Ssdp),
};

const PORT: u16 = 1900;

/// The start line and, in a response, a header that only SSDP has; on its port the start line alone.
fn probe(data: &[u8], hint: &Hint) -> Probe {
    let usual = hint.client_port == PORT || hint.server_port == PORT;
    match data.first() {
        Some(b'M') if data.starts_with(b"M-SEARCH * HTTP/1.") => Probe::Yes(98),
        Some(b'N') if data.starts_with(b"NOTIFY * HTTP/1.") => Probe::Yes(98),
        Some(b'H') if data.starts_with(b"HTTP/1.") && (usual || has_own_header(data)) => Probe::Yes(90),
        _ => Probe::No,
    }
}

fn has_own_header(data: &[u8]) -> bool {
    data.split(|byte| *byte == b'\n').skip(1).take(32).any(|line| {
        let is = |name: &[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        is(b"usn:") || is(b"st:")
    })
}

struct Ssdp;

impl Dissector for Ssdp {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        match head::read(data) {
            Read::Whole(head, _) => tell(&head, cx),
            Read::Partial => match head::read(&head::closed(data, cx.snapped)) {
                // Many devices leave the blank line out.
                Read::Whole(mut head, _) => {
                    head.cut = if cx.snapped { head::cut_line(data) } else { None };
                    tell(&head, cx);
                }
                _ => cx.malformed("start line", "not readable"),
            },
            Read::Fault(field, reason) => cx.malformed(field, reason),
        }
        Progress::Used(data.len())
    }
}

fn operation(head: &Head<'_>) -> &'static str {
    let sub_type = head.notification_sub_type.unwrap_or_default();
    match head.method {
        [] => "response",
        b"M-SEARCH" => "search",
        b"NOTIFY" => match sub_type.to_ascii_lowercase().as_slice() {
            b"ssdp:alive" => "notify_alive",
            b"ssdp:byebye" => "notify_byebye",
            b"ssdp:update" => "notify_update",
            _ => "notify",
        },
        _ => "other",
    }
}

fn tell(head: &Head<'_>, cx: &mut Context<'_>) {
    let request = head.status == 0;
    cx.fact(&message::KIND)
        .text(message::operation, operation(head))
        .maybe_text(message::method, request.then_some(head.method))
        .maybe_uint(message::status, (!request).then_some(head.status))
        .maybe_text(message::host, head.host)
        .maybe_text(message::server, head.server)
        .maybe_text(message::location, head.location)
        .maybe_text(message::user_agent, head.user_agent)
        .maybe_text(message::cache_control, head.cache_control)
        .maybe_text(message::target, head.search_target.or(head.notification_type))
        .maybe_text(message::usn, head.usn)
        .maybe_text(message::cut_name, head.cut.map(|(name, _)| name.to_ascii_lowercase()))
        .maybe_text(message::cut_value, head.cut.map(|(_, value)| value))
        .emit(Who::Sender);
}

//! Telnet: negotiation, the text before a login, who logs in and whether it worked. RFC 854, RFC 855.
//!
//! Rule 1: what is typed or shown is never kept, except the text before the first login and the user name.
//! Rule 2: a command of a conversation cut anywhere is the same command; only `telnet.data` counts deliveries, since it
//! says that data went this way, line by line as they arrived.
//! Rule 3: a conversation without negotiation is plain text like many others: there the port breaks the tie, and the
//! claim is weak.

mod dialogue;
mod reading;
#[cfg(test)]
mod tests;

use crate::{Hint, Probe, Protocol};
use reading::Reading;

kinds! {
    banner "telnet.banner" "RFC 854" "What the server shows before anyone logs in, first lines." {
        text: Text Key "" "Text up to and with the first login prompt, or up to the first thing typed; escape sequences as sent.";
    }
    login "telnet.login" "RFC 854" "Credentials typed by the client." {
        user: Text Key "" "User name.";
        secret: Bytes Key "" "HMAC of the password.";
        default: Bool Key "" "True where the pair is on a default list.";
        success: Bool Key "" "True where a shell prompt followed; absent where it can't be told.";
    }
    option "telnet.option" "RFC 854, RFC 855" "A command (IAC) with its option." {
        command: Uint Key "" "Command code (240 SE … 254 DONT).";
        option: Uint Key "" "Option code.";
    }
    data "telnet.data" "RFC 854" "That data went this way; its content is never kept." {
        line: Bytes Detail "" "HMAC of the line with its end, for comparison only.";
    }
}
malformed_kind!("telnet.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "telnet",
    title: "Telnet",
    source: "RFC 854",
    limits: &[
        "What is typed and shown after the login is not read.",
        "Prompts are known in English only, so a login in another language is not seen.",
        "A login whose outcome the server never shows, with nothing typed after it, is not told.",
        "Values of subnegotiations (terminal type, window size) are not read.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[23, 2323],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading::default()),
};

/// Bytes of a first delivery that a probe looks through.
const PROBE_LIMIT: usize = 512; // bytes

fn probe(data: &[u8], hint: &Hint) -> Probe {
    let registered = PROTOCOL.ports.contains(&hint.server_port) || PROTOCOL.ports.contains(&hint.client_port);
    match data.first() {
        Some(&reading::IAC) => probe_negotiation(data, registered),
        Some(&byte) if is_text(byte) => {
            let looked = &data[..data.len().min(PROBE_LIMIT)];
            if !registered && (hint.from_client || !data.ends_with_prompt()) {
                return Probe::No;
            }
            match probe_text(looked) {
                None => Probe::No,
                Some(true) => Probe::Yes(90),
                Some(false) if !hint.from_client && data.ends_with_prompt() => Probe::Yes(70),
                Some(false) => Probe::Yes(20),
            }
        }
        _ => Probe::No,
    }
}

trait Prompting {
    fn ends_with_prompt(&self) -> bool;
}

impl Prompting for [u8] {
    fn ends_with_prompt(&self) -> bool {
        let line = self.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        dialogue::prompt(line).is_some()
    }
}

/// What stands in the text of a terminal: printable bytes and what moves the cursor.
fn is_text(byte: u8) -> bool {
    matches!(byte, 0 | 7..=13 | 27 | b' '..=b'~')
}

/// `None` where this is no terminal's text; true where it has a negotiation.
fn probe_text(mut data: &[u8]) -> Option<bool> {
    // Nothing but zeros and cursor movements says nothing.
    if !data.iter().any(|byte| matches!(*byte, b'!'..=b'~' | reading::IAC)) {
        return None;
    }
    let mut negotiated = false;
    while let Some((&byte, rest)) = data.split_first() {
        data = match (byte, rest) {
            (reading::IAC, [251..=254, option, rest @ ..]) if is_option(*option) => {
                negotiated = true;
                rest
            }
            (reading::IAC, [250, option, rest @ ..]) if negotiated || is_option(*option) => {
                let end = rest.windows(2).position(|pair| pair == [reading::IAC, 240]);
                // Without its end and without anything before it, it may be any bytes.
                if end.is_none() && !negotiated {
                    return None;
                }
                negotiated = true;
                end.map_or(&[][..], |end| &rest[end + 2..])
            }
            (reading::IAC, [241..=249 | reading::IAC, rest @ ..]) => rest,
            (reading::IAC, [] | [250..=254]) => rest,
            (reading::IAC, _) => return None,
            (byte, rest) if is_text(byte) => rest,
            _ => return None,
        };
    }
    Some(negotiated)
}

fn probe_negotiation(data: &[u8], registered: bool) -> Probe {
    match data {
        [_] | [_, 250..=254] => Probe::More,
        // The port breaks the tie where the option is one that nobody registered.
        [_, 250, _, rest @ ..] if registered => match probe_text(&rest[..rest.len().min(PROBE_LIMIT)]) {
            Some(true) => Probe::Yes(80),
            Some(false) => Probe::Yes(30),
            None => Probe::No,
        },
        [_, 250, _, rest @ ..] if rest.len() < 64 && !rest.windows(2).any(|pair| pair == [reading::IAC, 240]) => {
            Probe::More
        }
        [_, 250..=254, option, ..] if is_option(*option) => match probe_text(&data[..data.len().min(PROBE_LIMIT)]) {
            Some(true) => Probe::Yes(90),
            _ => Probe::No,
        },
        _ => Probe::No,
    }
}

/// Options of the registry and those that text games use.
fn is_option(option: u8) -> bool {
    matches!(option, 0..=49 | 69 | 70 | 85 | 86 | 90..=93 | 138..=140 | 200 | 201 | 255)
}

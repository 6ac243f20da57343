//! Telnet. RFC 854.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    banner "telnet.banner" "RFC 854" "What the server shows before anyone logs in, first lines." {
        text: Text Key "" "Text before the login prompt.";
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
        line: Bytes Detail "" "HMAC of each line, for comparison only.";
    }
}
malformed_kind!("telnet.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "telnet",
    title: "Telnet",
    source: "RFC 854",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: true,
    udp: false,
    ethertypes: &[],
    ports: &[23, 2323],
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

//! One Telnet conversation: commands out of the stream (RFC 854), text to the follower of the login.

use super::dialogue::Login;
use super::{data, option};
use crate::{Context, Dissector, Progress, Who};

/// Interpret as command.
pub(super) const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const WILL: u8 = 251;
const ECHO: u8 = 1;
/// Longest subnegotiation; what is longer has lost its end.
const PARAMETERS_LIMIT: usize = 1024; // bytes

/// The reader of one conversation.
#[derive(Default)]
pub(super) struct Reading {
    /// Bytes of the subnegotiation that each direction is within.
    parameters: [Option<usize>; 2], // bytes
    login: Login,
    /// The host is the end that the engine takes for the client: the capture began in mid-stream.
    swapped: bool,
}

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let side = usize::from(!cx.from_client);
        let mut used = 0;
        while used < data.len() {
            let left = &data[used..];
            let count = match self.parameters[side] {
                Some(count) => self.subnegotiation(side, count, left, cx),
                None if left[0] == IAC && left.get(1) != Some(&IAC) => self.command(side, left, cx),
                None => self.text(left, cx),
            };
            if count == 0 {
                break;
            }
            used += count;
        }
        Progress::Used(used)
    }

    fn gap(&mut self, from_client: bool, _lost: u64) {
        self.parameters[usize::from(!from_client)] = None;
        self.login.forget();
    }
}

impl Reading {
    /// A command: how many bytes it has, or 0 where it is not whole yet.
    fn command(&mut self, side: usize, left: &[u8], cx: &mut Context<'_>) -> usize {
        let (command, subject) = match *left {
            [_, command @ SUBNEGOTIATION..=254, subject, ..] => (command, Some(subject)),
            [_, 240..=249, ..] => (left[1], None),
            [] | [_] | [_, SUBNEGOTIATION..=254] => return 0,
            [_, ..] => {
                cx.malformed("command", "no command has this code");
                return 2;
            }
        };
        cx.fact(&option::KIND)
            .uint(option::command, command)
            .maybe_uint(option::option, subject)
            .emit_to(Who::Sender, Who::Receiver);
        if (command, subject) == (WILL, Some(ECHO)) {
            // Only the host echoes what is typed.
            self.swapped = cx.from_client;
        }
        if command == SUBNEGOTIATION {
            self.parameters[side] = Some(0);
        }
        2 + usize::from(subject.is_some())
    }

    /// Parameters up to the next command, whichever it is: SE ends them, others show that SE is missing.
    fn subnegotiation(&mut self, side: usize, count: usize, left: &[u8], cx: &mut Context<'_>) -> usize {
        let room = PARAMETERS_LIMIT.saturating_sub(count);
        if room == 0 {
            cx.malformed("subnegotiation", "no end within 1024 bytes");
            self.parameters[side] = None;
            return self.text(left, cx);
        }
        match left {
            [IAC] => 0,
            [IAC, IAC, ..] => {
                self.parameters[side] = Some(count + 2);
                2
            }
            [IAC, command, ..] => {
                self.parameters[side] = None;
                if *command != 240 {
                    cx.malformed("subnegotiation", "ended by another command than SE");
                }
                self.command(side, left, cx)
            }
            _ => {
                let end = left.iter().take(room).position(|&byte| byte == IAC);
                let taken = end.unwrap_or(left.len().min(room));
                self.parameters[side] = Some(count + taken);
                taken
            }
        }
    }

    /// Text up to the next command.
    fn text(&mut self, left: &[u8], cx: &mut Context<'_>) -> usize {
        let end = text_end(left);
        let text = &left[..end];
        if !self.login.over() {
            let known = |port| super::PROTOCOL.ports.contains(&port);
            let swapped = self.swapped || known(cx.client.port) && !known(cx.server.port);
            self.login.ends = if swapped { (Who::Server, Who::Client) } else { (Who::Client, Who::Server) };
            match cx.from_client ^ swapped {
                true => self.login.typed(text, cx),
                false => self.login.shown(text, cx),
            }
        }
        if !cx.wants_detail() {
            // Lines are told apart only where details are asked for; that something was said is told once a delivery.
            cx.fact(&data::KIND).emit_to(Who::Sender, Who::Receiver);
            return end;
        }
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_at(line_end(rest));
            let sealed = cx.secret(b"", line).hmac;
            cx.fact(&data::KIND).text(data::line, sealed).emit_to(Who::Sender, Who::Receiver);
            rest = after;
        }
        end
    }
}

/// Bytes of text before the next command; a doubled IAC is text. 0 where only half of it is there.
fn text_end(left: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr(IAC, &left[at..]) {
        at += found;
        match left.get(at + 1) {
            Some(&IAC) => at += 2,
            _ => return at,
        }
    }
    left.len()
}

/// Bytes of the line that begins here, with its end: LF, CR LF or CR NUL. A CR alone ends nothing.
fn line_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'\n', b'\r', &text[at..]) {
        at += found;
        match (text[at], text.get(at + 1)) {
            (b'\n', _) => return at + 1,
            (_, Some(0 | b'\n')) => return at + 2,
            _ => at += 1,
        }
    }
    text.len()
}

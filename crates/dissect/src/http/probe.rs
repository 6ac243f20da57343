//! Is it HTTP/1? A request or status line with `HTTP/1.` in it, whatever the port.
//!
//! Rule 1: the version decides, so RTSP, SIP, ICY and HTTP/2's preface, which have the same shape, are not claimed.
//! Rule 2: a body's middle is not a start: nothing is claimed before a start line begins the bytes.

use crate::{Hint, Probe};

/// Longest method.
const METHOD_CAP: usize = 24; // bytes
/// Longest start line that is waited for.
const LINE_CAP: usize = 8192; // bytes
const VERSION: &[u8] = b"HTTP/1.";
const METHODS: [&[u8]; 12] = [
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"CONNECT",
    b"TRACE",
    b"PATCH",
    b"PROPFIND",
    b"SUBSCRIBE",
    b"NOTIFY",
];

pub(super) fn probe(data: &[u8], _hint: &Hint) -> Probe {
    starts(data)
}

/// Do these bytes start a message?
pub(super) fn starts(data: &[u8]) -> Probe {
    match data.first() {
        None => Probe::More,
        Some(b'A'..=b'Z') if data.starts_with(VERSION) => status_line(data),
        Some(b'A'..=b'Z') => request_line(data),
        _ => Probe::No,
    }
}

fn status_line(data: &[u8]) -> Probe {
    match data.get(7..12) {
        Some([b'0'..=b'9', b' ', a, b, c]) if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) => Probe::Yes(97),
        Some(_) => Probe::No,
        None => Probe::More,
    }
}

fn request_line(data: &[u8]) -> Probe {
    if VERSION.starts_with(data) {
        return Probe::More;
    }
    let Some(space) = data.iter().take(METHOD_CAP + 1).position(|byte| *byte == b' ') else {
        let token = data.iter().take(METHOD_CAP + 1).all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
        return if token && data.len() <= METHOD_CAP { Probe::More } else { Probe::No };
    };
    let (method, rest) = data.split_at_checked(space).unwrap_or((data, &[]));
    if !method.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Probe::No;
    }
    let window = rest.get(..LINE_CAP).unwrap_or(rest);
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        let wait = rest.len() < LINE_CAP && METHODS.contains(&method) && window.iter().all(|byte| prints(*byte));
        return if wait { Probe::More } else { Probe::No };
    };
    let line = window.get(..end).unwrap_or_default().trim_ascii_end();
    match line.len().checked_sub(VERSION.len() + 2).and_then(|at| line.get(at..)) {
        Some([b' ', version @ .., b'0'..=b'9']) if version == VERSION => Probe::Yes(97),
        _ => Probe::No,
    }
}

fn prints(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f || byte == b'\r'
}

//! Credentials in requests: Basic, Digest, Bearer, log-in forms and query strings. RFC 7617, RFC 7616, RFC 6750.
//!
//! Rule 1: a password or token goes into `Context::secret` and nowhere else; its clear text lives on the stack or in
//! a buffer that is dropped here.

use super::credentials as fields;
use crate::{Context, Who};

/// Longest credential that is decoded.
const DECODED_CAP: usize = 1024; // bytes

/// Scheme of an Authorization value: its first word in lower case, and what follows.
pub(super) fn scheme(value: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (word, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
    // A value without a space may be a bare token: then only its being there is told.
    let known = word.len() <= 16 && !(rest.is_empty() && word.len() > 9);
    let name = if known { word.to_ascii_lowercase() } else { b"other".to_vec() };
    (name, rest.trim_ascii())
}

/// Tell what an Authorization or Proxy-Authorization value holds.
pub(super) fn tell(value: &[u8], cx: &mut Context<'_>) {
    let (scheme, rest) = scheme(value);
    match scheme.as_slice() {
        b"basic" => {
            let pair = base64(rest);
            match pair.iter().position(|byte| *byte == b':') {
                Some(colon) => {
                    let (user, secret) = pair.split_at_checked(colon).unwrap_or((&pair, &[]));
                    tell_pair("basic", user, secret.get(1..).unwrap_or_default(), cx);
                }
                None => cx.malformed("authorization", "no colon in basic credentials"),
            }
        }
        b"digest" => {
            if let Some(user) = parameter(rest, b"username") {
                let fact = cx.fact(&fields::KIND).text(fields::scheme, "digest").text(fields::user, user);
                fact.emit_to(Who::Sender, Who::Receiver);
            }
        }
        b"bearer" => tell_pair("bearer", b"", rest, cx),
        _ => {}
    }
}

fn tell_pair(scheme: &str, user: &[u8], secret: &[u8], cx: &mut Context<'_>) {
    let sealed = cx.secret(user, secret);
    cx.fact(&fields::KIND)
        .text(fields::scheme, scheme)
        .text(fields::user, user)
        .text(fields::secret, sealed.hmac)
        .boolean(fields::default, sealed.default)
        .emit_to(Who::Sender, Who::Receiver);
}

/// Tell the user and password of `name=value&…`; `scheme` is `form` or `query`.
pub(super) fn tell_form(scheme: &'static str, form: &[u8], cx: &mut Context<'_>) {
    let mut user = None;
    let mut secret = None;
    for pair in form.split(|byte| *byte == b'&' || *byte == b';') {
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = pair.split_at_checked(equals).unwrap_or((pair, &[]));
        let value = value.get(1..).unwrap_or_default();
        if user.is_none() && is_user(name) {
            user = Some(unescaped(value));
        } else if secret.is_none() && is_password(name) {
            secret = Some(unescaped(value));
        }
    }
    if let Some(secret) = secret {
        tell_pair(scheme, user.as_deref().unwrap_or_default(), &secret, cx);
    }
}

fn is_user(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 14] = [
        b"user",
        b"username",
        b"usr",
        b"login",
        b"loginuser",
        b"uname",
        b"name",
        b"email",
        b"account",
        b"userid",
        b"user_name",
        b"log",
        b"id",
        b"admin",
    ];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) || contains(name, b"user")
}

fn is_password(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] = [b"psw", b"pw", b"pws", b"kennwort"];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) || contains(name, b"pass") || contains(name, b"pwd")
}

/// True for the names of parameters whose values are secrets.
fn is_secret(name: &[u8]) -> bool {
    const PARTS: [&[u8]; 5] = [b"token", b"secret", b"apikey", b"api_key", b"session"];
    is_password(name) || PARTS.iter().any(|part| contains(name, part))
}

fn contains(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// The path of a request target or location: without query, fragment, path parameters, and userinfo.
pub(super) fn path(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#' | b';')).unwrap_or(target.len());
    target.get(..end).unwrap_or_default()
}

/// What follows the authority of an absolute target; other targets as they are.
pub(super) fn without_authority(target: &[u8]) -> &[u8] {
    let Some(colon) = target.windows(3).take(16).position(|window| window == b"://") else { return target };
    let rest = target.get(colon + 3..).unwrap_or_default();
    match rest.iter().position(|byte| *byte == b'/') {
        Some(slash) => rest.get(slash..).unwrap_or_default(),
        None => b"/",
    }
}

/// The query string of a target, or nothing.
pub(super) fn query(target: &[u8]) -> &[u8] {
    match target.iter().position(|byte| *byte == b'?') {
        Some(mark) => target.get(mark + 1..).unwrap_or_default(),
        None => &[],
    }
}

/// The target as sent, but with `***` for userinfo and for the values of parameters that are secrets.
pub(super) fn redacted(target: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let userinfo = userinfo(target);
    if userinfo.is_none() && query(target).is_empty() {
        return target.into();
    }
    let mut out = Vec::with_capacity(target.len());
    let rest = match userinfo {
        Some((start, end)) => {
            out.extend_from_slice(target.get(..start).unwrap_or_default());
            out.extend_from_slice(b"***");
            target.get(end..).unwrap_or_default()
        }
        None => target,
    };
    let mark = rest.iter().position(|byte| *byte == b'?').map_or(rest.len(), |at| at + 1);
    let (before, pairs) = rest.split_at_checked(mark).unwrap_or((rest, &[]));
    out.extend_from_slice(before);
    for piece in pairs.split_inclusive(|byte| *byte == b'&' || *byte == b';') {
        let name_end = piece.iter().position(|byte| *byte == b'=').unwrap_or(0);
        if name_end > 0 && is_secret(piece.get(..name_end).unwrap_or_default()) {
            out.extend_from_slice(piece.get(..=name_end).unwrap_or_default());
            out.extend_from_slice(b"***");
            out.extend(piece.last().filter(|byte| matches!(byte, b'&' | b';')));
        } else {
            out.extend_from_slice(piece);
        }
    }
    out.into()
}

/// Where the userinfo of an absolute target starts and ends (before the `@`).
fn userinfo(target: &[u8]) -> Option<(usize, usize)> {
    let start = target.windows(3).take(16).position(|window| window == b"://")? + 3;
    let authority = target.get(start..)?.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()?;
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    Some((start, start + at))
}

/// The value of `name=value` or `name="value"` in a list of parameters.
fn parameter<'a>(list: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    parameters(list).find_map(|part| {
        let equals = part.iter().position(|byte| *byte == b'=')?;
        let (key, value) = part.split_at_checked(equals)?;
        let value = value.get(1..)?.trim_ascii();
        let value = value.strip_prefix(b"\"").map_or(value, |inner| inner.strip_suffix(b"\"").unwrap_or(inner));
        key.trim_ascii().eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Parts between commas outside of quotes.
fn parameters(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    list.split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    })
}

/// A challenge without what changes each time (nonce, opaque) and without a token such as NTLM's.
pub(super) fn stable_challenge(challenge: &[u8]) -> Vec<u8> {
    let end = challenge.iter().position(|byte| *byte == b' ').unwrap_or(challenge.len());
    let (scheme, rest) = challenge.split_at_checked(end).unwrap_or((challenge, &[]));
    let mut out = scheme.to_vec();
    let mut separator: &[u8] = b" ";
    for part in parameters(rest.trim_ascii()) {
        let part = part.trim_ascii();
        let key = part.split(|byte| *byte == b'=').next().unwrap_or_default();
        let token = !part.contains(&b'=') || part.ends_with(b"=");
        if part.is_empty() || token || contains(key, b"nonce") || contains(key, b"opaque") {
            continue;
        }
        out.extend_from_slice(separator);
        out.extend_from_slice(part);
        separator = b", ";
    }
    out
}

fn unescaped(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len().min(DECODED_CAP));
    let mut rest = value;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if out.len() == DECODED_CAP {
            break;
        }
        match (byte, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            _ => out.push(*byte),
        }
    }
    out
}

fn digit(byte: u8) -> u8 {
    char::from(byte).to_digit(16).map_or(0, |value| value as u8)
}

/// RFC 4648 §4; stops at the first byte that is not of the alphabet.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bits = 0_u32;
    let mut count = 0_u32;
    for byte in text.iter().take(DECODED_CAP * 4 / 3) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = (bits << 6 | u32::from(six)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        assert_eq!(base64(b"YWRtaW46YWRtaW4="), b"admin:admin");
        assert_eq!(base64(b"YTpi"), b"a:b");
        assert_eq!(base64(b"!"), b"");
    }

    #[test]
    fn secrets_are_taken_out_of_targets() {
        let cases: [(&str, &str); 5] = [
            ("/a?b=c", "/a?b=c"),
            ("/a?user=x&pwd=hunter2&c=d", "/a?user=x&pwd=***&c=d"),
            ("/a?access_token=zzz", "/a?access_token=***"),
            ("http://me:pw@host/a", "http://***@host/a"),
            ("/a?=&&pass", "/a?=&&pass"),
        ];
        for (target, expected) in cases {
            assert_eq!(String::from_utf8_lossy(&redacted(target.as_bytes())), expected);
        }
    }

    #[test]
    fn challenges_keep_their_realm_only() {
        let challenge = b"Digest realm=\"cam, one\", nonce=\"abc\", qop=\"auth\", opaque=\"1\"";
        assert_eq!(stable_challenge(challenge), b"Digest realm=\"cam, one\", qop=\"auth\"");
        assert_eq!(stable_challenge(b"NTLM TlRMTVNTUAAC="), b"NTLM");
        assert_eq!(stable_challenge(b"Basic realm=\"x\""), b"Basic realm=\"x\"");
    }

    #[test]
    fn paths_hold_no_query() {
        assert_eq!(path(b"/a/b;x=1?c#d"), b"/a/b");
        assert_eq!(path(without_authority(b"http://u:p@h:80/a?b")), b"/a");
        assert_eq!(without_authority(b"http://h"), b"/");
    }
}

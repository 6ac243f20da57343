//! ClientHello and ServerHello: RFC 8446 §4.1, RFC 5246 §7.4.1; extensions RFC 6066, RFC 7301; SSL 2.0 shape RFC 5246 §E.2.

use super::{client_hello, ja4, server_hello};
use crate::{Context, Who};
use ringfence_wire::Reader;
use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// What each GREASE value is shown as.
const GREASE: u16 = 0x0a0a;

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 §4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What of a hello could be read.
#[derive(Default)]
struct Hello<'a> {
    version: u16,
    retry: bool,
    ciphers: Vec<u16>,
    extensions: &'a [u8],
    /// False where something is missing, so that no fingerprint can be taken.
    whole: bool,
}

/// What of the extensions could be read.
#[derive(Default)]
struct Extensions<'a> {
    kinds: Vec<u16>,
    server_name: Option<&'a [u8]>,
    alpn: Vec<&'a [u8]>,
    versions: Vec<u16>,
    groups: Vec<u16>,
    algorithms: Vec<u16>,
    fault: Option<&'static str>,
}

/// A ClientHello; `whole` is false where the capture cut it short.
pub(super) fn client(body: &[u8], whole: bool, cx: &mut Context<'_>) {
    let hello = match parse_tls_handshake_client_hello(body) {
        Ok((rest, contents)) => Hello {
            version: contents.version.0,
            ciphers: contents.ciphers.iter().map(|cipher| cipher.0).collect(),
            // A length past the message makes the parser leave the extensions over.
            extensions: contents.ext.unwrap_or(rest.get(2..).unwrap_or_default()),
            whole: whole && (contents.ext.is_some() || rest.is_empty()),
            retry: false,
        },
        Err(_) => salvage_client(body),
    };
    if !hello.whole && whole {
        cx.malformed("client_hello", "a length inside points past the end");
    }
    if hello.version != 0 {
        emit_client(&hello, cx);
    }
}

/// Read what can be read of a ClientHello that the parser refuses.
fn salvage_client(body: &[u8]) -> Hello<'_> {
    let mut r = Reader::new(body);
    let mut hello = Hello { version: r.u16().unwrap_or(0), ..Hello::default() };
    let _ = r.skip(32).and_then(|()| r.u8()).and_then(|length| r.skip(usize::from(length)));
    if let Some(length) = r.u16() {
        let bytes = r.take(usize::from(length).min(r.left())).unwrap_or_default();
        hello.ciphers = pairs(bytes);
    }
    let skipped = r.u8().and_then(|length| r.skip(usize::from(length)));
    if skipped.and_then(|()| r.u16()).is_some() {
        hello.extensions = r.rest();
    }
    hello
}

fn emit_client(hello: &Hello<'_>, cx: &mut Context<'_>) {
    let found = extensions(hello.extensions, true);
    let print = (hello.whole && found.fault.is_none()).then(|| {
        ja4::fingerprint(&ja4::Input {
            version: hello.version,
            supported_versions: &found.versions,
            ciphers: &hello.ciphers,
            extensions: &found.kinds,
            signature_algorithms: &found.algorithms,
            alpn: found.alpn.first().copied(),
        })
    });
    let mut kinds: Vec<u16> = steady(&found.kinds).collect();
    kinds.sort_unstable();
    let detail = cx.wants_detail();
    let fact = cx
        .fact(&client_hello::KIND)
        .uint(client_hello::version, hello.version)
        .maybe_text(client_hello::server_name, found.server_name)
        .texts(client_hello::alpn, &found.alpn)
        .uints(client_hello::supported_versions, steady(&found.versions))
        .uints(client_hello::ciphers, steady(&hello.ciphers))
        .uints(client_hello::extensions, kinds)
        .uints(client_hello::groups, steady(&found.groups))
        .uints(client_hello::signature_algorithms, steady(&found.algorithms))
        .maybe_text(client_hello::ja4, print);
    let fact = match detail {
        true => fact
            .uints(client_hello::offered_versions, found.versions.iter().copied())
            .uints(client_hello::offered_ciphers, hello.ciphers.iter().copied())
            .uints(client_hello::offered_groups, found.groups.iter().copied())
            .uints(client_hello::offered_extensions, found.kinds.iter().copied()),
        false => fact,
    };
    fact.emit_to(Who::Sender, Who::Receiver);
    if let Some(field) = found.fault {
        cx.malformed(field, "a length inside points past the end");
    }
}

/// A ServerHello or HelloRetryRequest.
pub(super) fn server(body: &[u8], cx: &mut Context<'_>) {
    let draft = matches!(body, [0x7f, 0..=0x15, ..]);
    let hello = match parse_tls_handshake_server_hello(body) {
        Ok((rest, contents)) if !draft => Hello {
            version: contents.version.0,
            retry: contents.random == RETRY_RANDOM,
            ciphers: vec![contents.cipher.0],
            extensions: contents.ext.unwrap_or(rest.get(2..).unwrap_or_default()),
            whole: contents.ext.is_some() || rest.is_empty(),
        },
        _ => salvage_server(body, draft),
    };
    if !hello.whole {
        cx.malformed("server_hello", "a length inside points past the end");
    }
    if hello.version != 0 {
        emit_server(&hello, cx);
    }
}

/// A HelloRetryRequest as drafts 15 to 21 of TLS 1.3 had it: version, cipher suite (from draft 19), extensions.
pub(super) fn draft_retry(body: &[u8], cx: &mut Context<'_>) {
    let mut r = Reader::new(body);
    let version = r.u16().unwrap_or(0);
    let mut hello = Hello { version, retry: true, ..Hello::default() };
    if version >= 0x7f13 {
        hello.ciphers.extend(r.u16());
    }
    if r.u16().is_some() {
        hello.extensions = r.rest();
    }
    emit_server(&hello, cx);
}

/// Read what can be read of a ServerHello that the parser refuses, or one of a draft without session id.
fn salvage_server(body: &[u8], draft: bool) -> Hello<'_> {
    let mut r = Reader::new(body);
    let mut hello = Hello { version: r.u16().unwrap_or(0), ..Hello::default() };
    hello.retry = r.take(32) == Some(&RETRY_RANDOM);
    if !draft {
        let _ = r.u8().and_then(|length| r.skip(usize::from(length)));
    }
    hello.ciphers.extend(r.u16());
    let skipped = if draft { Some(()) } else { r.skip(1) };
    if skipped.and_then(|()| r.u16()).is_some() {
        hello.extensions = r.rest();
        hello.whole = draft;
    }
    hello
}

fn emit_server(hello: &Hello<'_>, cx: &mut Context<'_>) {
    let found = extensions(hello.extensions, false);
    let selected = found.versions.first().copied();
    cx.fact(&server_hello::KIND)
        .uint(server_hello::version, selected.unwrap_or(hello.version))
        .uint(server_hello::legacy_version, hello.version)
        .maybe_uint(server_hello::cipher, hello.ciphers.first().copied())
        .maybe_text(server_hello::alpn, found.alpn.first())
        .uints(server_hello::extensions, found.kinds.iter().copied())
        .boolean(server_hello::retry, hello.retry)
        .maybe_uint(server_hello::selected_version, selected)
        .uints(server_hello::groups, found.groups.iter().copied())
        .emit_to(Who::Sender, Who::Receiver);
    if let Some(field) = found.fault {
        cx.malformed(field, "a length inside points past the end");
    }
}

/// Values as a key field shows them: the same for every hello of one client.
fn steady(values: &[u16]) -> impl Iterator<Item = u16> + '_ {
    values.iter().map(|&value| if ja4::is_grease(value) { GREASE } else { value })
}

fn pairs(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// Walk the extensions; what is cut short is read as far as it goes and named in `fault`.
fn extensions(bytes: &[u8], from_client: bool) -> Extensions<'_> {
    let mut r = Reader::new(bytes);
    let mut found = Extensions::default();
    while let Some(kind) = r.u16() {
        found.kinds.push(kind);
        let length = r.u16().map_or(usize::MAX, usize::from);
        let content = r.take(length.min(r.left())).unwrap_or_default();
        if content.len() < length {
            found.fault = Some("extensions");
        }
        if extension(kind, content, from_client, &mut found).is_none() {
            found.fault = Some("extensions");
        }
    }
    if !r.is_empty() {
        found.fault = Some("extensions");
    }
    found
}

/// One extension. `None` where a length inside it points past its end.
fn extension<'a>(kind: u16, content: &'a [u8], from_client: bool, found: &mut Extensions<'a>) -> Option<()> {
    let mut r = Reader::new(content);
    match kind {
        SERVER_NAME if from_client && !content.is_empty() => {
            let length = usize::from(r.u16()?);
            let mut names = Reader::new(r.take(length)?);
            while let Some(name_type) = names.u8() {
                let length = usize::from(names.u16()?);
                let name = names.take(length)?;
                if name_type == 0 && found.server_name.is_none() {
                    found.server_name = Some(name);
                }
            }
        }
        SUPPORTED_GROUPS => found.groups = pairs(listed16(&mut r)?),
        SIGNATURE_ALGORITHMS => found.algorithms = pairs(listed16(&mut r)?),
        ALPN => {
            let mut names = Reader::new(listed16(&mut r)?);
            while let Some(length) = names.u8() {
                found.alpn.push(names.take(usize::from(length))?);
            }
        }
        SUPPORTED_VERSIONS if from_client => {
            let length = usize::from(r.u8()?);
            found.versions = pairs(r.take(length)?);
        }
        SUPPORTED_VERSIONS => found.versions = vec![r.u16()?],
        _ => {}
    }
    Some(())
}

fn listed16<'a>(r: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = usize::from(r.u16()?);
    r.take(length)
}

/// Bytes of such a hello up to its cipher kinds.
pub(super) const SSL2_HEAD: usize = 11; // bytes

/// Bytes of a ClientHello in the shape of SSL 2.0 that begins here; `None` where none does.
pub(super) fn ssl2_length(data: &[u8]) -> Option<usize> {
    let mut r = Reader::new(data);
    let (length, kind, major, minor) = (r.u16()?, r.u8()?, r.u8()?, r.u8()?);
    let (ciphers, session, challenge) = (r.u16()?, r.u16()?, r.u16()?);
    let length = usize::from(length & 0x7fff);
    let sum = 9 + usize::from(ciphers) + usize::from(session) + usize::from(challenge);
    let version = matches!((major, minor), (0, 2) | (3, 0..=4));
    let lengths = ciphers > 0 && ciphers % 3 == 0 && matches!(session, 0 | 16) && (16..=32).contains(&challenge);
    (kind == 1 && data.first()? & 0x80 != 0 && version && lengths && length == sum).then_some(length + 2)
}

/// The hello that `ssl2_length` found whole.
pub(super) fn ssl2_client(data: &[u8], cx: &mut Context<'_>) {
    let mut r = Reader::new(data);
    let _ = r.skip(3);
    let version = r.u16().unwrap_or(0);
    let length = usize::from(r.u16().unwrap_or(0));
    let _ = r.skip(4);
    let bytes = r.take(length).unwrap_or_default();
    let kinds = bytes.chunks_exact(3).map(|kind| u32::from_be_bytes([0, kind[0], kind[1], kind[2]]));
    cx.fact(&client_hello::KIND)
        .uint(client_hello::version, version)
        .uints(client_hello::ciphers, kinds)
        .emit_to(Who::Sender, Who::Receiver);
}

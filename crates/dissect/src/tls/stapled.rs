//! Stapled OCSP responses: the responder's certificates. RFC 6066 §8, RFC 6960 §4.2.1.

use super::{stapled_certificate, x509};
use crate::{Context, Who};
use ringfence_wire::Reader;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::prelude::FromDer;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
/// `[0]` explicit: responseBytes in an OCSPResponse, certs in a BasicOCSPResponse.
const FIRST: u8 = 0xa0;
/// Most certificates of one response that are read.
const CERTIFICATE_LIMIT: usize = 8;

/// A CertificateStatus message. What is no OCSP response is left alone: nothing here is about the server itself.
pub(super) fn status(body: &[u8], cx: &mut Context<'_>) {
    let mut r = Reader::new(body);
    let (Some(1), Some(length)) = (r.u8(), r.u24()) else {
        return;
    };
    let Some(response) = r.take(length as usize) else {
        cx.malformed("certificate_status", "a length inside points past the end");
        return;
    };
    let mut list = certificates(response).unwrap_or_default();
    for _ in 0..CERTIFICATE_LIMIT {
        let whole = list;
        if child(&mut list, SEQUENCE).is_none() {
            return;
        }
        one(&whole[..whole.len() - list.len()], cx);
    }
}

/// The contents of `certs` in the BasicOCSPResponse.
fn certificates(mut response: &[u8]) -> Option<&[u8]> {
    let mut outer = child(&mut response, SEQUENCE)?;
    let mut bytes = child(&mut outer, FIRST)?;
    let mut typed = child(&mut bytes, SEQUENCE)?;
    let mut octets = child(&mut typed, OCTET_STRING)?;
    let mut basic = child(&mut octets, SEQUENCE)?;
    // tbsResponseData is a SEQUENCE too; certs is the only [0] at this level.
    let mut certs = child(&mut basic, FIRST)?;
    child(&mut certs, SEQUENCE)
}

/// The contents of the first element with this tag at this level; `data` goes on behind it.
fn child<'a>(data: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    loop {
        let (tag, content) = element(data)?;
        if tag == wanted {
            return Some(content);
        }
    }
}

/// One element in DER with a definite length.
fn element<'a>(data: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let mut r = Reader::new(data);
    let tag = r.u8()?;
    let length = match r.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(r.u8()?),
        0x82 => usize::from(r.u16()?),
        0x83 => r.u24()? as usize,
        _ => return None,
    };
    let content = r.take(length)?;
    *data = r.rest();
    Some((tag, content))
}

fn one(der: &[u8], cx: &mut Context<'_>) {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        cx.malformed("stapled_certificate", "not a certificate in DER");
        return;
    };
    let (from, to) = (parsed.validity().not_before, parsed.validity().not_after);
    let names = x509::names(&parsed);
    let detail = cx.wants_detail();
    let fact = cx
        .fact(&stapled_certificate::KIND)
        .text(stapled_certificate::subject, super::name::text(parsed.subject()))
        .text(stapled_certificate::issuer, super::name::text(parsed.issuer()))
        .text(stapled_certificate::serial, parsed.raw_serial())
        .time(stapled_certificate::not_before, x509::nanoseconds(&from))
        .time(stapled_certificate::not_after, x509::nanoseconds(&to))
        .text(stapled_certificate::sha256, Sha256::digest(der));
    let fact = match detail {
        true => fact
            .texts(stapled_certificate::utf8_strings, x509::strings(&names, Tag::Utf8String))
            .texts(stapled_certificate::printable_strings, x509::strings(&names, Tag::PrintableString))
            .texts(stapled_certificate::utc_times, [from, to].iter().filter(|time| time.is_utctime()).map(x509::shown)),
        false => fact,
    };
    fact.emit(Who::Sender);
}

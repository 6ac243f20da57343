//! Certificates sent in clear, and the names a server asks for. RFC 5246 §7.4.2 and §7.4.4, RFC 5280.

use super::{certificate, certificate_request, name};
use crate::{Context, Who};
use ringfence_wire::Reader;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

/// Most certificates of one chain that are read.
const CHAIN_LIMIT: usize = 16;
/// Most names of a CertificateRequest that are read.
const NAMES_LIMIT: usize = 64;

const KEY_TYPES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", "rsa"),
    ("1.2.840.113549.1.1.10", "rsa-pss"),
    ("1.2.840.10045.2.1", "ec"),
    ("1.2.840.10040.4.1", "dsa"),
    ("1.3.101.112", "ed25519"),
    ("1.3.101.113", "ed448"),
];

const CURVES: &[(&str, u64)] = &[
    ("1.2.840.10045.3.1.1", 192),
    ("1.3.132.0.33", 224),
    ("1.2.840.10045.3.1.7", 256),
    ("1.3.132.0.10", 256),
    ("1.3.132.0.34", 384),
    ("1.3.132.0.35", 521),
    ("1.3.36.3.3.2.8.1.1.7", 256),
    ("1.3.36.3.3.2.8.1.1.11", 384),
    ("1.3.36.3.3.2.8.1.1.13", 512),
];

const SIGNATURES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.2.840.10040.4.3", "dsa-with-SHA1"),
    ("2.16.840.1.101.3.4.3.2", "dsa-with-SHA256"),
    ("1.3.101.112", "ed25519"),
    ("1.3.101.113", "ed448"),
];

/// A Certificate message: a list of DER certificates, leaf first.
pub(super) fn chain(body: &[u8], cx: &mut Context<'_>) {
    let mut r = Reader::new(body);
    let Some(length) = r.u24() else {
        cx.malformed("certificate_list", "shorter than its length");
        return;
    };
    if length as usize > r.left() {
        cx.malformed("certificate_list", "a length inside points past the end");
    }
    let mut list = Reader::new(r.take((length as usize).min(r.left())).unwrap_or_default());
    for position in 0..CHAIN_LIMIT {
        if list.is_empty() {
            return;
        }
        match list.u24().and_then(|length| list.take(length as usize)) {
            Some(der) => one(position, der, cx),
            None => return cx.malformed("certificate_list", "a length inside points past the end"),
        }
    }
}

fn one(position: usize, der: &[u8], cx: &mut Context<'_>) {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        cx.malformed("certificate", "not a certificate in DER");
        return;
    };
    let (dns_names, ip_names) = alternative_names(&parsed);
    let (subject, issuer) = (parsed.subject(), parsed.issuer());
    let key = parsed.public_key();
    let (from, to) = (parsed.validity().not_before, parsed.validity().not_after);
    let detail = cx.wants_detail();
    let names = names(&parsed);
    let fact = cx
        .fact(&certificate::KIND)
        .uint(certificate::position, position as u64)
        .text(certificate::subject, name::text(subject))
        .text(certificate::issuer, name::text(issuer))
        .maybe_text(certificate::common_name, attribute(subject.iter_common_name().last()))
        .maybe_text(certificate::organization, attribute(subject.iter_organization().last()))
        .maybe_text(certificate::issuer_common_name, attribute(issuer.iter_common_name().last()))
        .text(certificate::serial, parsed.raw_serial())
        .time(certificate::not_before, nanoseconds(&from))
        .time(certificate::not_after, nanoseconds(&to))
        .texts(certificate::dns_names, dns_names)
        .texts(certificate::ip_names, ip_names)
        .text(certificate::key_type, known(KEY_TYPES, &key.algorithm.algorithm.to_id_string()))
        .maybe_uint(certificate::key_bits, key_bits(key))
        .text(certificate::signature, known(SIGNATURES, &parsed.signature_algorithm.algorithm.to_id_string()))
        .boolean(certificate::self_signed, subject.as_raw() == issuer.as_raw())
        .text(certificate::sha256, Sha256::digest(der));
    let fact = match detail {
        true => fact
            .texts(certificate::utf8_strings, strings(&names, Tag::Utf8String))
            .texts(certificate::printable_strings, strings(&names, Tag::PrintableString))
            .texts(certificate::utc_times, [from, to].iter().filter(|time| time.is_utctime()).map(shown)),
        false => fact,
    };
    fact.emit(Who::Sender);
}

/// A CertificateRequest of TLS 1.2 and older: types, (signature algorithms,) names of authorities.
pub(super) fn request(body: &[u8], cx: &mut Context<'_>) {
    // TLS 1.0 and 1.1 have no signature algorithms: whichever reading ends with the message is right.
    let Some(list) = authorities(body, true).or_else(|| authorities(body, false)) else {
        cx.malformed("certificate_request", "a length inside points past the end");
        return;
    };
    let mut r = Reader::new(list);
    let mut names = Vec::new();
    while let (Some(length), true) = (r.u16(), names.len() < NAMES_LIMIT) {
        match r.take(usize::from(length)).map(X509Name::from_der) {
            Some(Ok((_, name))) => names.push(name),
            _ => cx.malformed("certificate_authorities", "not a name in DER"),
        }
    }
    let all: Vec<&X509Name<'_>> = names.iter().collect();
    let detail = cx.wants_detail();
    let fact =
        cx.fact(&certificate_request::KIND).texts(certificate_request::authorities, names.iter().map(name::text));
    let fact = match detail {
        true => fact
            .texts(certificate_request::utf8_strings, strings(&all, Tag::Utf8String))
            .texts(certificate_request::printable_strings, strings(&all, Tag::PrintableString)),
        false => fact,
    };
    fact.emit(Who::Sender);
}

/// The list of names, where the message ends with it.
fn authorities(body: &[u8], with_algorithms: bool) -> Option<&[u8]> {
    let mut r = Reader::new(body);
    let types = r.u8()?;
    r.skip(usize::from(types))?;
    if with_algorithms {
        let algorithms = r.u16()?;
        r.skip(usize::from(algorithms))?;
    }
    let length = usize::from(r.u16()?);
    (length == r.left()).then_some(r.rest())
}

fn attribute(value: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>) -> Option<String> {
    value.map(|value| name::decoded(value.attr_value()))
}

pub(super) fn strings<'a>(names: &[&'a X509Name<'a>], tag: Tag) -> Vec<&'a [u8]> {
    names.iter().flat_map(|name| name::directory_strings(name, tag)).collect()
}

fn known(names: &[(&str, &'static str)], dotted: &str) -> String {
    names.iter().find(|(id, _)| *id == dotted).map_or(dotted, |(_, name)| *name).to_owned()
}

/// Every distinguished name in a certificate: issuer, subject and those inside extensions.
pub(super) fn names<'a>(parsed: &'a X509Certificate<'a>) -> Vec<&'a X509Name<'a>> {
    let mut names = vec![parsed.issuer(), parsed.subject()];
    let mut general = |list: &'a [GeneralName<'a>]| {
        names.extend(list.iter().filter_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(name),
            _ => None,
        }));
    };
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => general(&names.general_names),
            ParsedExtension::IssuerAlternativeName(names) => general(&names.general_names),
            ParsedExtension::AuthorityKeyIdentifier(key) => {
                general(key.authority_cert_issuer.as_deref().unwrap_or(&[]))
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                for point in &points.points {
                    if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                        general(names);
                    }
                }
            }
            _ => {}
        }
    }
    names
}

fn alternative_names<'a>(parsed: &'a X509Certificate<'a>) -> (Vec<&'a str>, Vec<&'a [u8]>) {
    let (mut dns, mut ip) = (Vec::new(), Vec::new());
    if let Ok(Some(extension)) = parsed.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => dns.push(*name),
                GeneralName::IPAddress(address) if matches!(address.len(), 4 | 16) => ip.push(*address),
                _ => {}
            }
        }
    }
    (dns, ip)
}

fn key_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<u64> {
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    if let Some(curve) = curve.map(|curve| curve.to_id_string()) {
        if let Some((_, bits)) = CURVES.iter().find(|(id, _)| *id == curve) {
            return Some(*bits);
        }
    }
    match key.algorithm.algorithm.to_id_string().as_str() {
        "1.3.101.112" => Some(256),
        "1.3.101.113" => Some(456),
        _ => key.parsed().ok().map(|parsed| parsed.key_size() as u64).filter(|&bits| bits > 0),
    }
}

pub(super) fn nanoseconds(time: &ASN1Time) -> i64 {
    time.timestamp().saturating_mul(1_000_000_000)
}

pub(super) fn shown(time: &ASN1Time) -> String {
    let moment = time.to_datetime();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} (UTC)",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

//! What a resource record says, in the form the kinds have room for. RFC 1035 §3.3, RFC 2782, RFC 3596.
//!
//! Rule 1: a record whose data can't be read still has an owner, a type and a time to live.

use domain::base::iana::Rtype;
use domain::base::name::ParsedName;
use domain::base::rdata::{ParseRecordData, UnknownRecordData};
use domain::base::ParsedRecord;
use domain::rdata::{Aaaa, Cname, Dname, Mx, Ns, Ptr, Soa, Srv, A};
use ringfence_wire::Reader;

type Name<'a> = ParsedName<&'a [u8]>;

/// A record's data.
pub(super) enum Content<'a> {
    /// A type that carries nothing that is kept, or no data (deletions in updates).
    Nothing,
    /// A.
    V4([u8; 4]),
    /// AAAA.
    V6([u8; 16]),
    /// CNAME, DNAME, PTR, NS, MX; SOA's primary server.
    Target(Name<'a>),
    /// SRV.
    Service(Name<'a>, u16),
    /// TXT, SPF, HINFO: strings with a length byte each.
    Strings(&'a [u8]),
    /// The data can't be read.
    Faulty,
}

/// Read the data of `record`.
pub(super) fn content<'a>(record: &ParsedRecord<'a, [u8]>) -> Content<'a> {
    if record.rdlen() == 0 {
        return Content::Nothing;
    }
    match record.rtype() {
        Rtype::A => data::<A>(record).map_or(Content::Faulty, |a| Content::V4(a.addr().octets())),
        Rtype::AAAA => data::<Aaaa>(record).map_or(Content::Faulty, |a| Content::V6(a.addr().octets())),
        Rtype::CNAME => target(data::<Cname<Name<'a>>>(record).map(Cname::into_cname)),
        Rtype::DNAME => target(data::<Dname<Name<'a>>>(record).map(Dname::into_dname)),
        Rtype::PTR => target(data::<Ptr<Name<'a>>>(record).map(Ptr::into_ptrdname)),
        Rtype::NS => target(data::<Ns<Name<'a>>>(record).map(Ns::into_nsdname)),
        Rtype::MX => target(data::<Mx<Name<'a>>>(record).map(|mx| *mx.exchange())),
        Rtype::SOA => target(data::<Soa<Name<'a>>>(record).map(|soa| *soa.mname())),
        Rtype::SRV => {
            data::<Srv<Name<'a>>>(record).map_or(Content::Faulty, |srv| Content::Service(*srv.target(), srv.port()))
        }
        Rtype::TXT | Rtype::SPF | Rtype::HINFO => data::<UnknownRecordData<&'a [u8]>>(record)
            .map_or(Content::Faulty, |unknown| Content::Strings(unknown.data())),
        _ => Content::Nothing,
    }
}

fn data<'a, D: ParseRecordData<'a, [u8]>>(record: &ParsedRecord<'a, [u8]>) -> Option<D> {
    record.to_record::<D>().ok().flatten().map(|record| record.into_data())
}

fn target(name: Option<Name<'_>>) -> Content<'_> {
    name.map_or(Content::Faulty, Content::Target)
}

/// The strings of `data`, empty ones left out (RFC 6763 §6.4); ends at the first whose length is wrong.
pub(super) fn strings(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(data);
    std::iter::from_fn(move || {
        let length = reader.u8()?;
        reader.take(usize::from(length))
    })
    .filter(|text| !text.is_empty())
}

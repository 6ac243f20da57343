//! What a device says it is: the List Identity item, and the Identity object. CIP Vol. 2 §2-4.2, Vol. 1 §5A-2.

use super::path::Target;
use super::{cip_identity, identity as listed_identity};
use crate::{Context, Who};
use ringfence_wire::Reader;

/// Attributes of the Identity object, as far as an answer tells them.
#[derive(Default)]
struct Identity<'a> {
    vendor: Option<u16>,
    device_type: Option<u16>,
    product_code: Option<u16>,
    revision: Option<(u8, u8)>,
    status: Option<u16>,
    serial: Option<u32>,
    name: Option<&'a [u8]>,
}

impl<'a> Identity<'a> {
    /// Read one attribute. `None` where it is cut short or of unknown size.
    fn attribute(&mut self, number: u32, reader: &mut Reader<'a>) -> Option<()> {
        match number {
            1 => self.vendor = Some(reader.u16_le()?),
            2 => self.device_type = Some(reader.u16_le()?),
            3 => self.product_code = Some(reader.u16_le()?),
            4 => self.revision = Some((reader.u8()?, reader.u8()?)),
            5 => self.status = Some(reader.u16_le()?),
            6 => self.serial = Some(reader.u32_le()?),
            7 => {
                let length = usize::from(reader.u8()?);
                self.name = Some(reader.take(length)?);
            }
            _ => return None,
        }
        Some(())
    }

    fn all(reader: &mut Reader<'a>) -> (Self, bool) {
        let mut identity = Identity::default();
        let whole = (1..=7).all(|number| identity.attribute(number, reader).is_some());
        (identity, whole)
    }

    /// Attributes each with its own status, as a list answer has them.
    fn list(reader: &mut Reader<'a>) -> Self {
        let mut identity = Identity::default();
        for _ in 0..reader.u16_le().unwrap_or(0) {
            let (Some(number), Some(status)) = (reader.u16_le(), reader.u16_le()) else { break };
            if status == 0 && identity.attribute(u32::from(number), reader).is_none() {
                break;
            }
        }
        identity
    }

    /// True where nothing tells who the device is; a status word alone does not.
    fn is_empty(&self) -> bool {
        self.vendor.is_none()
            && self.device_type.is_none()
            && self.product_code.is_none()
            && self.revision.is_none()
            && self.serial.is_none()
            && self.name.is_none()
    }
}

/// An item of an answer to List Identity.
pub(super) fn listed(data: &[u8], cx: &mut Context<'_>) {
    let mut reader = Reader::new(data);
    // Encapsulation version, then a socket address: family, port, address, zeros.
    let address = reader.skip(6).and_then(|()| reader.array::<4>());
    if reader.skip(8).is_none() {
        cx.malformed("identity", "socket address cut short");
        return;
    }
    let (identity, whole) = Identity::all(&mut reader);
    if !whole {
        cx.malformed("identity", "cut short");
    }
    let revision = identity.revision.map(|(major, minor)| format!("{major}.{minor}"));
    cx.fact(&listed_identity::KIND)
        .maybe_uint(listed_identity::vendor_id, identity.vendor)
        .maybe_uint(listed_identity::device_type, identity.device_type)
        .maybe_uint(listed_identity::product_code, identity.product_code)
        .maybe_text(listed_identity::revision, revision)
        .maybe_uint(listed_identity::status, identity.status)
        .maybe_uint(listed_identity::serial, identity.serial)
        .maybe_text(listed_identity::product_name, identity.name)
        .maybe_uint(listed_identity::state, reader.u8())
        .maybe_text(listed_identity::ip, address)
        .emit(Who::Sender);
}

/// A successful answer of the Identity object.
pub(super) fn answered(service: u8, target: &Target, data: &[u8], route: &[u8], cx: &mut Context<'_>) {
    if target.instances.last() == Some(0) {
        // Instance 0 is the class itself.
        return;
    }
    let mut reader = Reader::new(data);
    let identity = match service {
        0x01 => Identity::all(&mut reader).0,
        0x03 => Identity::list(&mut reader),
        0x0e => {
            let mut identity = Identity::default();
            let _ = identity.attribute(target.attributes.last().unwrap_or(0), &mut reader);
            identity
        }
        _ => return,
    };
    if identity.is_empty() {
        return;
    }
    let revision = identity.revision.map(|(major, minor)| format!("{major}.{minor}"));
    cx.fact(&cip_identity::KIND)
        .maybe_uint(cip_identity::vendor_id, identity.vendor)
        .maybe_uint(cip_identity::device_type, identity.device_type)
        .maybe_uint(cip_identity::product_code, identity.product_code)
        .maybe_text(cip_identity::revision, revision)
        .maybe_uint(cip_identity::status, identity.status)
        .maybe_uint(cip_identity::serial, identity.serial)
        .maybe_text(cip_identity::product_name, identity.name)
        .maybe_text(cip_identity::path, Some(route).filter(|route| !route.is_empty()))
        .emit(Who::Sender);
}

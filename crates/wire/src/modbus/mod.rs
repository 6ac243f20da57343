//! Modbus/TCP application data units. Modbus Messaging on TCP/IP V1.0b, Modbus Application Protocol V1.1b3.
//!
//! Rule 1: `decode` never refuses a PDU because its content is odd: it answers what can be read and the fault beside it,
//! so that a sensor sees everything and a gateway can refuse on any fault.
//! Rule 2: what was decoded without a fault encodes to the same bytes.

mod file;
mod names;
mod request;
mod response;
mod shape;
#[cfg(test)]
mod tests;

pub use file::{file_contents, file_records, FileRecord};
pub use names::{diagnostic_name, exception_name, function_name};
pub use request::Request;
pub use response::{DeviceObjects, Response};
pub use shape::{request_shape, response_shape, Shape, SHAPE_BYTES};

use crate::Reader;

/// Length of the MBAP header.
pub const HEADER: usize = 7; // bytes
/// Longest PDU of the specification.
pub const PDU_LIMIT: usize = 253; // bytes
/// Longest PDU of function 90, with which Schneider Electric's controllers carry frames over the specified limit.
pub const UMAS_PDU_LIMIT: usize = 1100; // bytes
/// The bit of the function code that marks an exception.
pub const EXCEPTION: u8 = 0x80;

/// What is wrong with a unit: the field at fault and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Field at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Fault {
    pub(crate) const fn new(field: &'static str, reason: &'static str) -> Self {
        Fault { field, reason }
    }
}

/// The table that an address is of. Addresses are zero-based PDU addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Read and written bits.
    Coil,
    /// Read-only bits.
    Discrete,
    /// Read-only registers.
    Input,
    /// Read and written registers.
    Holding,
}

impl Table {
    /// The table that a public function works on.
    #[inline]
    pub fn of_function(function: u8) -> Option<Table> {
        match function {
            1 | 5 | 15 => Some(Table::Coil),
            2 => Some(Table::Discrete),
            3 | 6 | 16 | 22 | 23 | 24 => Some(Table::Holding),
            4 => Some(Table::Input),
            _ => None,
        }
    }

    /// `coil`, `discrete`, `input` or `holding`.
    #[inline]
    pub fn name(self) -> &'static str {
        match self {
            Table::Coil => "coil",
            Table::Discrete => "discrete",
            Table::Input => "input",
            Table::Holding => "holding",
        }
    }
}

/// The MBAP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Transaction identifier.
    pub transaction: u16,
    /// Protocol identifier: 0 is Modbus.
    pub protocol: u16,
    /// Bytes that follow, the unit identifier among them.
    pub length: u16,
    /// Unit identifier.
    pub unit: u8,
}

impl Header {
    /// The first seven bytes of `data`, unchecked.
    #[inline]
    pub fn decode(data: &[u8]) -> Option<Header> {
        let head = data.first_chunk::<HEADER>()?;
        Some(Header {
            transaction: u16::from_be_bytes([head[0], head[1]]),
            protocol: u16::from_be_bytes([head[2], head[3]]),
            length: u16::from_be_bytes([head[4], head[5]]),
            unit: head[6],
        })
    }

    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER] {
        let (t, p, l) = (self.transaction.to_be_bytes(), self.protocol.to_be_bytes(), self.length.to_be_bytes());
        [t[0], t[1], p[0], p[1], l[0], l[1], self.unit]
    }

    /// Length of the whole unit, header included.
    #[inline]
    pub fn total(&self) -> usize {
        usize::from(self.length) + HEADER - 1
    }

    /// Say what is wrong with the header of a PDU that begins with `function`.
    #[inline]
    pub fn check(&self, function: u8) -> Result<(), Fault> {
        if self.protocol != 0 {
            return Err(Fault::new("protocol_id", "not zero"));
        }
        if self.length < 2 {
            return Err(Fault::new("length", "no room for a function code"));
        }
        let limit = if function & !EXCEPTION == 90 { UMAS_PDU_LIMIT } else { PDU_LIMIT };
        if usize::from(self.length) > limit + 1 {
            return Err(Fault::new("length", "longer than a PDU may be"));
        }
        Ok(())
    }
}

/// An application data unit: header and PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adu<'a> {
    /// The header.
    pub header: Header,
    /// Function code and what follows it; never empty.
    pub pdu: &'a [u8],
}

impl<'a> Adu<'a> {
    /// Read the unit at the front of `data`; `Ok(None)` where bytes are missing.
    #[inline]
    pub fn decode(data: &'a [u8]) -> Result<Option<Adu<'a>>, Fault> {
        let (Some(header), Some(&function)) = (Header::decode(data), data.get(HEADER)) else {
            // A header that is wrong already is said at once: what it promises may never come.
            return match Header::decode(data) {
                Some(header) => header.check(90).map(|()| None),
                None => Ok(None),
            };
        };
        header.check(function)?;
        Ok(data.get(HEADER..header.total()).map(|pdu| Adu { header, pdu }))
    }

    /// A unit made of its parts; the length follows from the PDU. `None` where the PDU is empty or too long.
    pub fn new(transaction: u16, unit: u8, pdu: &'a [u8]) -> Option<Adu<'a>> {
        let header = Header { transaction, protocol: 0, length: u16::try_from(pdu.len() + 1).ok()?, unit };
        header.check(*pdu.first()?).ok()?;
        Some(Adu { header, pdu })
    }

    /// Function code without the exception bit.
    #[inline]
    pub fn function(&self) -> u8 {
        self.pdu.first().map_or(0, |function| function & !EXCEPTION)
    }

    /// Write the unit to the front of `out`; answers its length, or `None` where `out` is too short.
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(out);
        writer.bytes(&self.header.encode())?;
        writer.bytes(self.pdu)?;
        Some(writer.at)
    }
}

/// A cursor over a buffer that is being filled.
pub(crate) struct Writer<'o> {
    out: &'o mut [u8],
    pub(crate) at: usize,
}

impl<'o> Writer<'o> {
    pub(crate) fn new(out: &'o mut [u8]) -> Self {
        Writer { out, at: 0 }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at.checked_add(bytes.len())?;
        self.out.get_mut(self.at..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }

    pub(crate) fn u8(&mut self, value: u8) -> Option<()> {
        self.bytes(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> Option<()> {
        self.bytes(&value.to_be_bytes())
    }

    /// A byte count and the bytes it counts.
    pub(crate) fn counted(&mut self, bytes: &[u8]) -> Option<()> {
        self.u8(u8::try_from(bytes.len()).ok()?)?;
        self.bytes(bytes)
    }
}

/// A byte count and what is there of the bytes it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The byte count as stated.
    pub stated: u16,
    /// The bytes, at most as many as stated.
    pub bytes: &'a [u8],
}

impl<'a> Counted<'a> {
    /// Bytes that need no other count than their own length.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        Some(Counted { stated: u16::from(u8::try_from(bytes.len()).ok()?), bytes })
    }

    /// Read a one-byte count and its bytes, which must end the PDU.
    #[inline]
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<(Self, Option<Fault>)> {
        let stated = u16::from(reader.u8()?);
        Some(Self::of(stated, reader))
    }

    #[inline]
    pub(crate) fn of(stated: u16, reader: &mut Reader<'a>) -> (Self, Option<Fault>) {
        let left = reader.left();
        let fault = (left != usize::from(stated)).then_some(Fault::new("byte_count", "not what the PDU holds"));
        let bytes = reader.take(left.min(usize::from(stated))).unwrap_or_default();
        (Counted { stated, bytes }, fault)
    }

    /// The bytes as registers, most significant byte first.
    pub fn registers(&self) -> impl Iterator<Item = u16> + 'a {
        self.bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
    }

    /// The first `count` bits, the least significant of the first byte first.
    pub fn bits(&self, count: usize) -> impl Iterator<Item = u8> + 'a {
        self.bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1)).take(count)
    }
}

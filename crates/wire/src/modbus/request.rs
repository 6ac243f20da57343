//! Requests. Modbus Application Protocol V1.1b3 §6.

use super::{Counted, Fault, Writer};
use crate::Reader;

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Functions 1 to 4.
    Read {
        /// Function code.
        function: u8,
        /// First address.
        address: u16,
        /// How many bits or registers.
        count: u16,
    },
    /// Functions 5 and 6.
    WriteOne {
        /// Function code.
        function: u8,
        /// Address.
        address: u16,
        /// Register value, or 0xFF00 and 0x0000 for a coil.
        value: u16,
    },
    /// Functions 7, 11, 12 and 17, which carry nothing.
    Bare {
        /// Function code.
        function: u8,
    },
    /// Function 8.
    Diagnostics {
        /// Sub-function.
        sub_function: u16,
        /// Its data.
        data: &'a [u8],
    },
    /// Functions 15 and 16.
    WriteMany {
        /// Function code.
        function: u8,
        /// First address.
        address: u16,
        /// How many bits or registers.
        count: u16,
        /// Their values.
        values: Counted<'a>,
    },
    /// Functions 20 and 21: sub-requests, see `file_records`.
    File {
        /// Function code.
        function: u8,
        /// Sub-requests.
        records: Counted<'a>,
    },
    /// Function 22.
    MaskWrite {
        /// Address.
        address: u16,
        /// AND mask.
        and: u16,
        /// OR mask.
        or: u16,
    },
    /// Function 23.
    ReadWrite {
        /// First address read.
        read_address: u16,
        /// How many registers are read.
        read_count: u16,
        /// First address written.
        write_address: u16,
        /// How many registers are written.
        write_count: u16,
        /// Values written.
        values: Counted<'a>,
    },
    /// Function 24.
    ReadFifo {
        /// Pointer address.
        address: u16,
    },
    /// Function 43 with MEI type 14.
    DeviceIdentification {
        /// Read device id code: 1 basic, 2 regular, 3 extended, 4 one object.
        code: u8,
        /// First object.
        object: u8,
    },
    /// Function 43 with another MEI type (13: CANopen).
    Encapsulated {
        /// MEI type.
        mei: u8,
        /// Its data.
        data: &'a [u8],
    },
    /// Any other function, and public ones whose PDU is too short to be read.
    Other {
        /// Function code.
        function: u8,
        /// What follows it.
        data: &'a [u8],
    },
}

const SHORT: Fault = Fault::new("pdu", "shorter than its function needs");
const LONG: Fault = Fault::new("pdu", "longer than its function needs");

impl<'a> Request<'a> {
    /// Read a PDU, function code first: what it says, and what is wrong with it.
    pub fn decode(pdu: &'a [u8]) -> (Request<'a>, Option<Fault>) {
        let Some((&function, data)) = pdu.split_first() else {
            return (Request::Other { function: 0, data: &[] }, Some(SHORT));
        };
        let mut reader = Reader::new(data);
        let Some((request, fault)) = Self::body(function, &mut reader) else {
            return (Request::Other { function, data }, Some(SHORT));
        };
        let fault = fault.or((!reader.is_empty()).then_some(LONG)).or_else(|| request.check());
        (request, fault)
    }

    fn body(function: u8, r: &mut Reader<'a>) -> Option<(Request<'a>, Option<Fault>)> {
        let request = match function {
            1..=4 => Request::Read { function, address: r.u16()?, count: r.u16()? },
            5 | 6 => Request::WriteOne { function, address: r.u16()?, value: r.u16()? },
            7 | 11 | 12 | 17 => Request::Bare { function },
            8 => Request::Diagnostics { sub_function: r.u16()?, data: r.take(r.left())? },
            15 | 16 => {
                let (address, count) = (r.u16()?, r.u16()?);
                // What is to be written is known even where the values are missing.
                let (values, fault) = Counted::read(r).unwrap_or((Counted { stated: 0, bytes: &[] }, Some(SHORT)));
                return Some((Request::WriteMany { function, address, count, values }, fault));
            }
            20 | 21 => {
                let (records, fault) = Counted::read(r)?;
                return Some((Request::File { function, records }, fault));
            }
            22 => Request::MaskWrite { address: r.u16()?, and: r.u16()?, or: r.u16()? },
            23 => {
                let (read_address, read_count, write_address, write_count) = (r.u16()?, r.u16()?, r.u16()?, r.u16()?);
                let (values, fault) = Counted::read(r)?;
                return Some((
                    Request::ReadWrite { read_address, read_count, write_address, write_count, values },
                    fault,
                ));
            }
            24 => Request::ReadFifo { address: r.u16()? },
            43 => match r.u8()? {
                14 => Request::DeviceIdentification { code: r.u8()?, object: r.u8()? },
                mei => Request::Encapsulated { mei, data: r.take(r.left())? },
            },
            _ => Request::Other { function, data: r.take(r.left())? },
        };
        Some((request, None))
    }

    /// What is wrong with the values, where the lengths agree.
    fn check(&self) -> Option<Fault> {
        match *self {
            Request::Read { function: 1 | 2, count, .. } if count == 0 || count > 2000 => {
                Some(Fault::new("count", "not 1 to 2000"))
            }
            Request::Read { function: 3 | 4, count, .. } if count == 0 || count > 125 => {
                Some(Fault::new("count", "not 1 to 125"))
            }
            Request::WriteOne { function: 5, value, .. } if value != 0 && value != 0xFF00 => {
                Some(Fault::new("value", "a coil's value that is neither 0x0000 nor 0xFF00"))
            }
            Request::WriteMany { function: 15, count, values, .. }
                if count == 0 || count.div_ceil(8) != values.stated =>
            {
                Some(Fault::new("count", "not what the byte count holds"))
            }
            Request::WriteMany { function: 16, count, values, .. }
                if count == 0 || u32::from(count) * 2 != u32::from(values.stated) =>
            {
                Some(Fault::new("count", "not what the byte count holds"))
            }
            Request::ReadWrite { write_count, values, .. }
                if write_count == 0 || u32::from(write_count) * 2 != u32::from(values.stated) =>
            {
                Some(Fault::new("write_count", "not what the byte count holds"))
            }
            Request::ReadWrite { read_count, .. } if read_count == 0 || read_count > 125 => {
                Some(Fault::new("count", "not 1 to 125"))
            }
            Request::DeviceIdentification { code, .. } if code == 0 || code > 4 => {
                Some(Fault::new("read_device_id_code", "not 1 to 4"))
            }
            Request::Other { function: 0 | 128.., .. } => Some(Fault::new("function", "not 1 to 127")),
            _ => None,
        }
    }

    /// Function code.
    pub fn function(&self) -> u8 {
        match *self {
            Request::Read { function, .. }
            | Request::WriteOne { function, .. }
            | Request::Bare { function }
            | Request::WriteMany { function, .. }
            | Request::File { function, .. }
            | Request::Other { function, .. } => function,
            Request::Diagnostics { .. } => 8,
            Request::MaskWrite { .. } => 22,
            Request::ReadWrite { .. } => 23,
            Request::ReadFifo { .. } => 24,
            Request::DeviceIdentification { .. } | Request::Encapsulated { .. } => 43,
        }
    }

    /// Write the PDU to the front of `out`; answers its length, or `None` where it does not fit.
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let mut w = Writer::new(out);
        w.u8(self.function())?;
        match *self {
            Request::Read { address, count, .. } => w.u16(address).and(w.u16(count))?,
            Request::WriteOne { address, value, .. } => w.u16(address).and(w.u16(value))?,
            Request::Bare { .. } => {}
            Request::Diagnostics { sub_function, data } => w.u16(sub_function).and(w.bytes(data))?,
            Request::WriteMany { address, count, values, .. } => {
                w.u16(address).and(w.u16(count)).and(w.counted(values.bytes))?;
            }
            Request::File { records, .. } => w.counted(records.bytes)?,
            Request::MaskWrite { address, and, or } => w.u16(address).and(w.u16(and)).and(w.u16(or))?,
            Request::ReadWrite { read_address, read_count, write_address, write_count, values } => {
                for word in [read_address, read_count, write_address, write_count] {
                    w.u16(word)?;
                }
                w.counted(values.bytes)?;
            }
            Request::ReadFifo { address } => w.u16(address)?,
            Request::DeviceIdentification { code, object } => w.bytes(&[14, code, object])?,
            Request::Encapsulated { mei, data } => w.u8(mei).and(w.bytes(data))?,
            Request::Other { data, .. } => w.bytes(data)?,
        }
        Some(w.at)
    }
}

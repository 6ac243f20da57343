//! Responses. Modbus Application Protocol V1.1b3 §6, §7.

use super::{Counted, Fault, Writer, EXCEPTION};
use crate::Reader;

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response<'a> {
    /// An exception.
    Exception {
        /// Function code without the exception bit.
        function: u8,
        /// Exception code.
        code: u8,
    },
    /// Functions 1 to 4, 12, 17, 20, 21 and 23: a byte count and bytes.
    Values {
        /// Function code.
        function: u8,
        /// The bytes.
        values: Counted<'a>,
    },
    /// Functions 5, 6, 15 and 16: address, and value or count.
    Written {
        /// Function code.
        function: u8,
        /// First address.
        address: u16,
        /// Value (5, 6) or count (15, 16).
        word: u16,
    },
    /// Function 7.
    ExceptionStatus {
        /// The eight outputs.
        outputs: u8,
    },
    /// Function 8.
    Diagnostics {
        /// Sub-function.
        sub_function: u16,
        /// Its data.
        data: &'a [u8],
    },
    /// Function 11.
    EventCounter {
        /// 0xFFFF while a command is being worked on.
        status: u16,
        /// Events counted.
        count: u16,
    },
    /// Function 22.
    MaskWritten {
        /// Address.
        address: u16,
        /// AND mask.
        and: u16,
        /// OR mask.
        or: u16,
    },
    /// Function 24.
    Fifo {
        /// Registers in the queue, as stated.
        count: u16,
        /// Byte count, which takes the count itself in, and the registers.
        values: Counted<'a>,
    },
    /// Function 43 with MEI type 14.
    DeviceIdentification {
        /// Read device id code.
        code: u8,
        /// Conformity level.
        conformity: u8,
        /// 0xFF where more objects follow in another transaction.
        more_follows: u8,
        /// The next object to ask for.
        next_object: u8,
        /// How many objects, as stated.
        count: u8,
        /// The objects.
        objects: DeviceObjects<'a>,
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

/// The objects of a device identification: `(id, value)` in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceObjects<'a> {
    bytes: &'a [u8],
}

impl<'a> DeviceObjects<'a> {
    /// Objects as they stand on the wire: id, length, value.
    pub fn new(bytes: &'a [u8]) -> Self {
        DeviceObjects { bytes }
    }

    /// How many whole objects there are, and the bytes after them.
    fn measure(mut self) -> (usize, &'a [u8]) {
        (self.by_ref().count(), self.bytes)
    }
}

impl<'a> Iterator for DeviceObjects<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = Reader::new(self.bytes);
        let (id, length) = (reader.u8()?, reader.u8()?);
        let value = reader.take(usize::from(length))?;
        self.bytes = reader.rest();
        Some((id, value))
    }
}

const SHORT: Fault = Fault::new("pdu", "shorter than its function needs");
const LONG: Fault = Fault::new("pdu", "longer than its function needs");

impl<'a> Response<'a> {
    /// Read a PDU, function code first: what it says, and what is wrong with it.
    pub fn decode(pdu: &'a [u8]) -> (Response<'a>, Option<Fault>) {
        let Some((&function, data)) = pdu.split_first() else {
            return (Response::Other { function: 0, data: &[] }, Some(SHORT));
        };
        let mut reader = Reader::new(data);
        let Some((response, fault)) = Self::body(function, &mut reader) else {
            return (Response::Other { function: function & !EXCEPTION, data }, Some(SHORT));
        };
        (response, fault.or((!reader.is_empty()).then_some(LONG)))
    }

    fn body(function: u8, r: &mut Reader<'a>) -> Option<(Response<'a>, Option<Fault>)> {
        let response = match function {
            EXCEPTION.. => Response::Exception { function: function & !EXCEPTION, code: r.u8()? },
            1..=4 | 12 | 17 | 20 | 21 | 23 => {
                let (values, fault) = Counted::read(r)?;
                let odd = matches!(function, 3 | 4 | 23) && values.stated % 2 == 1;
                let fault = fault.or(odd.then_some(Fault::new("byte_count", "odd, where registers are two bytes")));
                return Some((Response::Values { function, values }, fault));
            }
            5 | 6 | 15 | 16 => Response::Written { function, address: r.u16()?, word: r.u16()? },
            7 => Response::ExceptionStatus { outputs: r.u8()? },
            8 => Response::Diagnostics { sub_function: r.u16()?, data: r.take(r.left())? },
            11 => Response::EventCounter { status: r.u16()?, count: r.u16()? },
            22 => Response::MaskWritten { address: r.u16()?, and: r.u16()?, or: r.u16()? },
            24 => return Self::fifo(r),
            43 => match r.u8()? {
                14 => return Self::identification(r),
                mei => Response::Encapsulated { mei, data: r.take(r.left())? },
            },
            _ => {
                let fault = (function == 0).then_some(Fault::new("function", "not 1 to 127"));
                return Some((Response::Other { function, data: r.take(r.left())? }, fault));
            }
        };
        Some((response, None))
    }

    fn fifo(r: &mut Reader<'a>) -> Option<(Response<'a>, Option<Fault>)> {
        let (stated, count) = (r.u16()?, r.u16()?);
        let (values, fault) = Counted::of(stated.saturating_sub(2), r);
        let fault = fault.or((stated < 2).then_some(Fault::new("byte_count", "no room for the FIFO count")));
        Some((Response::Fifo { count, values: Counted { stated, bytes: values.bytes } }, fault))
    }

    fn identification(r: &mut Reader<'a>) -> Option<(Response<'a>, Option<Fault>)> {
        let (code, conformity, more_follows, next_object, count) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        let objects = DeviceObjects::new(r.take(r.left())?);
        let (whole, rest) = objects.measure();
        let fault = if whole != usize::from(count) {
            Some(Fault::new("objects", "not as many as stated"))
        } else {
            (!rest.is_empty()).then_some(Fault::new("objects", "bytes after the last one"))
        };
        let response = Response::DeviceIdentification { code, conformity, more_follows, next_object, count, objects };
        Some((response, fault))
    }

    /// Function code without the exception bit.
    pub fn function(&self) -> u8 {
        match *self {
            Response::Exception { function, .. }
            | Response::Values { function, .. }
            | Response::Written { function, .. }
            | Response::Other { function, .. } => function,
            Response::ExceptionStatus { .. } => 7,
            Response::Diagnostics { .. } => 8,
            Response::EventCounter { .. } => 11,
            Response::MaskWritten { .. } => 22,
            Response::Fifo { .. } => 24,
            Response::DeviceIdentification { .. } | Response::Encapsulated { .. } => 43,
        }
    }

    /// Write the PDU to the front of `out`; answers its length, or `None` where it does not fit.
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let mut w = Writer::new(out);
        if let Response::Exception { function, code } = *self {
            w.bytes(&[function | EXCEPTION, code])?;
            return Some(w.at);
        }
        w.u8(self.function())?;
        match *self {
            Response::Exception { .. } => {}
            Response::Values { values, .. } => w.counted(values.bytes)?,
            Response::Written { address, word, .. } => w.u16(address).and(w.u16(word))?,
            Response::ExceptionStatus { outputs } => w.u8(outputs)?,
            Response::Diagnostics { sub_function, data } => w.u16(sub_function).and(w.bytes(data))?,
            Response::EventCounter { status, count } => w.u16(status).and(w.u16(count))?,
            Response::MaskWritten { address, and, or } => w.u16(address).and(w.u16(and)).and(w.u16(or))?,
            Response::Fifo { count, values } => {
                w.u16(u16::try_from(values.bytes.len().checked_add(2)?).ok()?)?;
                w.u16(count).and(w.bytes(values.bytes))?;
            }
            Response::DeviceIdentification { code, conformity, more_follows, next_object, count, objects } => {
                w.bytes(&[14, code, conformity, more_follows, next_object, count])?;
                w.bytes(objects.bytes)?;
            }
            Response::Encapsulated { mei, data } => w.u8(mei).and(w.bytes(data))?,
            Response::Other { data, .. } => w.bytes(data)?,
        }
        Some(w.at)
    }
}

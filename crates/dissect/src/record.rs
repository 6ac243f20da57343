//! One record in its compact form: `field index, payload` after one another, key fields and detail fields apart.
//!
//! Rule 1: the key bytes are canonical (a dissector writes fields in a fixed order), so equal bytes mean equal values.
//! Rule 2: text and bytes are capped at `TEXT_CAP`, lists at `LIST_CAP` items; what is over is cut, never refused.

use crate::kind::{Keep, Kind, Type};

/// Longest text or byte string kept of one field.
pub const TEXT_CAP: usize = 1024; // bytes
/// Most items kept of one list field.
pub const LIST_CAP: usize = 512;

/// A record being written: reused from packet to packet, so that nothing is allocated in the steady state.
#[derive(Default, Debug)]
pub struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) detail: Vec<u8>,
}

/// One value read back out of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `Uint`, `Uints`.
    Uint(u64),
    /// `Int`, `Time`.
    Int(i64),
    /// `Real`.
    Real(f64),
    /// `Bool`.
    Bool(bool),
    /// `Text`, `Texts`: bytes as on the wire.
    Text(&'a [u8]),
    /// `Bytes`.
    Bytes(&'a [u8]),
    /// `Mac`.
    Mac([u8; 6]),
    /// `Ip`, `Ips`: 4 or 16 bytes.
    Ip(&'a [u8]),
}

impl Record {
    pub(crate) fn clear(&mut self) {
        self.key.clear();
        self.detail.clear();
    }

    /// The bytes that make the observation's value.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The bytes that are seen per packet only.
    pub fn detail(&self) -> &[u8] {
        &self.detail
    }

    #[inline]
    fn side(&mut self, kind: &Kind, field: u8) -> &mut Vec<u8> {
        let row = &kind.fields[field as usize];
        let out = match row.keep {
            Keep::Key => &mut self.key,
            Keep::Detail => &mut self.detail,
        };
        out.push(field);
        out
    }

    #[inline]
    pub(crate) fn word(&mut self, kind: &Kind, field: u8, value: u64) {
        self.side(kind, field).extend_from_slice(&value.to_le_bytes());
    }

    #[inline]
    pub(crate) fn string(&mut self, kind: &Kind, field: u8, value: &[u8]) {
        let value = &value[..value.len().min(TEXT_CAP)];
        let out = self.side(kind, field);
        out.extend_from_slice(&(value.len() as u16).to_le_bytes());
        out.extend_from_slice(value);
    }
}

/// Walk the fields of `bytes` (a record's key or detail), in the order written; list fields come once per item.
pub fn walk<'a>(kind: &'static Kind, mut bytes: &'a [u8]) -> impl Iterator<Item = (u8, Value<'a>)> {
    std::iter::from_fn(move || {
        let (&field, rest) = bytes.split_first()?;
        let row = kind.fields.get(field as usize)?;
        let fixed = |rest: &'a [u8]| rest.split_first_chunk::<8>().map(|(h, t)| (u64::from_le_bytes(*h), t));
        let value = match row.ty {
            Type::Uint | Type::Uints => {
                let (word, tail) = fixed(rest)?;
                bytes = tail;
                Value::Uint(word)
            }
            Type::Int | Type::Time => {
                let (word, tail) = fixed(rest)?;
                bytes = tail;
                Value::Int(word as i64)
            }
            Type::Real => {
                let (word, tail) = fixed(rest)?;
                bytes = tail;
                Value::Real(f64::from_bits(word))
            }
            Type::Bool => {
                let (word, tail) = fixed(rest)?;
                bytes = tail;
                Value::Bool(word != 0)
            }
            Type::Text | Type::Texts | Type::Bytes | Type::Mac | Type::Ip | Type::Ips => {
                let (head, tail) = rest.split_first_chunk::<2>()?;
                let (content, tail) = tail.split_at_checked(u16::from_le_bytes(*head) as usize)?;
                bytes = tail;
                match row.ty {
                    Type::Bytes => Value::Bytes(content),
                    Type::Mac => Value::Mac(content.try_into().ok()?),
                    Type::Ip | Type::Ips => Value::Ip(content),
                    _ => Value::Text(content),
                }
            }
        };
        Some((field, value))
    })
}

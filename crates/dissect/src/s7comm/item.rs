//! Addresses of S7 variables, and data items. S7comm parameter and data parts of read and write.

use super::words;
use ringfence_wire::Reader;
use std::io::Write;

/// Items that are named in `object`; more are counted.
const NAMED: usize = 12;
/// Longest object text.
const OBJECT: usize = 400; // bytes

/// Lists and text of one message, reused from message to message.
#[derive(Default)]
pub(super) struct Scratch {
    /// The object in words.
    pub object: Vec<u8>,
    /// Area code of each item.
    pub areas: Vec<u8>,
    /// DB number of each item.
    pub dbs: Vec<u16>,
    /// Byte address of each item that has one.
    pub addresses: Vec<u32>,
    /// Return code of each data item.
    pub codes: Vec<u8>,
    /// Length of each data item.
    pub lengths: Vec<u32>,
}

impl Scratch {
    /// Forget the last message.
    pub fn clear(&mut self) {
        self.object.clear();
        self.areas.clear();
        self.dbs.clear();
        self.addresses.clear();
        self.codes.clear();
        self.lengths.clear();
    }

    /// Append words to the object; what is over the bound is left out.
    pub fn say(&mut self, words: std::fmt::Arguments<'_>) {
        if self.object.len() < OBJECT {
            // Writing to a vector cannot fail.
            let _ = self.object.write_fmt(words);
        }
    }

    /// Append bytes from the wire to the object.
    pub fn say_bytes(&mut self, bytes: &[u8]) {
        self.object.extend_from_slice(&bytes[..bytes.len().min(OBJECT)]);
    }

    /// The first failure among the return codes.
    pub fn failure(&self) -> Option<&'static str> {
        self.codes.iter().find_map(|&code| words::return_code(code))
    }

    /// Read `count` item addresses. False where one is cut short.
    pub fn items(&mut self, reader: &mut Reader<'_>, count: usize) -> bool {
        for at in 0..count {
            let (Some(_), Some(length)) = (reader.u8(), reader.u8()) else { return false };
            let Some(address) = reader.take(usize::from(length)) else { return false };
            if length % 2 == 1 && at + 1 < count {
                // Items begin at even offsets.
                let _ = reader.skip(1);
            }
            if at < NAMED {
                if at > 0 {
                    self.say(format_args!(", "));
                }
                self.address(address, true);
            } else {
                self.address(address, false);
            }
        }
        if count > NAMED {
            self.say(format_args!(", {} more", count - NAMED));
        }
        true
    }

    fn address(&mut self, address: &[u8], named: bool) {
        let mut reader = Reader::new(address);
        match (reader.u8(), address.len()) {
            (Some(0x10), 10) => self.any(reader, named),
            (Some(0xb0), _) if named => self.db_read(reader),
            (Some(syntax), _) if named => {
                self.say(format_args!("syntax 0x{syntax:02x} "));
                for byte in reader.rest().iter().take(24) {
                    self.say(format_args!("{byte:02x}"));
                }
            }
            _ => {}
        }
    }

    fn any(&mut self, mut reader: Reader<'_>, named: bool) {
        let (Some(size), Some(count), Some(db), Some(area), Some(bits)) =
            (reader.u8(), reader.u16(), reader.u16(), reader.u8(), reader.u24())
        else {
            return;
        };
        self.areas.push(area);
        self.dbs.push(db);
        let is_number = matches!(area, 0x1c..=0x1f);
        if !is_number {
            self.addresses.push(bits >> 3);
        }
        if !named {
            return;
        }
        let prefix = match area {
            0x80 => "P",
            0x81 => "I",
            0x82 => "Q",
            0x83 => "M",
            0x84 => "DB",
            0x85 => "DI",
            0x86 => "L",
            0x87 => "V",
            0x1c | 0x1e => "C",
            0x1d | 0x1f => "T",
            _ => "",
        };
        match area {
            0x84 | 0x85 => self.say(format_args!("{prefix}{db}.{prefix}")),
            0x1c..=0x1f => self.say(format_args!("{prefix}{bits}")),
            _ if prefix.is_empty() => self.say(format_args!("area 0x{area:02x} ")),
            _ => self.say(format_args!("{prefix}")),
        }
        if !is_number {
            self.place(size, bits, !matches!(area, 0x80..=0x83));
        }
        if count != 1 {
            self.say(format_args!(" x{count}"));
        }
    }

    fn place(&mut self, size: u8, bits: u32, says_x: bool) {
        let (byte, bit) = (bits >> 3, bits & 7);
        match size {
            1 if says_x => self.say(format_args!("X{byte}.{bit}")),
            1 => self.say(format_args!("{byte}.{bit}")),
            4 | 5 => self.say(format_args!("W{byte}")),
            6..=8 => self.say(format_args!("D{byte}")),
            _ => self.say(format_args!("B{byte}")),
        }
    }

    fn db_read(&mut self, mut reader: Reader<'_>) {
        let count = reader.u8().unwrap_or(0);
        for at in 0..count {
            let (Some(bytes), Some(db), Some(start)) = (reader.u8(), reader.u16(), reader.u16()) else { return };
            self.say(format_args!("{}DB{db}.DBB{start} x{bytes}", if at > 0 { ", " } else { "" }));
        }
    }

    /// Read `count` data items `code, transport size, length, bytes`. False where one is cut short.
    pub fn data(&mut self, reader: &mut Reader<'_>, count: usize) -> bool {
        for at in 0..count {
            let (Some(code), Some(size), Some(length)) = (reader.u8(), reader.u8(), reader.u16()) else {
                return false;
            };
            let length = in_bytes(size, length);
            self.codes.push(code);
            self.lengths.push(length);
            if code != 0xff && code != 0 {
                // A refused item carries no bytes, whatever its length says.
                continue;
            }
            if reader.skip(length as usize).is_none() {
                return false;
            }
            if length % 2 == 1 && at + 1 < count {
                let _ = reader.skip(1);
            }
        }
        true
    }
}

/// Length of a data item in bytes; some transport sizes state it in bits.
pub(super) fn in_bytes(size: u8, length: u16) -> u32 {
    match size {
        3..=5 => u32::from(length).div_ceil(8),
        _ => u32::from(length),
    }
}

//! Attributes of standard objects whose sizes are public, so that lists of them can be walked. CIP Vol. 1 §5A, Vol. 2 §5.
//!
//! Rule 1: a list is walked up to the first attribute of unknown size; that one is still named.

use super::path::{self, Numbers, Target};
use super::words::{CONNECTION_MANAGER, ETHERNET_LINK, IDENTITY, MESSAGE_ROUTER, PORT, RING, TCP_IP};
use ringfence_wire::Reader;

/// Most attributes told of one message.
const TOLD: usize = 64;

/// How a value ends.
#[derive(Clone, Copy)]
enum Size {
    /// After this many bytes.
    Fixed(usize),
    /// Text after a length of one byte.
    Short,
    /// Text after a length of two bytes, padded to an even number.
    Long,
    /// Padded path after a length in words of two bytes.
    Path,
    /// Five addresses and a domain name.
    Interface,
    /// Class numbers after their count.
    Classes,
}

fn size(class: u32, attribute: u32) -> Option<Size> {
    Some(match (class, attribute) {
        (IDENTITY, 1..=5) | (MESSAGE_ROUTER, 2 | 3) | (CONNECTION_MANAGER, 1..=7) | (PORT, 1 | 2) => Size::Fixed(2),
        (IDENTITY, 6) | (TCP_IP, 1..=3) | (ETHERNET_LINK, 1 | 2 | 6) => Size::Fixed(4),
        (IDENTITY | ETHERNET_LINK, 8) | (RING, 1 | 2) | (TCP_IP, 8 | 10) | (ETHERNET_LINK, 7 | 9) => Size::Fixed(1),
        (ETHERNET_LINK, 3) => Size::Fixed(6),
        (ETHERNET_LINK, 4) => Size::Fixed(44),
        (ETHERNET_LINK, 5) => Size::Fixed(48),
        (TCP_IP, 9) => Size::Fixed(8),
        (TCP_IP, 11) => Size::Fixed(35),
        (IDENTITY, 7) | (PORT, 4) | (ETHERNET_LINK, 10) => Size::Short,
        (TCP_IP, 6) => Size::Long,
        (TCP_IP, 4) | (PORT, 3) => Size::Path,
        (TCP_IP, 5) => Size::Interface,
        (MESSAGE_ROUTER, 1) => Size::Classes,
        _ => return None,
    })
}

/// How many attributes an answer to Get Attributes All holds, from the first on.
fn all_of(class: u32) -> u32 {
    match class {
        IDENTITY | CONNECTION_MANAGER => 7,
        RING => 2,
        MESSAGE_ROUTER | PORT => 4,
        TCP_IP => 6,
        ETHERNET_LINK => 10,
        _ => 0,
    }
}

/// The attributes of a class itself (instance 0) that an answer to Get Attributes All holds, two bytes each.
const OF_CLASS: [u32; 4] = [1, 2, 6, 7];

/// What attributes a message tells of, and the object that a value of theirs leads to.
#[derive(Default)]
pub(super) struct Told {
    pub attributes: Vec<u32>,
    pub leads_to: Target,
}

impl Told {
    /// Of a request: all of a read, and those written as far as their sizes are known.
    pub fn asked(service: u8, target: &Target, data: &[u8]) -> Self {
        let (mut told, mut reader) = (Told::default(), Reader::new(data));
        let class = target.classes.last().unwrap_or(u32::MAX);
        match service {
            0x03 => told.numbers(&mut reader),
            0x04 => {
                let count = reader.u16_le().unwrap_or(0);
                for _ in 0..count {
                    let Some(number) = told.number(&mut reader) else { break };
                    if told.value(class, number, &mut reader).is_none() {
                        break;
                    }
                }
            }
            0x10 => told.single(class, target, &mut reader),
            _ => {}
        }
        told
    }

    /// Of an answer.
    pub fn answered(service: u8, target: &Target, status: u8, data: &[u8]) -> Self {
        let (mut told, mut reader) = (Told::default(), Reader::new(data));
        let class = target.classes.last().unwrap_or(u32::MAX);
        match service {
            0x01 if status == 0 && target.instances.last() == Some(0) => {
                let known = if all_of(class) > 0 { reader.left() / 2 } else { 0 };
                told.attributes.extend(OF_CLASS.iter().take(known));
            }
            0x01 if status == 0 => told.all(class, &mut reader),
            0x03 | 0x04 => told.list(service, class, &mut reader),
            0x0e if status == 0 => told.single(class, target, &mut reader),
            _ => {}
        }
        told
    }

    fn number(&mut self, reader: &mut Reader<'_>) -> Option<u32> {
        let number = u32::from(reader.u16_le()?);
        if self.attributes.len() >= TOLD {
            return None;
        }
        self.attributes.push(number);
        Some(number)
    }

    fn numbers(&mut self, reader: &mut Reader<'_>) {
        for _ in 0..reader.u16_le().unwrap_or(0) {
            if self.number(reader).is_none() {
                return;
            }
        }
    }

    fn all(&mut self, class: u32, reader: &mut Reader<'_>) {
        for number in 1..=all_of(class) {
            if reader.is_empty() {
                return;
            }
            self.attributes.push(number);
            if self.value(class, number, reader).is_none() {
                return;
            }
        }
    }

    /// Each attribute with its status, and in an answer to a read with its value.
    fn list(&mut self, service: u8, class: u32, reader: &mut Reader<'_>) {
        for _ in 0..reader.u16_le().unwrap_or(0) {
            let Some(number) = self.number(reader) else { return };
            let Some(status) = reader.u16_le() else { return };
            if service == 0x03 && status == 0 && self.value(class, number, reader).is_none() {
                return;
            }
        }
    }

    fn single(&mut self, class: u32, target: &Target, reader: &mut Reader<'_>) {
        let number = target.attributes.last().filter(|_| target.instances.last() != Some(0));
        if let Some(number) = number {
            let _ = self.value(class, number, reader);
        }
    }

    /// Pass over a value. `None` where its size is unknown or it is cut short.
    fn value(&mut self, class: u32, number: u32, reader: &mut Reader<'_>) -> Option<()> {
        match size(class, number)? {
            Size::Fixed(size) => reader.skip(size),
            Size::Short => {
                let length = usize::from(reader.u8()?);
                reader.skip(length)
            }
            Size::Long => padded(reader),
            Size::Interface => {
                reader.skip(20)?;
                padded(reader)
            }
            Size::Classes => {
                let count = usize::from(reader.u16_le()?);
                reader.skip(count * 2)
            }
            Size::Path => {
                let words = usize::from(reader.u16_le()?);
                let path = reader.take(words * 2)?;
                let target = path::read(path, &mut Vec::new(), &mut Vec::new())?.target;
                self.leads_to.classes.extend(&target.classes);
                self.leads_to.instances.extend(&target.instances);
                Some(())
            }
        }
    }
}

/// Text with a length of two bytes; one byte more where that is odd, but for the end of the message.
fn padded(reader: &mut Reader<'_>) -> Option<()> {
    let length = usize::from(reader.u16_le()?);
    reader.skip(length)?;
    let _ = reader.skip(length % 2);
    Some(())
}

impl Numbers {
    fn extend(&mut self, other: &Numbers) {
        other.all().iter().for_each(|number| self.push(*number));
    }
}

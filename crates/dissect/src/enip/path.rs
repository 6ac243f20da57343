//! EPATH: what a request is for, and the way to it. CIP Vol. 1 Appendix C.

use ringfence_wire::Reader;
use std::io::Write;

/// A short list of numbers; what is over is left out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    items: [u32; 8],
    count: u8,
}

impl Numbers {
    /// Append.
    pub fn push(&mut self, value: u32) {
        if let Some(slot) = self.items.get_mut(usize::from(self.count)) {
            *slot = value;
            self.count += 1;
        }
    }

    /// In order.
    pub fn all(&self) -> &[u32] {
        self.items.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// The last one: the innermost object's.
    pub fn last(&self) -> Option<u32> {
        self.all().last().copied()
    }
}

/// The object that a path names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Target {
    pub classes: Numbers,
    pub instances: Numbers,
    pub attributes: Numbers,
}

/// A path read: its object, and where its symbol and route were written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Path<'a> {
    pub target: Target,
    /// Symbolic segments; the first few.
    pub symbols: [Option<&'a [u8]>; 6],
}

/// Read a padded EPATH. Symbols with members and elements go to `symbol`, port segments to `route`, both as text.
pub(super) fn read<'a>(path: &'a [u8], symbol: &mut Vec<u8>, route: &mut Vec<u8>) -> Option<Path<'a>> {
    let mut reader = Reader::new(path);
    let mut read = Path::default();
    while let Some(segment) = reader.u8() {
        match segment {
            0x00..=0x1f => port(segment, &mut reader, path.len(), route)?,
            0x34 => {
                // Electronic key: format, then 8 bytes.
                reader.skip(9)?;
            }
            0x20..=0x3f => logical(segment, &mut reader, &mut read.target, symbol)?,
            0x40..=0x4f => reader.skip(1)?,
            0x50..=0x5f => {
                let words = reader.u8()?;
                reader.skip(usize::from(words) * 2)?;
            }
            0x61..=0x7f => {
                let name = reader.take(usize::from(segment & 0x1f))?;
                name_segment(name, &mut read, symbol);
                pad(&mut reader, path.len());
            }
            0x80 => {
                let words = reader.u8()?;
                reader.skip(usize::from(words) * 2)?;
            }
            0x91 => {
                let length = reader.u8()?;
                let name = reader.take(usize::from(length))?;
                name_segment(name, &mut read, symbol);
                pad(&mut reader, path.len());
            }
            _ => return None,
        }
    }
    Some(read)
}

/// Segments begin at even offsets; paths are an even number of bytes.
fn pad(reader: &mut Reader<'_>, length: usize) {
    if (length - reader.left()) % 2 == 1 {
        let _ = reader.skip(1);
    }
}

fn name_segment<'a>(name: &'a [u8], read: &mut Path<'a>, symbol: &mut Vec<u8>) {
    if !symbol.is_empty() {
        symbol.push(b'.');
    }
    symbol.extend_from_slice(name);
    if let Some(slot) = read.symbols.iter_mut().find(|slot| slot.is_none()) {
        *slot = Some(name);
    }
}

fn logical(segment: u8, reader: &mut Reader<'_>, target: &mut Target, symbol: &mut Vec<u8>) -> Option<()> {
    let value = match segment & 3 {
        0 => u32::from(reader.u8()?),
        1 => {
            reader.skip(1)?;
            u32::from(reader.u16_le()?)
        }
        2 => {
            reader.skip(1)?;
            reader.u32_le()?
        }
        _ => return None,
    };
    match segment & 0x1c {
        0x00 => target.classes.push(value),
        0x04 => target.instances.push(value),
        0x08 if !symbol.is_empty() => {
            // Writing to a vector cannot fail.
            let _ = write!(symbol, "[{value}]");
        }
        0x10 => target.attributes.push(value),
        _ => {}
    }
    Some(())
}

fn port(segment: u8, reader: &mut Reader<'_>, length: usize, route: &mut Vec<u8>) -> Option<()> {
    let size = match segment & 0x10 {
        0 => 1,
        _ => usize::from(reader.u8()?),
    };
    let number = match segment & 0x0f {
        0x0f => reader.u16_le()?,
        number => u16::from(number),
    };
    let link = reader.take(size)?;
    pad(reader, length);
    if !route.is_empty() {
        route.push(b'/');
    }
    // Writing to a vector cannot fail.
    let _ = match link {
        [link] => write!(route, "{number}.{link}"),
        _ => write!(route, "{number}.").map(|()| route.extend_from_slice(link)),
    };
    Some(())
}

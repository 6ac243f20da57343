//! System status lists that tell what a controller is: 0x11 (module) and 0x1c (component).

use super::identity;
use crate::{Context, Who};
use ringfence_wire::Reader;

/// Most records read of one list.
const RECORDS: usize = 64;

/// Read a list; answers its id and index.
pub(super) fn read(body: &[u8], cx: &mut Context<'_>) -> Option<(u16, u16)> {
    let mut reader = Reader::new(body);
    let (id, index) = (reader.u16()?, reader.u16()?);
    let (size, count) = (usize::from(reader.u16()?), usize::from(reader.u16()?));
    let records = reader.rest();
    match id & 0x00ff {
        0x11 if size == 28 => module(records, count, cx),
        0x1c if size == 34 => component(records, count, cx),
        _ => {}
    }
    Some((id, index))
}

fn text(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = bytes[..end].trim_ascii();
    Some(text).filter(|text| !text.is_empty())
}

/// One record of list 0x11: index, order number (20 bytes), module type, version, release.
struct Module<'a> {
    index: u16,
    order: Option<&'a [u8]>,
    version: u16,
    release: u16,
}

fn module_record(bytes: &[u8]) -> Option<Module<'_>> {
    let mut reader = Reader::new(bytes);
    let (index, order) = (reader.u16()?, reader.take(20)?);
    reader.skip(2)?;
    Some(Module { index, order: text(order), version: reader.u16()?, release: reader.u16()? })
}

/// Versions begin with the letter V where they are firmware's; `V3.2.6`.
fn firmware(module: &Module<'_>) -> Option<String> {
    let [letter, major] = module.version.to_be_bytes();
    let [minor, patch] = module.release.to_be_bytes();
    (letter == b'V').then(|| format!("V{major}.{minor}.{patch}"))
}

fn module(records: &[u8], count: usize, cx: &mut Context<'_>) {
    let all = || records.chunks_exact(28).take(count.min(RECORDS)).filter_map(module_record);
    let find = |index: u16| all().find(|module| module.index == index);
    let (module, hardware, software) = (find(1), find(6), find(7));
    cx.fact(&identity::KIND)
        .maybe_text(identity::order_number, module.as_ref().and_then(|module| module.order))
        .maybe_text(identity::hardware_order_number, hardware.as_ref().and_then(|module| module.order))
        .maybe_text(identity::hardware_version, hardware.as_ref().map(|module| module.version.to_string()))
        .maybe_text(identity::firmware, software.as_ref().and_then(firmware))
        .uints(identity::versions, all().map(|module| module.version))
        .emit(Who::Sender);
}

fn component(records: &[u8], count: usize, cx: &mut Context<'_>) {
    let find = |index: u8| {
        records
            .chunks_exact(34)
            .take(count.min(RECORDS))
            .find(|record| record.starts_with(&[0, index]))
            .and_then(|record| record.get(2..))
            .and_then(text)
    };
    cx.fact(&identity::KIND)
        .maybe_text(identity::station_name, find(1))
        .maybe_text(identity::module_name, find(2))
        .maybe_text(identity::plant, find(3))
        .maybe_text(identity::copyright, find(4))
        .maybe_text(identity::serial, find(5))
        .maybe_text(identity::module_type, find(7))
        .maybe_text(identity::memory_card_serial, find(8))
        .maybe_text(identity::location, find(11))
        .emit(Who::Sender);
}

//! Sub-requests and sub-responses of file records. Modbus Application Protocol V1.1b3 §6.14, §6.15.

use crate::Reader;

/// One sub-request of functions 20 and 21, or the echo of one in the answer to 21.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecord<'a> {
    /// Reference type: 6.
    pub reference: u8,
    /// File number.
    pub file: u16,
    /// First record.
    pub record: u16,
    /// How many registers.
    pub length: u16,
    /// The registers written; none in a read.
    pub data: &'a [u8],
}

/// The sub-requests of `records`; what is cut short ends the list.
pub fn file_records(function: u8, records: &[u8]) -> impl Iterator<Item = FileRecord<'_>> + '_ {
    let mut reader = Reader::new(records);
    std::iter::from_fn(move || {
        let (reference, file, record, length) = (reader.u8()?, reader.u16()?, reader.u16()?, reader.u16()?);
        let written = if function == 21 { usize::from(length) * 2 } else { 0 };
        // The last one may be cut short by the capture: what it is about is known all the same.
        let data = reader.take(written.min(reader.left()))?;
        Some(FileRecord { reference, file, record, length, data })
    })
}

/// The lengths that the sub-responses of function 20 state, each with its registers.
pub fn file_contents(contents: &[u8]) -> impl Iterator<Item = (u8, &[u8])> + '_ {
    let mut reader = Reader::new(contents);
    std::iter::from_fn(move || {
        let length = reader.u8()?;
        let data = reader.take(usize::from(length).min(reader.left()))?;
        Some((length, data.get(1..).unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sub_request_is_found_and_a_cut_one_ends_the_list() {
        let bytes = [6, 0, 4, 0, 1, 0, 2, 6, 0, 3, 0, 9, 0, 2, 6, 0];
        let found: Vec<_> = file_records(20, &bytes).map(|one| (one.file, one.record, one.length)).collect();
        assert_eq!(found, [(4, 1, 2), (3, 9, 2)]);
    }

    #[test]
    fn registers_written_stand_between_the_sub_requests() {
        let bytes = [6, 0, 4, 0, 7, 0, 1, 0xAA, 0xBB, 6, 0, 3, 0, 9, 0, 200, 1, 2];
        let found: Vec<_> = file_records(21, &bytes).map(|one| (one.record, one.data)).collect();
        assert_eq!(found, [(7, &[0xAA, 0xBB][..]), (9, &[1, 2][..])]);
    }

    #[test]
    fn contents_are_found_by_their_lengths() {
        let bytes = [5, 6, 0x0D, 0xFE, 0, 0x20, 3, 6, 0x33, 0xCD, 255, 6, 1];
        let found: Vec<_> = file_contents(&bytes).collect();
        assert_eq!(found, [(5, &[0x0D, 0xFE, 0, 0x20][..]), (3, &[0x33, 0xCD][..]), (255, &[1][..])]);
    }
}

//! A layer's bytes: those that were captured, and how many there were on the wire.

/// Bytes of one layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'p> {
    /// What was captured.
    pub bytes: &'p [u8],
    /// Length on the wire; at least that of `bytes`.
    pub wire: u32,
}

impl<'p> Part<'p> {
    /// The first `N` bytes.
    #[inline]
    pub fn head<const N: usize>(&self) -> Option<&'p [u8; N]> {
        self.bytes.first_chunk::<N>()
    }

    /// What follows the first `length` bytes; empty where these are not all there.
    #[inline]
    pub fn after(&self, length: usize) -> Part<'p> {
        let wire = self.wire.saturating_sub(u32::try_from(length).unwrap_or(u32::MAX));
        Part { bytes: self.bytes.get(length..).unwrap_or(&[]), wire }
    }

    /// The part cut to `wire` bytes on the wire, as a length field says; a larger claim leaves bytes missing.
    #[inline]
    pub fn cut(&self, wire: u32) -> Part<'p> {
        let length = self.bytes.len().min(wire as usize);
        Part { bytes: self.bytes.get(..length).unwrap_or(&[]), wire }
    }

    /// True where bytes of the wire were not captured.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.bytes.len() < self.wire as usize
    }

    /// The big-endian number at `at`.
    #[inline]
    pub fn u16_at(&self, at: usize) -> Option<u16> {
        let two = self.bytes.get(at..at.checked_add(2)?)?;
        Some(u16::from_be_bytes([two[0], two[1]]))
    }
}

//! A cursor over bytes that never reads past the end.

/// A cursor over a byte slice. Every method answers `None` where too few bytes are left and then moves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    start: usize,
}

impl<'a> Reader<'a> {
    /// Start at the first byte of `data`.
    #[inline]
    pub fn new(data: &'a [u8]) -> Self {
        Reader { rest: data, start: data.len() }
    }

    /// Bytes already read.
    #[inline]
    pub fn position(&self) -> usize {
        self.start - self.rest.len()
    }

    /// Bytes left.
    #[inline]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// True where nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left, without moving.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Take `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        Some(head)
    }

    /// Take a sub-reader over the next `count` bytes.
    #[inline]
    pub fn sub(&mut self, count: usize) -> Option<Reader<'a>> {
        self.take(count).map(Reader::new)
    }

    /// Skip `count` bytes.
    #[inline]
    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    /// Take a fixed number of bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.rest.split_first_chunk::<N>()?;
        self.rest = tail;
        Some(*head)
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|b| b[0])
    }

    /// Two bytes, most significant first.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes, most significant first.
    #[inline]
    pub fn u24(&mut self) -> Option<u32> {
        self.array::<3>().map(|b| u32::from_be_bytes([0, b[0], b[1], b[2]]))
    }

    /// Four bytes, most significant first.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, most significant first.
    #[inline]
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Two bytes, least significant first.
    #[inline]
    pub fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, least significant first.
    #[inline]
    pub fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, least significant first.
    #[inline]
    pub fn u64_le(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Look at the byte `ahead` bytes on, without moving.
    #[inline]
    pub fn peek(&self, ahead: usize) -> Option<u8> {
        self.rest.get(ahead).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn past_the_end_is_none_and_moves_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u16(), Some(0x0102));
        assert_eq!(reader.u16(), None);
        assert_eq!(reader.position(), 2);
        assert_eq!(reader.u8(), Some(3));
        assert!(reader.is_empty());
    }
}

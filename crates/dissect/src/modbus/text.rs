//! Short texts built on the stack: objects in words and names of functions without one.

/// A text being written; what does not fit is left out.
pub(super) struct Words {
    bytes: [u8; 96],
    length: usize,
}

impl Words {
    #[inline]
    pub(super) fn new() -> Self {
        Words { bytes: [0; 96], length: 0 }
    }

    #[inline]
    pub(super) fn word(mut self, text: &str) -> Self {
        self.push(text.as_bytes());
        self
    }

    #[inline]
    pub(super) fn number(mut self, value: u32) -> Self {
        let mut digits = [0u8; 10];
        let (mut start, mut left) = (digits.len(), value);
        while start == digits.len() || left > 0 {
            start -= 1;
            digits[start] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        self.push(&digits[start..]);
        self
    }

    /// `table address`, and ` xcount` where it is more than one.
    #[inline]
    pub(super) fn range(self, table: &str, address: u16, count: u16) -> Self {
        let words = self.word(table).word(" ").number(u32::from(address));
        match count {
            1 => words,
            _ => words.word(" x").number(u32::from(count)),
        }
    }

    #[inline]
    fn push(&mut self, text: &[u8]) {
        let room = &mut self.bytes[self.length..];
        let count = text.len().min(room.len());
        room[..count].copy_from_slice(&text[..count]);
        self.length += count;
    }
}

impl AsRef<[u8]> for Words {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

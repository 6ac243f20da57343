//! Short texts built on the stack: objects in words and names of functions without one.

/// A text being written; what does not fit is left out.
pub(super) struct Words {
    bytes: [u8; 64],
    length: usize,
}

impl Words {
    pub(super) fn new() -> Self {
        Words { bytes: [0; 64], length: 0 }
    }

    pub(super) fn word(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            self = self.byte(byte);
        }
        self
    }

    pub(super) fn number(mut self, value: u32) -> Self {
        let mut digits = [0u8; 10];
        let (mut start, mut left) = (digits.len(), value);
        while start == digits.len() || left > 0 {
            start -= 1;
            digits[start] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        for digit in &digits[start..] {
            self = self.byte(*digit);
        }
        self
    }

    /// `table address`, and ` xcount` where it is more than one.
    pub(super) fn range(self, table: &str, address: u16, count: u16) -> Self {
        let words = self.word(table).byte(b' ').number(u32::from(address));
        match count {
            1 => words,
            _ => words.word(" x").number(u32::from(count)),
        }
    }

    fn byte(mut self, byte: u8) -> Self {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
        self
    }
}

impl AsRef<[u8]> for Words {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

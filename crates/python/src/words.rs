//! A dictionary column of few words (transport, protocol, operation …): a word met lately is found without hashing.

use arrow_array::builder::{Int16Builder, StringBuilder};
use arrow_array::types::Int16Type;
use arrow_array::DictionaryArray;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Most different words of one column: one for each key.
pub const WORD_CAP: usize = 1 << 15;
/// Places of the memory of recent words.
const RECENT: usize = 32;
const NONE: i16 = -1;

/// Builds a column.
pub struct Words {
    keys: Int16Builder,
    values: StringBuilder,
    recent: [i16; RECENT],
    /// Words come from the wire, so the hash is seeded.
    index: HashMap<Box<str>, i16, RandomState>,
}

impl Words {
    /// An empty column.
    pub fn new() -> Self {
        Words {
            keys: Int16Builder::new(),
            values: StringBuilder::new(),
            recent: [NONE; RECENT],
            index: HashMap::with_hasher(RandomState::default()),
        }
    }

    /// Add a row. A column has no more rows than there are keys, so there is a key for every word.
    #[inline]
    pub fn append(&mut self, word: &str) {
        let bytes = word.as_bytes();
        let place = Self::place(bytes);
        let recent = self.recent[place];
        if recent != NONE && self.word(recent) == bytes {
            self.keys.append_value(recent);
        } else {
            self.recent[place] = self.look_up(word);
        }
    }

    /// Add a row of bytes from the wire; what is no UTF-8 is replaced. Only a word that was not met lately is looked at.
    #[inline]
    pub fn append_bytes(&mut self, word: &[u8]) {
        let place = Self::place(word);
        let recent = self.recent[place];
        if recent != NONE && self.word(recent) == word {
            self.keys.append_value(recent);
        } else {
            self.append(&String::from_utf8_lossy(word));
        }
    }

    /// Add a row that may be null.
    #[inline]
    pub fn append_option(&mut self, word: Option<&[u8]>) {
        match word {
            Some(word) => self.append_bytes(word),
            None => self.keys.append_null(),
        }
    }

    #[inline]
    fn place(word: &[u8]) -> usize {
        let ends =
            word.first().zip(word.last()).map_or(0, |(first, last)| usize::from(*first) * 5 + usize::from(*last));
        (ends + word.len() * 3) % RECENT
    }

    #[inline]
    fn word(&self, key: i16) -> &[u8] {
        let offsets = self.values.offsets_slice();
        let (from, to) = (offsets[key as usize], offsets[key as usize + 1]);
        &self.values.values_slice()[from as usize..to as usize]
    }

    #[cold]
    fn look_up(&mut self, word: &str) -> i16 {
        let key = match self.index.get(word) {
            Some(&key) => key,
            None => {
                let key = self.index.len() as i16;
                self.index.insert(word.into(), key);
                self.values.append_value(word);
                key
            }
        };
        self.keys.append_value(key);
        key
    }

    /// The column; the builder is empty then.
    pub fn finish(&mut self) -> DictionaryArray<Int16Type> {
        self.index.clear();
        self.recent = [NONE; RECENT];
        DictionaryArray::new(self.keys.finish(), Arc::new(self.values.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::Words;
    use arrow_array::{Array, StringArray};

    #[test]
    fn rows_read_back_as_written_and_each_word_is_kept_once() {
        let mut words = Words::new();
        let rows: Vec<Option<String>> =
            (0..4000).map(|row| (row % 7 != 0).then(|| format!("word {}", row * 31 % 500))).collect();
        for batch in 0..2 {
            rows.iter().for_each(|row| words.append_option(row.as_ref().map(|row| row.as_bytes())));
            let column = words.finish();
            let read = column.downcast_dict::<StringArray>().expect("values are texts");
            for (at, row) in rows.iter().enumerate() {
                assert_eq!(column.is_null(at), row.is_none());
                if let Some(row) = row {
                    assert_eq!(read.values().value(column.keys().value(at) as usize), row, "batch {batch}");
                }
            }
            assert!(column.values().len() <= 500);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_each_time() {
        let mut words = Words::new();
        [&b"\xff\xfe"[..], b"read", b"\xff\xfe", b"read"].iter().for_each(|word| words.append_bytes(word));
        let column = words.finish();
        assert_eq!(column.keys().values(), &[0, 1, 0, 1]);
        let read = column.downcast_dict::<StringArray>().expect("values are texts");
        assert_eq!(read.values().value(0), "\u{fffd}\u{fffd}");
    }
}

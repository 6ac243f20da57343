//! A domain name as text, read straight from the message. RFC 1035 §3.1, §4.1.4, RFC 4343 §2.1.
//!
//! Rule 1: what is a key is equal for equal names; beside it the name as sent is made only where it is wanted. The root
//! is `.`.
//! Rule 2: a compression pointer leads backwards or is a fault, and a name has at most 255 bytes, so every name ends. Chains of pointers are
//! cut off, since each of many names could walk the same long one.
//! Rule 3: a name that can't be read but whose end is known (behind a pointer that leads astray) does not cost what
//! follows it.

/// A name has at most 255 bytes on the wire, each of which grows to four at most.
const TEXT_CAP: usize = 1024; // bytes
/// RFC 1035 §2.3.4, without the root's byte.
const NAME_CAP: usize = 254; // bytes

/// A name has fewer labels than this, and no two pointers need follow one another.
const POINTERS_CAP: usize = 128;

/// Which text is made of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Labels joined by dots, bytes untouched.
    Sent,
    /// Lower case; dots and backslashes in labels as `\.` and `\\`, bytes that don't print as `\DDD`.
    Folded,
    /// As sent, but from the first label that starts with an underscore on in lower case: people choose the spelling
    /// of instances and hosts, and it is shown to people; a service type is one whatever its case.
    Service,
}

/// What reading a name came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The name is read; what follows it starts here.
    Whole(usize),
    /// The name can't be read; what follows it starts here.
    Faulty(usize),
    /// Neither the name nor its end is known.
    Lost,
}

/// A name's text: built in place, used for one name after another.
pub(super) struct Name {
    bytes: [u8; TEXT_CAP],
    length: usize,
}

impl Name {
    /// No name yet.
    pub(super) fn new() -> Self {
        Name { bytes: [0; TEXT_CAP], length: 0 }
    }

    /// The text.
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Read the name that starts at byte `at` of `message`.
    pub(super) fn read(&mut self, message: &[u8], at: usize, style: Style) -> Read {
        self.length = 0;
        let mut lower = false;
        let read = labels(message, at, |label| {
            if self.length > 0 {
                self.push(b'.');
            }
            lower |= label.first() == Some(&b'_');
            match style {
                Style::Folded => self.extend_escaped(label),
                _ => self.extend(label, lower && style == Style::Service),
            }
        });
        if self.length == 0 {
            self.push(b'.');
        }
        read
    }

    // What is over the capacity is dropped, which names of legal length never reach.
    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    #[inline]
    fn extend(&mut self, label: &[u8], lower: bool) {
        if let Some(slot) = self.bytes.get_mut(self.length..self.length + label.len()) {
            slot.copy_from_slice(label);
            if lower {
                slot.make_ascii_lowercase();
            }
            self.length += label.len();
        }
    }

    fn extend_escaped(&mut self, label: &[u8]) {
        // No early exit: then the compiler looks at many bytes at once, and nearly every label is plain.
        let special = |byte: &u8| !matches!(byte, 0x21..=0x7e) || matches!(byte, b'.' | b'\\');
        if !label.iter().fold(false, |any, byte| any | special(byte)) {
            return self.extend(label, true);
        }
        for byte in label {
            match byte {
                b'.' | b'\\' => {
                    self.push(b'\\');
                    self.push(*byte);
                }
                0x21..=0x7e => self.push(byte.to_ascii_lowercase()),
                _ => {
                    self.push(b'\\');
                    [byte / 100, byte / 10 % 10, byte % 10].iter().for_each(|digit| self.push(b'0' + digit));
                }
            }
        }
    }
}

/// Hand the labels of the name at byte `at` over, without the root.
pub(super) fn labels<'a>(message: &'a [u8], at: usize, mut take: impl FnMut(&'a [u8])) -> Read {
    let mut at = at;
    let mut end = None;
    let mut length = 0;
    let mut pointers = 0;
    let fault = |end: Option<usize>| end.map_or(Read::Lost, Read::Faulty);
    loop {
        let Some(&first) = message.get(at) else { return fault(end) };
        match first {
            0 => return Read::Whole(end.unwrap_or(at + 1)),
            1..=0x3f => {
                let next = at + 1 + usize::from(first);
                let Some(label) = message.get(at + 1..next) else { return fault(end) };
                length += 1 + label.len();
                if length > NAME_CAP {
                    return fault(end);
                }
                take(label);
                at = next;
            }
            0xc0.. => {
                let Some(&second) = message.get(at + 1) else { return fault(end) };
                let target = usize::from(first & 0x3f) << 8 | usize::from(second);
                let after = *end.get_or_insert(at + 2);
                pointers += 1;
                if target >= at || pointers > POINTERS_CAP {
                    return Read::Faulty(after);
                }
                at = target;
            }
            _ => return fault(end),
        }
    }
}

//! BER and DER elements: tag, length, content. ITU-T X.690 §8.
//!
//! Rule 1: the reader is flat and iterative: it walks the elements of one level and hands their content out as a slice;
//! who wants to go deeper makes another reader over that content, as deep as his format goes.
//! Rule 2: an element whose content is cut off is handed out with what is there (`cut`), so that partial facts survive.
//! Rule 3: the indefinite form is followed without recursion, to a fixed depth.

/// Tag class and form, and the numbers used everywhere.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// SEQUENCE, constructed.
    pub const SEQUENCE: u8 = 0x30;
    /// SET, constructed.
    pub const SET: u8 = 0x31;
}

/// Deepest nesting of indefinite lengths that is followed.
const INDEFINITE_DEPTH: u32 = 16;

/// What is wrong with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BerFault {
    /// The identifier or length octets end early.
    Short,
    /// A tag number over 28 bits.
    Tag,
    /// A length over 32 bits, or the reserved form.
    Length,
    /// An indefinite length without its end, or nested too deep.
    Indefinite,
}

impl BerFault {
    /// A sentence about it.
    pub fn reason(self) -> &'static str {
        match self {
            BerFault::Short => "ends within a tag or length",
            BerFault::Tag => "tag number over 28 bits",
            BerFault::Length => "length over 32 bits or of the reserved form",
            BerFault::Indefinite => "indefinite length without an end",
        }
    }
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// First identifier octet: class, form and, below 31, the number.
    pub tag: u8,
    /// Tag number, from the octets that follow where it is 31 or more.
    pub number: u32,
    /// Content octets: all of them, unless `cut`.
    pub content: &'a [u8],
    /// True where fewer octets are there than the length says.
    pub cut: bool,
}

impl<'a> Element<'a> {
    /// True where the content is elements.
    #[inline]
    pub fn constructed(&self) -> bool {
        self.tag & 0x20 != 0
    }

    /// A reader over the content.
    #[inline]
    pub fn inside(&self) -> BerReader<'a> {
        BerReader::new(self.content)
    }
}

/// Walks the elements of one level.
#[derive(Clone, Copy, Debug)]
pub struct BerReader<'a> {
    rest: &'a [u8],
}

impl<'a> BerReader<'a> {
    /// Start at the first byte of `data`.
    #[inline]
    pub fn new(data: &'a [u8]) -> Self {
        BerReader { rest: data }
    }

    /// What is left, without moving.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True where nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element's first identifier octet, without moving.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element; `None` at the end. After a fault nothing more comes.
    #[allow(clippy::should_implement_trait)] // An iterator of results would go on after a fault.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Element<'a>>, BerFault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        match element(self.rest) {
            Ok((element, rest)) => {
                self.rest = rest;
                Ok(Some(element))
            }
            Err(fault) => {
                self.rest = &[];
                Err(fault)
            }
        }
    }

    /// The next element if it has this first identifier octet; else nothing moves.
    #[inline]
    pub fn expect(&mut self, tag: u8) -> Result<Option<Element<'a>>, BerFault> {
        if self.peek() == Some(tag) {
            self.next()
        } else {
            Ok(None)
        }
    }
}

#[inline]
fn element(data: &[u8]) -> Result<(Element<'_>, &[u8]), BerFault> {
    let (tag, number, rest) = identifier(data)?;
    let (length, rest) = length(rest)?;
    match length {
        Some(length) => {
            let cut = length > rest.len();
            let (content, rest) = rest.split_at(length.min(rest.len()));
            Ok((Element { tag, number, content, cut }, rest))
        }
        None => {
            let (content, rest) = indefinite(rest)?;
            Ok((Element { tag, number, content, cut: false }, rest))
        }
    }
}

#[inline]
fn identifier(data: &[u8]) -> Result<(u8, u32, &[u8]), BerFault> {
    let (&tag, mut rest) = data.split_first().ok_or(BerFault::Short)?;
    if tag & 0x1F != 0x1F {
        return Ok((tag, u32::from(tag & 0x1F), rest));
    }
    let mut number = 0;
    for _ in 0..4 {
        let (&octet, tail) = rest.split_first().ok_or(BerFault::Short)?;
        rest = tail;
        number = number << 7 | u32::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            return Ok((tag, number, rest));
        }
    }
    Err(BerFault::Tag)
}

/// Length octets; `None` is the indefinite form.
#[inline]
fn length(data: &[u8]) -> Result<(Option<usize>, &[u8]), BerFault> {
    let (&first, rest) = data.split_first().ok_or(BerFault::Short)?;
    match first {
        0..=0x7F => Ok((Some(usize::from(first)), rest)),
        0x80 => Ok((None, rest)),
        0xFF => Err(BerFault::Length),
        _ => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7F)).ok_or(BerFault::Short)?;
            let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
            let significant = &octets[start..];
            if significant.len() > 4 {
                return Err(BerFault::Length);
            }
            let length = significant.iter().fold(0u64, |length, octet| length << 8 | u64::from(*octet));
            Ok((Some(usize::try_from(length).map_err(|_| BerFault::Length)?), rest))
        }
    }
}

/// Content of the indefinite form up to its end-of-contents octets, and what follows them.
fn indefinite(data: &[u8]) -> Result<(&[u8], &[u8]), BerFault> {
    let (mut rest, mut depth) = (data, 1u32);
    loop {
        let here = data.len() - rest.len();
        if let [0, 0, tail @ ..] = rest {
            depth -= 1;
            if depth == 0 {
                return Ok((&data[..here], tail));
            }
            rest = tail;
            continue;
        }
        let (_, _, after_tag) = identifier(rest).map_err(|_| BerFault::Indefinite)?;
        let (length, after) = length(after_tag).map_err(|_| BerFault::Indefinite)?;
        rest = match length {
            Some(length) => after.get(length..).ok_or(BerFault::Indefinite)?,
            None if depth < INDEFINITE_DEPTH => {
                depth += 1;
                after
            }
            None => return Err(BerFault::Indefinite),
        };
    }
}

/// An INTEGER's content; `None` where it is empty or over 64 bits.
#[inline]
pub fn integer(content: &[u8]) -> Option<i64> {
    let (&first, _) = content.split_first()?;
    let fill = if first & 0x80 != 0 { -1i64 } else { 0 };
    let fill_octet = fill as u8;
    let start = content.len().saturating_sub(8);
    if content[..start].iter().any(|octet| *octet != fill_octet) {
        return None;
    }
    let value = content[start..].iter().fold(fill, |value, octet| value << 8 | i64::from(*octet));
    ((value < 0) == (fill < 0)).then_some(value)
}

/// An unsigned number's content (Counter, Gauge, TimeTicks …); `None` where it is empty or over 64 bits.
///
/// Some senders leave out the leading zero octet; the content is therefore never read as negative.
#[inline]
pub fn unsigned(content: &[u8]) -> Option<u64> {
    let start = content.len().saturating_sub(8);
    if content.is_empty() || content[..start].iter().any(|octet| *octet != 0) {
        return None;
    }
    Some(content[start..].iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
}

/// Room for the dotted text of an object identifier.
pub const OID_TEXT: usize = 512; // bytes

/// Write the dotted text of an OBJECT IDENTIFIER's content into `buffer`; `None` where it is empty, ends within an arc,
/// has an arc over 64 bits or needs more room.
pub fn oid_text<'b>(content: &[u8], buffer: &'b mut [u8; OID_TEXT]) -> Option<&'b [u8]> {
    let mut at = 0;
    let mut arc = 0u64;
    let mut first = true;
    if content.last()? & 0x80 != 0 {
        return None;
    }
    for octet in content {
        if arc >> 57 != 0 {
            return None;
        }
        arc = arc << 7 | u64::from(octet & 0x7F);
        if octet & 0x80 != 0 {
            continue;
        }
        if first {
            first = false;
            let root = (arc / 40).min(2);
            at = decimal(root, buffer, at)?;
            arc -= root * 40;
        }
        *buffer.get_mut(at)? = b'.';
        at = decimal(arc, buffer, at + 1)?;
        arc = 0;
    }
    buffer.get(..at)
}

/// Write `value` at `at`; answers the place after it.
#[inline]
fn decimal(value: u64, buffer: &mut [u8; OID_TEXT], at: usize) -> Option<usize> {
    if value < 10 {
        *buffer.get_mut(at)? = b'0' + value as u8;
        return Some(at + 1);
    }
    let mut digits = [0u8; 20];
    let (mut start, mut left) = (digits.len(), value);
    while left > 0 {
        start -= 1;
        digits[start] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let text = &digits[start..];
    buffer.get_mut(at..at + text.len())?.copy_from_slice(text);
    Some(at + text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_one_level_come_in_order() {
        let mut reader = BerReader::new(&[0x30, 3, 2, 1, 5, 0x04, 0x81, 2, 7, 8, 0xBF, 0x81, 0x01, 0]);
        let sequence = reader.next().unwrap().unwrap();
        assert!(sequence.constructed() && !sequence.cut);
        let five = sequence.inside().next().unwrap().unwrap();
        assert_eq!(integer(five.content), Some(5));
        assert_eq!(reader.expect(tag::INTEGER), Ok(None));
        assert_eq!(reader.expect(tag::OCTET_STRING).unwrap().unwrap().content, [7, 8]);
        assert_eq!(reader.next().unwrap().unwrap().number, 129);
        assert_eq!(reader.next(), Ok(None));
    }

    #[test]
    fn what_is_cut_off_is_handed_out_and_said() {
        let element = BerReader::new(&[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2]).next().unwrap().unwrap();
        assert_eq!((element.content, element.cut), (&[1u8, 2][..], true));
    }

    #[test]
    fn faults_are_named_and_end_the_walk() {
        for (bytes, fault) in [
            (&[0x1F, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F][..], BerFault::Tag),
            (&[0x04][..], BerFault::Short),
            (&[0x04, 0x82, 1][..], BerFault::Short),
            (&[0x04, 0xFF, 1][..], BerFault::Length),
            (&[0x04, 0x85, 1, 0, 0, 0, 0][..], BerFault::Length),
            (&[0x30, 0x80, 2, 1, 5, 0][..], BerFault::Indefinite),
            (&[0x30, 0x80].repeat(40)[..], BerFault::Indefinite),
        ] {
            let mut reader = BerReader::new(bytes);
            assert_eq!(reader.next(), Err(fault));
            assert_eq!(reader.next(), Ok(None));
        }
    }

    #[test]
    fn indefinite_lengths_are_followed() {
        let bytes = [0x30, 0x80, 0x30, 0x80, 2, 1, 5, 0, 0, 4, 2, 0, 0, 0, 0, 5, 0];
        let mut reader = BerReader::new(&bytes);
        assert_eq!(reader.next().unwrap().unwrap().content, &bytes[2..13]);
        assert_eq!(reader.next().unwrap().unwrap().tag, tag::NULL);
    }

    #[test]
    fn numbers_keep_their_sign_and_bounds() {
        assert_eq!(integer(&[0xFF]), Some(-1));
        assert_eq!(integer(&[0x80, 0, 0, 0, 0, 0, 0, 0]), Some(i64::MIN));
        assert_eq!(integer(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]), Some(-2));
        assert_eq!(integer(&[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), None);
        assert_eq!(integer(&[1; 9]), None);
        assert_eq!(integer(&[]), None);
        assert_eq!(unsigned(&[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), Some(u64::MAX));
        assert_eq!(unsigned(&[1; 9]), None);
    }

    #[test]
    fn object_identifiers_are_dotted() {
        let mut buffer = [0; OID_TEXT];
        assert_eq!(oid_text(&[0x2B, 6, 1, 2, 1, 0x88, 0x37], &mut buffer), Some(&b"1.3.6.1.2.1.1079"[..]));
        assert_eq!(oid_text(&[0x88, 0x37, 3], &mut buffer), Some(&b"2.999.3"[..]));
        assert_eq!(oid_text(&[0], &mut buffer), Some(&b"0.0"[..]));
        assert_eq!(oid_text(&[0x2B, 0x8F, 0xFF, 0xFF, 0xFF, 0x7F], &mut buffer), Some(&b"1.3.4294967295"[..]));
        for bad in [&[][..], &[0x2B, 0x81][..], &[0xFF; 12][..], &[0x7F; 400][..]] {
            assert_eq!(oid_text(bad, &mut buffer), None);
        }
    }
}

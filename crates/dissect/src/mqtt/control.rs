//! Control packets: the fixed header and the fields that records are made of. MQTT 5.0 §2, §3; MQTT 3.1.1 §2, §3.

use ringfence_wire::Reader;

pub(super) const CONNECT: u8 = 1;
pub(super) const CONNACK: u8 = 2;
pub(super) const PUBLISH: u8 = 3;
pub(super) const SUBSCRIBE: u8 = 8;
pub(super) const UNSUBSCRIBE: u8 = 10;

/// The fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) packet_type: u8,
    pub(super) flags: u8,
    /// Bytes that follow the fixed header.
    pub(super) remaining: usize,
    /// Bytes of the fixed header.
    pub(super) size: usize,
}

/// What reading a fixed header came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Whole(Header),
    More,
    /// A remaining length of five bytes or more.
    Bad,
}

impl Header {
    pub(super) fn decode(data: &[u8]) -> Head {
        let Some((&first, rest)) = data.split_first() else { return Head::More };
        match variable(rest) {
            Length::Whole { value, size } => {
                Head::Whole(Header { packet_type: first >> 4, flags: first & 15, remaining: value, size: size + 1 })
            }
            Length::More => Head::More,
            Length::Bad => Head::Bad,
        }
    }

    /// Do the flags fit the type? (A publication's QoS is judged apart.) UNSUBSCRIBE and SUBSCRIBE of MQTT 3.1 may
    /// carry a duplicate flag, and so may PUBREL.
    pub(super) fn flags_fit(&self) -> bool {
        match self.packet_type {
            PUBLISH => true,
            6 | SUBSCRIBE | UNSUBSCRIBE => self.flags & !8 == 2,
            _ => self.flags == 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Whole { value: usize, size: usize },
    More,
    Bad,
}

/// A variable byte integer at the front of `data`.
pub(super) fn variable(data: &[u8]) -> Length {
    let mut value = 0usize;
    for at in 0..4 {
        let Some(&byte) = data.get(at) else { return Length::More };
        value |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Length::Whole { value, size: at + 1 };
        }
    }
    Length::Bad
}

/// A two-byte length and that many bytes.
pub(super) fn string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut ahead = *reader;
    let length = ahead.u16()?;
    let text = ahead.take(usize::from(length))?;
    *reader = ahead;
    Some(text)
}

/// Pass over the properties of MQTT 5.
pub(super) fn properties(reader: &mut Reader<'_>) -> Option<()> {
    let Length::Whole { value, size } = variable(reader.rest()) else { return None };
    reader.skip(size)?;
    reader.skip(value)
}

/// A CONNECT as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Connect<'a> {
    pub(super) protocol_name: &'a [u8],
    pub(super) version: Option<u8>,
    pub(super) flags: Option<u8>,
    pub(super) keep_alive: Option<u16>,
    pub(super) client_id: Option<&'a [u8]>,
    pub(super) will_topic: Option<&'a [u8]>,
    pub(super) user: Option<&'a [u8]>,
    pub(super) password: Option<&'a [u8]>,
}

impl<'a> Connect<'a> {
    /// Read the variable header and payload: what is there, and the field that could not be read.
    pub(super) fn decode(body: &'a [u8]) -> (Connect<'a>, Result<(), &'static str>) {
        let mut connect = Connect::default();
        let result = connect.fill(&mut Reader::new(body));
        (connect, result)
    }

    fn fill(&mut self, r: &mut Reader<'a>) -> Result<(), &'static str> {
        self.protocol_name = string(r).ok_or("protocol_name")?;
        let version = r.u8().ok_or("version")?;
        // The top bit marks a bridge (mosquitto).
        self.version = Some(version & 0x7F);
        let flags = r.u8().ok_or("flags")?;
        self.flags = Some(flags);
        self.keep_alive = Some(r.u16().ok_or("keep_alive")?);
        let fifth = version & 0x7F == 5;
        if fifth {
            properties(r).ok_or("properties")?;
        }
        self.client_id = Some(string(r).ok_or("client_id")?);
        if flags & 0x04 != 0 {
            if fifth {
                properties(r).ok_or("will_properties")?;
            }
            self.will_topic = Some(string(r).ok_or("will_topic")?);
            string(r).ok_or("will_payload")?;
        }
        if flags & 0x80 != 0 {
            self.user = Some(string(r).ok_or("user")?);
        }
        if flags & 0x40 != 0 {
            self.password = Some(string(r).ok_or("password")?);
        }
        if !matches!(self.protocol_name, b"MQTT" | b"MQIsdp") {
            return Err("protocol_name");
        }
        if !r.is_empty() {
            return Err("length");
        }
        Ok(())
    }
}

/// A topic filter and the QoS asked for (absent where it is given up).
pub(super) type Filter<'a> = (&'a [u8], Option<u8>);

/// The filters of a SUBSCRIBE or UNSUBSCRIBE, up to the first that can't be read; `true` after them where all could.
pub(super) fn filters(body: &[u8], subscribe: bool, fifth: bool, mut each: impl FnMut(Filter<'_>)) -> bool {
    let mut r = Reader::new(body);
    if r.u16().is_none() || fifth && properties(&mut r).is_none() || r.is_empty() {
        return false;
    }
    while !r.is_empty() {
        let Some(topic) = string(&mut r) else { return false };
        let options = if subscribe {
            match r.u8() {
                Some(options) => Some(options & 3),
                None => return false,
            }
        } else {
            None
        };
        each((topic, options));
    }
    true
}

/// True for text that a topic name or filter of a real broker may hold.
pub(super) fn topic_like(topic: &[u8]) -> bool {
    !topic.is_empty()
        && !topic.contains(&0)
        && std::str::from_utf8(topic).is_ok_and(|text| !text.contains(char::is_control))
}

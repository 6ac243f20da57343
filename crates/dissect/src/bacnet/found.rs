//! One walk over the tags of a service, and what it finds. Iterative, with bounded depth and bounded lists.

use super::shapes::{inside, Meaning, Shape};
use super::tags::{self, number, Class, Tag};
use super::wording;
use crate::LIST_CAP;
use ringfence_wire::Reader;
use std::ops::Range;

/// Deepest nesting followed.
const DEPTH: usize = 16;
/// Most written values put in words.
const VALUES: usize = 64;
/// Properties of a device object that say what it is.
const IDENTITY: [u32; 11] = [12, 28, 44, 58, 70, 77, 98, 120, 121, 139, 372];

/// Object type of a device.
const DEVICE: u16 = 8;

/// An object, or a property of it, that a service names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub object: (u16, u32),
    pub property: Option<u32>,
    pub index: Option<u64>,
}

/// A device's identity property that was answered; `content` is where its value stands.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub instance: u32,
    pub property: u32,
    pub number: u8,
    pub content: Range<usize>,
}

/// What one service said. Kept between messages, so that its lists are allocated once.
#[derive(Default, Debug)]
pub(super) struct Found {
    pub targets: Vec<Target>,
    /// Every object mentioned, those in values too.
    pub objects: Vec<(u16, u32)>,
    pub properties: Vec<u32>,
    pub names: Vec<Range<usize>>,
    pub reals: Vec<f32>,
    pub values: Vec<String>,
    pub identity: Vec<Identity>,
    pub error_classes: Vec<u64>,
    pub error_codes: Vec<u64>,
    pub priority: Option<u64>,
    pub state: Option<u64>,
    pub minutes: Option<u64>,
    pub vendor: Option<u64>,
    pub number: Option<u64>,
    pub low: Option<u64>,
    pub high: Option<u64>,
    pub password: Option<Range<usize>>,
    /// The property of an object that is named by its type alone.
    loose: Option<u32>,
}

fn keep<T>(list: &mut Vec<T>, item: T) {
    if list.len() < LIST_CAP {
        list.push(item);
    }
}

/// Where a walk stands.
struct Walk<'a> {
    shape: Shape,
    data: &'a [u8],
    reader: Reader<'a>,
    path: [u8; DEPTH],
    depth: usize,
    in_words: bool,
    /// The first thing that was wrong and could be passed over.
    fault: Option<&'static str>,
}

impl Walk<'_> {
    fn path(&self) -> &[u8] {
        self.path.get(..self.depth).unwrap_or_default()
    }

    /// Where the content of the tag read last stands.
    fn range(&self, tag: &Tag<'_>) -> Range<usize> {
        let end = self.reader.position();
        end.saturating_sub(tag.content.len())..end.min(self.data.len())
    }

    fn open(&mut self, number: u8) -> Result<(), &'static str> {
        *self.path.get_mut(self.depth).ok_or("nested too deep")? = number;
        self.depth += 1;
        Ok(())
    }

    /// Close a list; those inside it that were not closed are closed with it.
    fn close(&mut self, number: u8) {
        if self.path().last() != Some(&number) {
            self.fault = self.fault.or(Some("a list is closed that is not the last one opened"));
        }
        if let Some(at) = self.path().iter().rposition(|opened| *opened == number) {
            self.depth = at;
        }
    }
}

impl Found {
    /// Forget the last message; memory of an unusually long one is given back.
    pub fn clear(&mut self) {
        if self.objects.capacity() > 64 || self.properties.capacity() > 64 || !self.values.is_empty() {
            *self = Found::default();
            return;
        }
        self.targets.clear();
        self.objects.clear();
        self.properties.clear();
        self.names.clear();
        self.reals.clear();
        self.identity.clear();
        self.error_classes.clear();
        self.error_codes.clear();
        (self.priority, self.state, self.minutes, self.vendor) = (None, None, None, None);
        (self.number, self.low, self.high, self.password) = (None, None, None, None);
        self.loose = None;
    }

    /// Read the parameters of a service. What was found before a fault is kept.
    pub fn read(&mut self, shape: Shape, data: &[u8], in_words: bool) -> Result<(), &'static str> {
        self.clear();
        let mut walk =
            Walk { shape, data, reader: Reader::new(data), path: [0; DEPTH], depth: 0, in_words, fault: None };
        while let Some(tag) = tags::next(&mut walk.reader)? {
            match tag.class {
                Class::Opening => walk.open(tag.number)?,
                Class::Closing => walk.close(tag.number),
                Class::Context => self.context(&walk, &tag),
                Class::Application => self.application(&walk, &tag),
            }
        }
        match walk.fault {
            None if walk.depth == 0 => Ok(()),
            fault => Err(fault.unwrap_or("a list is not closed")),
        }
    }

    fn context(&mut self, walk: &Walk<'_>, tag: &Tag<'_>) {
        let Some(skip) = walk.shape.value(walk.path()) else {
            let meaning = walk.shape.meaning(walk.path(), tag.number);
            return self.take(meaning, walk, tag);
        };
        let property = self.targets.last().and_then(|target| target.property);
        let below = walk.path().get(skip..).unwrap_or_default();
        match property.map(|property| inside(property, below, tag.number)) {
            Some(Meaning::Property) => {
                if let Some(property) = tags::unsigned(tag.content) {
                    keep(&mut self.properties, property as u32);
                }
            }
            Some(meaning) => self.take(meaning, walk, tag),
            None => {}
        }
        self.word(walk, tag);
    }

    fn take(&mut self, meaning: Meaning, walk: &Walk<'_>, tag: &Tag<'_>) {
        let value = tags::unsigned(tag.content);
        match meaning {
            Meaning::Nothing => {}
            Meaning::Object => self.object(tag.content, true),
            Meaning::Mention => self.object(tag.content, false),
            Meaning::Property => self.property(value),
            Meaning::Index => {
                if let Some(target) = self.targets.last_mut() {
                    target.index = value;
                }
            }
            Meaning::Priority => self.priority = value,
            Meaning::State => self.state = value,
            Meaning::Minutes => self.minutes = value,
            Meaning::Password => self.password = Some(walk.range(tag)),
            Meaning::Vendor => self.vendor = value,
            Meaning::Number => self.number = value,
            Meaning::Name => keep(&mut self.names, walk.range(tag)),
            Meaning::Low => self.low = value,
            Meaning::High => self.high = value,
        }
    }

    fn object(&mut self, content: &[u8], target: bool) {
        let Some(object) = tags::object(content) else { return };
        keep(&mut self.objects, object);
        if target {
            keep(&mut self.targets, Target { object, property: None, index: None });
        }
    }

    fn property(&mut self, value: Option<u64>) {
        let Some(property) = value.and_then(|value| u32::try_from(value).ok()) else { return };
        keep(&mut self.properties, property);
        match self.targets.last_mut() {
            Some(target) if target.property.is_none() => target.property = Some(property),
            Some(target) => {
                let object = target.object;
                keep(&mut self.targets, Target { object, property: Some(property), index: None });
            }
            None => self.loose = Some(property),
        }
    }

    fn application(&mut self, walk: &Walk<'_>, tag: &Tag<'_>) {
        let value = walk.shape.value(walk.path());
        match tag.number {
            number::OBJECT => self.object(tag.content, value.is_none()),
            number::CHARACTERS if walk.shape == Shape::IHave => keep(&mut self.names, walk.range(tag)),
            number::ENUMERATED if value.is_none() => self.error(walk, tag),
            _ => {}
        }
        if value.is_some() {
            self.value(walk, tag, value == Some(walk.depth));
        }
    }

    fn error(&mut self, walk: &Walk<'_>, tag: &Tag<'_>) {
        if !walk.shape.is_error() && (walk.shape, walk.path()) != (Shape::ReadMultipleAck, &[1, 5]) {
            return;
        }
        let Some(value) = tags::unsigned(tag.content) else { return };
        match self.error_classes.len() > self.error_codes.len() {
            false => keep(&mut self.error_classes, value),
            true => keep(&mut self.error_codes, value),
        }
    }

    /// A value of the property named last; `outermost` where it is not inside a structure.
    fn value(&mut self, walk: &Walk<'_>, tag: &Tag<'_>, outermost: bool) {
        let (object, property, index) = match self.targets.last() {
            Some(target) => (Some(target.object), target.property, target.index),
            None => (None, self.loose, None),
        };
        let Some(property) = property else { return };
        match (property, tag.number) {
            (85, number::REAL) => {
                if let Ok(bytes) = tag.content.try_into() {
                    keep(&mut self.reals, f32::from_be_bytes(bytes));
                }
            }
            (77, number::CHARACTERS) => keep(&mut self.names, walk.range(tag)),
            _ => {}
        }
        let device = object.filter(|object| object.0 == DEVICE && outermost && index.is_none());
        if let Some((_, instance)) = device.filter(|_| IDENTITY.contains(&property)) {
            let content = walk.range(tag);
            keep(&mut self.identity, Identity { instance, property, number: tag.number, content });
        }
        self.word(walk, tag);
    }

    fn word(&mut self, walk: &Walk<'_>, tag: &Tag<'_>) {
        if walk.in_words && self.values.len() < VALUES {
            self.values.push(wording::value(tag));
        }
    }
}

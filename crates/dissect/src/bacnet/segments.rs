//! Messages that come in several APDUs. ASHRAE 135 §5.2, §20.1.2.8.
//!
//! Rule 1: segments are joined in order; one that is missing ends the message, one that came already is passed over.
//! Rule 2: at most four messages and 64 KiB are kept of one conversation; the oldest message gives way.

/// Most messages being joined at one time.
const OPEN: usize = 4;
/// Most bytes of all of them.
const BUDGET: usize = 65_536; // bytes

/// What tells one segmented message from another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub from_client: bool,
    pub pdu_type: u8,
    pub invoke_id: u8,
    pub service: u8,
    pub network: Option<u16>,
    /// The first bytes of the source address behind a router.
    pub address: [u8; 7],
}

/// One segment.
pub(super) struct Segment<'a> {
    pub name: Name,
    pub sequence: u8,
    pub more: bool,
    pub content: &'a [u8],
}

struct Assembly {
    name: Name,
    next: u8,
    bytes: Vec<u8>,
}

/// The messages being joined.
#[derive(Default)]
pub(super) struct Segments {
    open: Vec<Assembly>,
}

impl Segments {
    /// Take a segment; the whole message where it was the last one.
    pub fn take(&mut self, segment: &Segment<'_>) -> Option<Vec<u8>> {
        let known = self.open.iter().position(|assembly| assembly.name == segment.name);
        let at = match known {
            Some(at) => at,
            None if segment.sequence == 0 => self.start(segment.name),
            None => return None,
        };
        let assembly = self.open.get_mut(at)?;
        if segment.sequence != assembly.next {
            // One that came already lies within the largest window (127) behind; all else is a loss.
            if assembly.next.wrapping_sub(segment.sequence) > 127 {
                self.open.remove(at);
            }
            return None;
        }
        assembly.next = assembly.next.wrapping_add(1);
        assembly.bytes.extend_from_slice(segment.content);
        if !segment.more {
            return Some(self.open.remove(at).bytes);
        }
        self.shrink();
        None
    }

    /// Forget a message that one side gave up.
    pub fn abort(&mut self, invoke_id: u8) {
        self.open.retain(|assembly| assembly.name.invoke_id != invoke_id);
    }

    fn start(&mut self, name: Name) -> usize {
        if self.open.len() >= OPEN {
            self.open.remove(0);
        }
        self.open.push(Assembly { name, next: 0, bytes: Vec::new() });
        self.open.len() - 1
    }

    fn shrink(&mut self) {
        while self.open.iter().map(|assembly| assembly.bytes.len()).sum::<usize>() > BUDGET {
            self.open.remove(0);
        }
    }
}

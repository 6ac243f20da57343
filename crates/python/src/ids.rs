//! Part ids and epochs of a run, remembered within a bound.

use foldhash::quality::RandomState;
use ringfence_flow::{part_id, Domain, PART_ID_LENGTH};
use ringfence_wire::Place;
use std::collections::HashMap;
use std::sync::Arc;

/// Most part ids remembered; beyond it the memory is started anew.
const REMEMBERED: usize = 65_536;

/// Places of the memory of recent part ids; it fits the nearest cache, which the other does not.
const RECENT: usize = 64;

#[derive(Clone, Copy)]
struct Recent {
    domain: Domain,
    place: Place,
    id: [u8; PART_ID_LENGTH],
}

/// Names of domains and epochs, with a memory of part ids.
pub struct Ids {
    domains: Arc<Vec<String>>,
    epochs: Arc<Vec<String>>,
    parts: HashMap<(Domain, Place), [u8; PART_ID_LENGTH], RandomState>,
    recent: [Option<Recent>; RECENT],
}

impl Ids {
    /// `domains` and `epochs` by number.
    pub fn new(domains: Arc<Vec<String>>, epochs: Arc<Vec<String>>) -> Self {
        Ids { domains, epochs, parts: HashMap::default(), recent: [None; RECENT] }
    }

    /// The epoch of an input: its digest in hexadecimal.
    pub fn epoch(&self, input: u16) -> &str {
        self.epochs.get(input as usize).map_or("", String::as_str)
    }

    /// The id of the part at `place`.
    #[inline]
    pub fn part(&mut self, domain: Domain, place: &Place) -> [u8; PART_ID_LENGTH] {
        let (high, low) = place.words();
        let at = ((high ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % RECENT;
        match self.recent[at] {
            Some(recent) if recent.domain == domain && recent.place == *place => recent.id,
            _ => {
                let id = self.look_up(domain, place);
                self.recent[at] = Some(Recent { domain, place: *place, id });
                id
            }
        }
    }

    #[inline(never)]
    fn look_up(&mut self, domain: Domain, place: &Place) -> [u8; PART_ID_LENGTH] {
        if self.parts.len() >= REMEMBERED {
            self.parts.clear();
        }
        let name = self.domains.get(domain as usize).map_or("", String::as_str);
        *self.parts.entry((domain, *place)).or_insert_with(|| part_id(name, place))
    }
}

//! Part ids and epochs of a run, remembered within a bound.

use foldhash::quality::RandomState;
use ringfence_flow::{part_id, Domain, PART_ID_LENGTH};
use ringfence_wire::Place;
use std::collections::HashMap;
use std::sync::Arc;

/// Most part ids remembered; beyond it the memory is started anew.
const REMEMBERED: usize = 65_536;

/// Names of domains and epochs, with a memory of part ids.
pub struct Ids {
    domains: Arc<Vec<String>>,
    epochs: Arc<Vec<String>>,
    parts: HashMap<(Domain, Place), [u8; PART_ID_LENGTH], RandomState>,
}

impl Ids {
    /// `domains` and `epochs` by number.
    pub fn new(domains: Arc<Vec<String>>, epochs: Arc<Vec<String>>) -> Self {
        Ids { domains, epochs, parts: HashMap::default() }
    }

    /// The epoch of an input: its digest in hexadecimal.
    pub fn epoch(&self, input: u16) -> &str {
        self.epochs.get(input as usize).map_or("", String::as_str)
    }

    /// The id of the part at `place`.
    pub fn part(&mut self, domain: Domain, place: &Place) -> [u8; PART_ID_LENGTH] {
        if self.parts.len() >= REMEMBERED {
            self.parts.clear();
        }
        let name = self.domains.get(domain as usize).map_or("", String::as_str);
        *self.parts.entry((domain, *place)).or_insert_with(|| part_id(name, place))
    }
}

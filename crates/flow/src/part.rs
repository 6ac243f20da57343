//! Parts: one talker at one address in one domain (contract §1). The id is a digest of the address.

use ringfence_wire::Place;
use sha2::{Digest, Sha256};

/// Position of a domain in the run's list of domains.
pub type Domain = u16;

/// Bytes of a part id.
pub const PART_ID_LENGTH: usize = 16;

/// The id of the part at `place` in the domain called `domain`: SHA-256 of `domain NUL kind NUL canonical text`, 16 bytes.
pub fn part_id(domain: &str, place: &Place) -> [u8; PART_ID_LENGTH] {
    let mut hash = Sha256::new();
    hash.update(domain.as_bytes());
    hash.update([0]);
    hash.update(place.kind().as_bytes());
    hash.update([0]);
    hash.update(place.to_string().as_bytes());
    let mut id = [0; PART_ID_LENGTH];
    id.copy_from_slice(&hash.finalize()[..PART_ID_LENGTH]);
    id
}

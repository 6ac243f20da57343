//! What can be fuzzed: every dissector on each of its carriers, the capture readers, the decoder, reassembly, the engine.

use crate::case::Case;
use crate::engine::{Captures, Segments};
use crate::frames::Frames;
use crate::play::Player;
use crate::random::Random;
use crate::reader::Reader;
use ringfence_dissect::registry::BUILTIN;
use std::path::Path;

/// One thing to fuzz.
pub trait Target {
    /// What selects it.
    fn selector(&self) -> &'static str;
    /// What it is called in the summary.
    fn title(&self) -> String;
    /// True where cuts and gaps are changes that make sense.
    fn stream(&self) -> bool;
    /// Inputs to begin with.
    fn seeds(&self, vectors: &Path) -> Vec<Case>;
    /// Play `case`; an answer is what is wrong.
    fn judge(&mut self, case: &Case, random: &mut Random) -> Result<(), String>;
}

/// Everything, in a fixed order.
pub fn all() -> Vec<Box<dyn Target>> {
    let mut targets: Vec<Box<dyn Target>> = Vec::new();
    for player in BUILTIN.iter().flat_map(|protocol| Player::all(protocol)) {
        targets.push(Box::new(player));
    }
    for reader in Reader::all() {
        targets.push(Box::new(reader));
    }
    targets.push(Box::new(Frames::new()));
    targets.push(Box::new(Segments::new()));
    targets.push(Box::new(Captures::new()));
    targets
}

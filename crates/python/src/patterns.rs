//! Many regular expressions tried in linear time: recog and other fingerprint lists run over hostile banners.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// A list of patterns; the first that matches wins. Linear in the text, whatever the pattern.
#[pyclass(frozen)]
pub struct Patterns {
    set: RegexSet,
    sources: Vec<(usize, String, bool)>,
    #[pyo3(get)]
    /// Positions in the list given of patterns that a linear engine can't run (look-around, back-references).
    refused: Vec<usize>,
}

fn one(pattern: &str, fold: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(fold).size_limit(1 << 20).build()
}

#[pymethods]
impl Patterns {
    /// Compile `patterns`: (pattern, ignore case). Patterns that can't run in linear time are left out and listed in `refused`.
    #[new]
    fn new(patterns: Vec<(String, bool)>) -> PyResult<Self> {
        let mut sources = Vec::new();
        let mut refused = Vec::new();
        for (at, (pattern, fold)) in patterns.into_iter().enumerate() {
            let flagged = if fold { format!("(?i:{pattern})") } else { pattern.clone() };
            match regex_syntax_check(&flagged) {
                true => sources.push((at, flagged, fold)),
                false => refused.push(at),
            }
        }
        let set = RegexSetBuilder::new(sources.iter().map(|s| s.1.as_str()))
            .size_limit(64 << 20)
            .build()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Patterns { set, sources, refused })
    }

    /// Return (position, groups) of the first pattern that matches `text` anywhere, or None. Groups start with group 1;
    /// a group that took no part is None.
    fn first(&self, text: &str) -> Option<(usize, Vec<Option<String>>)> {
        let hit = self.set.matches(text).iter().next()?;
        let (at, pattern, _) = &self.sources[hit];
        let found = one(pattern, false).ok()?;
        let groups = found.captures(text)?;
        Some((*at, groups.iter().skip(1).map(|g| g.map(|m| m.as_str().to_owned())).collect()))
    }
}

fn regex_syntax_check(pattern: &str) -> bool {
    one(pattern, false).is_ok()
}

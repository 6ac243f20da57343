//! Many regular expressions tried in linear time: recog and other fingerprint lists run over hostile banners.
//!
//! *Rule 1*: nothing is compiled before a text makes it likely. The literals that each pattern needs go into one
//! Aho-Corasick automaton; a text selects the few patterns whose literals it holds, and only those are compiled, once.
//! *Rule 2*: patterns that a linear engine can't run (look-around, back-references) are refused, never emulated.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use pyo3::prelude::*;
use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;

mod literal;

/// Texts are cut here: no banner needs more, and the time of a match stays bounded.
const TEXT_CAP: usize = 4096; // bytes
/// Compiled size that one pattern may take.
const COMPILED_CAP: usize = 1 << 20; // bytes
/// Literals shorter than this select too much to be worth a place in the automaton.
const LITERAL_MIN: usize = 2; // bytes

struct Entry {
    position: usize,
    pattern: String,
    fold: bool,
    compiled: OnceLock<Option<Regex>>,
}

impl Entry {
    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| build(&self.pattern, self.fold)).as_ref()
    }
}

fn build(pattern: &str, fold: bool) -> Option<Regex> {
    RegexBuilder::new(pattern).case_insensitive(fold).multi_line(true).size_limit(COMPILED_CAP).build().ok()
}

/// A list of patterns; the first that matches wins. Linear in the text, whatever the pattern.
#[pyclass(frozen)]
pub struct Patterns {
    entries: Vec<Entry>,
    automaton: Option<AhoCorasick>,
    /// Entry of each literal in the automaton.
    selected: Vec<usize>,
    /// Entries without a usable literal: always tried.
    always: Vec<usize>,
    #[pyo3(get)]
    /// Positions in the list given of patterns that a linear engine can't run (look-around, back-references).
    refused: Vec<usize>,
}

#[pymethods]
impl Patterns {
    /// Take `patterns`: (pattern, ignore case). Those that can't run in linear time are left out and listed in `refused`.
    #[new]
    fn new(patterns: Vec<(String, bool)>) -> Self {
        let (mut entries, mut refused) = (Vec::new(), Vec::new());
        let (mut literals, mut selected, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for (position, (pattern, fold)) in patterns.into_iter().enumerate() {
            let parsed = ParserBuilder::new().case_insensitive(fold).multi_line(true).build().parse(&pattern);
            let Ok(hir) = parsed else {
                refused.push(position);
                continue;
            };
            match literal::required(&hir).filter(|choice| literal::shortest(choice) >= LITERAL_MIN) {
                Some(choice) => {
                    selected.extend(choice.iter().map(|_| entries.len()));
                    literals.extend(choice);
                }
                None => always.push(entries.len()),
            }
            entries.push(Entry { position, pattern, fold, compiled: OnceLock::new() });
        }
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&literals).ok();
        if automaton.is_none() {
            always = (0..entries.len()).collect();
        }
        Patterns { entries, automaton, selected, always, refused }
    }

    /// Return (position, groups) of the first pattern that matches `text` anywhere, or None. Groups start with group 1;
    /// a group that took no part is None. Only the first 4096 bytes of `text` are looked at.
    fn first(&self, text: &str) -> Option<(usize, Vec<Option<String>>)> {
        let text = head(text);
        self.candidates(text).into_iter().find_map(|at| self.found(at, text))
    }

    /// Return (position, groups) of every pattern that matches `text`, in the order of the list, `limit` at most.
    fn every(&self, text: &str, limit: usize) -> Vec<(usize, Vec<Option<String>>)> {
        let text = head(text);
        self.candidates(text).into_iter().filter_map(|at| self.found(at, text)).take(limit).collect()
    }

    fn __len__(&self) -> usize {
        self.entries.len()
    }
}

impl Patterns {
    fn candidates(&self, text: &str) -> Vec<usize> {
        let mut candidates = self.always.clone();
        if let Some(automaton) = &self.automaton {
            let hits = automaton.find_overlapping_iter(text);
            candidates.extend(hits.filter_map(|hit| self.selected.get(hit.pattern().as_usize()).copied()));
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    fn found(&self, at: usize, text: &str) -> Option<(usize, Vec<Option<String>>)> {
        let entry = self.entries.get(at)?;
        let groups = entry.regex()?.captures(text)?;
        let texts = groups.iter().skip(1).map(|group| group.map(|found| found.as_str().to_owned())).collect();
        Some((entry.position, texts))
    }
}

fn head(text: &str) -> &str {
    let end = (0..=TEXT_CAP.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

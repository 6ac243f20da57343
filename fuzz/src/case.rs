//! An input: what each side sends and what is lost, in the text form of the vectors.

use std::fmt::Write as _;
use std::path::Path;

/// One step of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes of one side.
    Data(bool, Vec<u8>),
    /// Bytes of one side that will never come.
    Gap(bool, u64),
}

/// A conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case(pub Vec<Step>);

impl Case {
    /// Read `client HEX`, `server HEX`, `gap client N` line by line; a line of bare hexadecimal is the client's.
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            steps.push(match words.as_slice() {
                ["gap", side, count] => Step::Gap(*side == "client", count.parse().ok()?),
                ["client"] => Step::Data(true, Vec::new()),
                ["server"] => Step::Data(false, Vec::new()),
                ["client", bytes] | [bytes] => Step::Data(true, unhex(bytes)?),
                ["server", bytes] => Step::Data(false, unhex(bytes)?),
                _ => return None,
            });
        }
        (!steps.is_empty()).then_some(Case(steps))
    }

    /// The text form.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for step in &self.0 {
            let side = |from_client: bool| if from_client { "client" } else { "server" };
            match step {
                Step::Data(from_client, bytes) => {
                    let _ = write!(out, "{} ", side(*from_client));
                    for byte in bytes {
                        let _ = write!(out, "{byte:02x}");
                    }
                    out.push('\n');
                }
                Step::Gap(from_client, count) => {
                    let _ = writeln!(out, "gap {} {count}", side(*from_client));
                }
            }
        }
        out
    }

    /// The bytes of all steps as one.
    pub fn bytes(&self) -> Vec<u8> {
        let data = |step: &Step| if let Step::Data(_, bytes) = step { bytes.clone() } else { Vec::new() };
        self.0.iter().flat_map(data).collect()
    }

    /// Bytes of all steps.
    pub fn size(&self) -> usize {
        self.0.iter().map(|step| if let Step::Data(_, bytes) = step { bytes.len() } else { 1 }).sum()
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Every readable `input.hex` below `folder`.
pub fn seeds(folder: &Path) -> Vec<Case> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            found.extend(seeds(&path));
        } else if path.extension().is_some_and(|ending| ending == "hex") {
            found.extend(std::fs::read_to_string(&path).ok().and_then(|text| Case::parse(&text)));
        }
    }
    found
}

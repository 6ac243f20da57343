//! Literals of which every match of a pattern must hold one, without regard to ASCII case.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Deepest nesting looked into; the parser's own limit is higher.
const DEPTH: usize = 40;
/// More branches than this select too much.
const BRANCHES: usize = 64;

/// One of these stands in every match.
type Choice = Vec<Vec<u8>>;

/// Return the best such choice in lower case, or None where there is none.
pub fn required(hir: &Hir) -> Option<Choice> {
    let mut runs = Runs::default();
    walk(hir, &mut runs, 0);
    runs.end();
    runs.best
}

/// What was met so far: the run that may still grow, and the best choice that ended.
#[derive(Default)]
struct Runs {
    current: Vec<u8>,
    best: Option<Choice>,
}

impl Runs {
    fn push(&mut self, bytes: &[u8]) {
        self.current.extend(bytes.iter().map(u8::to_ascii_lowercase));
    }

    fn end(&mut self) {
        if !self.current.is_empty() {
            let run = std::mem::take(&mut self.current);
            self.offer(vec![run]);
        }
    }

    fn offer(&mut self, choice: Choice) {
        if self.best.as_ref().is_none_or(|best| shortest(&choice) > shortest(best)) {
            self.best = Some(choice);
        }
    }
}

/// Length of the shortest literal: what a choice is worth.
pub fn shortest(choice: &[Vec<u8>]) -> usize {
    choice.iter().map(Vec::len).min().unwrap_or(0)
}

fn walk(hir: &Hir, runs: &mut Runs, depth: usize) {
    if depth > DEPTH {
        return runs.end();
    }
    let deeper = depth.saturating_add(1);
    match hir.kind() {
        HirKind::Literal(literal) => runs.push(&literal.0),
        HirKind::Class(class) => match same_letter(class) {
            Some(letter) => runs.push(&[letter]),
            None => runs.end(),
        },
        HirKind::Capture(capture) => walk(&capture.sub, runs, deeper),
        HirKind::Concat(parts) => parts.iter().for_each(|part| walk(part, runs, deeper)),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            runs.end();
            walk(&repetition.sub, runs, deeper);
            runs.end();
        }
        HirKind::Alternation(branches) => {
            runs.end();
            if let Some(choice) = each_branch(branches, deeper) {
                runs.offer(choice);
            }
        }
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Repetition(_) => runs.end(),
    }
}

/// The union of the branches' choices, or None where a branch has none.
fn each_branch(branches: &[Hir], depth: usize) -> Option<Choice> {
    let mut union = Choice::new();
    for branch in branches {
        let mut runs = Runs::default();
        walk(branch, &mut runs, depth);
        runs.end();
        union.extend(runs.best?);
        if union.len() > BRANCHES {
            return None;
        }
    }
    Some(union)
}

/// The letter that a class stands for where it is one letter in both cases (what `(?i)` makes of a letter).
fn same_letter(class: &Class) -> Option<u8> {
    let Class::Unicode(class) = class else { return None };
    let mut letter = None;
    for range in class.ranges() {
        for at in u32::from(range.start())..=u32::from(range.end()).min(u32::from(range.start()).saturating_add(2)) {
            // Unicode folding adds the long s and the Kelvin sign; a text with those is not selected by the automaton.
            let byte = match char::from_u32(at)?.to_ascii_lowercase() {
                '\u{17f}' => b's',
                '\u{212a}' => b'k',
                folded => u8::try_from(folded).ok().filter(u8::is_ascii)?,
            };
            if letter.is_some_and(|known| known != byte) {
                return None;
            }
            letter = Some(byte);
        }
    }
    letter
}

#[cfg(test)]
mod tests {
    use super::required;

    fn of(pattern: &str, fold: bool) -> Option<Vec<String>> {
        let hir = regex_syntax::ParserBuilder::new().case_insensitive(fold).build().parse(pattern).ok()?;
        let choice = required(&hir)?;
        Some(choice.into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect())
    }

    #[test]
    fn takes_the_longest_run_that_must_be_there() {
        assert_eq!(of("^Cisco (IOS|NX-OS) Software", false).unwrap_or_default(), [" software"]);
        assert_eq!(of("^(?:abcdef)?xyz", false).unwrap_or_default(), ["xyz"]);
        assert_eq!(of("Kiosk", true).unwrap_or_default(), ["kiosk"]);
        assert_eq!(of("a+bc", false).unwrap_or_default(), ["bc"]);
    }

    #[test]
    fn takes_one_of_each_branch() {
        assert_eq!(of(r"\b(thermo|laser)[0-9]", true).unwrap_or_default(), ["thermo", "laser"]);
        assert_eq!(of("abc|[0-9]", false), None);
    }

    #[test]
    fn says_nothing_where_nothing_is_sure() {
        assert_eq!(of("[a-z]+", true), None);
        assert_eq!(of("x?", false), None);
    }
}

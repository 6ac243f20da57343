//! The longest literal that every match of a pattern must hold, without regard to ASCII case.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Deepest nesting looked into; the parser's own limit is higher.
const DEPTH: usize = 40;

/// The literals met so far: the run that may still grow, and the longest that ended.
#[derive(Default)]
struct Runs {
    current: Vec<u8>,
    longest: Vec<u8>,
}

impl Runs {
    fn push(&mut self, bytes: &[u8]) {
        self.current.extend(bytes.iter().map(u8::to_ascii_lowercase));
    }

    fn end(&mut self) {
        if self.current.len() > self.longest.len() {
            self.longest.clone_from(&self.current);
        }
        self.current.clear();
    }
}

/// Return that literal in lower case, or None where there is none.
pub fn longest(hir: &Hir) -> Option<Vec<u8>> {
    let mut runs = Runs::default();
    walk(hir, &mut runs, 0);
    runs.end();
    (!runs.longest.is_empty()).then_some(runs.longest)
}

fn walk(hir: &Hir, runs: &mut Runs, depth: usize) {
    if depth > DEPTH {
        return runs.end();
    }
    match hir.kind() {
        HirKind::Literal(literal) => runs.push(&literal.0),
        HirKind::Class(class) => match same_letter(class) {
            Some(letter) => runs.push(&[letter]),
            None => runs.end(),
        },
        HirKind::Capture(capture) => walk(&capture.sub, runs, depth.saturating_add(1)),
        HirKind::Concat(parts) => parts.iter().for_each(|part| walk(part, runs, depth.saturating_add(1))),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            runs.end();
            walk(&repetition.sub, runs, depth.saturating_add(1));
            runs.end();
        }
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Repetition(_) | HirKind::Alternation(_) => runs.end(),
    }
}

/// The letter that a class stands for where it is one letter in both cases (what `(?i)` makes of a letter).
fn same_letter(class: &Class) -> Option<u8> {
    let Class::Unicode(class) = class else { return None };
    let mut letter = None;
    for range in class.ranges() {
        for at in u32::from(range.start())..=u32::from(range.end()).min(u32::from(range.start()).saturating_add(2)) {
            let folded = char::from_u32(at)?.to_ascii_lowercase();
            // Unicode folding adds the long s and the Kelvin sign; a text with those is not matched by the automaton.
            let byte = match folded {
                '\u{17f}' => b's',
                '\u{212a}' => b'k',
                _ => u8::try_from(folded).ok().filter(u8::is_ascii)?,
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
    use super::longest;

    fn of(pattern: &str, fold: bool) -> Option<String> {
        let hir = regex_syntax::ParserBuilder::new().case_insensitive(fold).build().parse(pattern).ok()?;
        longest(&hir).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn takes_the_longest_run_that_must_be_there() {
        assert_eq!(of("^Cisco (IOS|NX-OS) Software", false).as_deref(), Some(" software"));
        assert_eq!(of("^(?:abcdef)?xyz", false).as_deref(), Some("xyz"));
        assert_eq!(of("Kiosk", true).as_deref(), Some("kiosk"));
        assert_eq!(of("a+bc", false).as_deref(), Some("bc"));
    }

    #[test]
    fn says_nothing_where_nothing_is_sure() {
        assert_eq!(of("abc|def", false), None);
        assert_eq!(of("[a-z]+", true), None);
    }
}

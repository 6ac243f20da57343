//! Changes to an input: bytes, numbers, lengths, order, cuts, gaps.

use crate::case::{Case, Step};
use crate::random::Random;

/// Largest input kept.
const LARGEST: usize = 16_384; // bytes
/// Most steps kept.
const STEPS: usize = 64;
/// Bytes that protocols tend to treat in their own way.
const EDGES: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0f, 0x10, 0x7f, 0x80, 0xc0, 0xfe, 0xff];

/// A changed copy of `case`; `other` lends bytes.
pub fn mutate(case: &Case, other: &Case, stream: bool, random: &mut Random) -> Case {
    let mut case = case.clone();
    for _ in 0..=random.below(4) {
        let choices = if stream { 12 } else { 9 };
        match random.below(choices) {
            0..=6 => bytes(&mut case, random),
            7 => order(&mut case, random),
            8 => splice(&mut case, other, random),
            9 | 10 => cut(&mut case, random),
            _ => gap(&mut case, random),
        }
    }
    case.0.truncate(STEPS);
    while case.size() > LARGEST && case.0.len() > 1 {
        case.0.pop();
    }
    if let Some(Step::Data(_, bytes)) = case.0.first_mut() {
        bytes.truncate(LARGEST);
    }
    case
}

fn pick<'a>(case: &'a mut Case, random: &mut Random) -> Option<&'a mut Vec<u8>> {
    let at = random.below(case.0.len());
    match case.0.get_mut(at) {
        Some(Step::Data(_, bytes)) => Some(bytes),
        _ => None,
    }
}

fn bytes(case: &mut Case, random: &mut Random) {
    let Some(bytes) = pick(case, random) else { return };
    let at = random.below(bytes.len() + 1);
    let choice = random.below(9);
    match (choice, bytes.get_mut(at)) {
        (0, Some(byte)) => *byte ^= 1 << random.below(8),
        (1, Some(byte)) => *byte = random.next() as u8,
        (2, Some(byte)) => *byte = EDGES[random.below(EDGES.len())],
        (3, Some(byte)) => *byte = byte.wrapping_add(random.below(9) as u8).wrapping_sub(4),
        (4, Some(_)) => {
            let wide = [0, 1, 0x7fff, 0x8000, 0xffff, bytes.len() as u16][random.below(6)];
            let pair = if random.once_in(2) { wide.to_be_bytes() } else { wide.to_le_bytes() };
            bytes.iter_mut().skip(at).zip(pair).for_each(|(byte, new)| *byte = new);
        }
        (5, _) => {
            let count = 1 + random.below(8);
            let filling = if random.once_in(2) { EDGES[random.below(EDGES.len())] } else { random.next() as u8 };
            bytes.splice(at..at, std::iter::repeat_n(filling, count));
        }
        (6, Some(_)) => {
            let end = (at + 1 + random.below(8)).min(bytes.len());
            bytes.drain(at..end);
        }
        (7, Some(_)) => {
            let end = (at + 1 + random.below(32)).min(bytes.len());
            let block = bytes[at..end].to_vec();
            let most = if random.once_in(16) { 64 } else { 2 };
            let times = 1 + random.below(most);
            bytes.splice(at..at, block.repeat(times));
        }
        (8, Some(_)) => bytes.truncate(at),
        _ => bytes.push(random.next() as u8),
    }
}

fn order(case: &mut Case, random: &mut Random) {
    if case.0.is_empty() {
        return;
    }
    let (from, to) = (random.below(case.0.len()), random.below(case.0.len()));
    match random.below(4) {
        0 => case.0.swap(from, to),
        1 => {
            if let Some(step) = case.0.get(from).cloned() {
                case.0.insert(to, step);
            }
        }
        2 if case.0.len() > 1 => {
            case.0.remove(from);
        }
        _ => {
            if let Some(Step::Data(from_client, _)) = case.0.get_mut(from) {
                *from_client = !*from_client;
            }
        }
    }
}

fn splice(case: &mut Case, other: &Case, random: &mut Random) {
    let Some(step) = random.choose(&other.0).cloned() else { return };
    let at = random.below(case.0.len() + 1);
    match (step, pick(case, random)) {
        (Step::Data(_, lent), Some(bytes)) if random.once_in(2) => {
            let (start, end) = (random.below(lent.len()), random.below(lent.len()));
            let into = random.below(bytes.len() + 1);
            bytes.splice(into..into, lent[start.min(end)..start.max(end)].iter().copied());
        }
        (step, _) => case.0.insert(at, step),
    }
}

/// Cut one step into two.
fn cut(case: &mut Case, random: &mut Random) {
    let at = random.below(case.0.len());
    if let Some(Step::Data(from_client, bytes)) = case.0.get_mut(at) {
        let rest = Step::Data(*from_client, bytes.split_off(random.below(bytes.len() + 1)));
        case.0.insert(at + 1, rest);
    }
}

fn gap(case: &mut Case, random: &mut Random) {
    let at = random.below(case.0.len() + 1);
    let lost = 1 + random.next() % if random.once_in(8) { u64::from(u32::MAX) } else { 2000 };
    case.0.insert(at, Step::Gap(random.once_in(2), lost));
}

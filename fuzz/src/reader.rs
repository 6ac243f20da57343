//! Fuzzes the capture readers: pcap, pcapng, and both packed with gzip, zstd or lz4.
//!
//! What must hold: no more packets and bytes than the input can carry, and the same packets and problems however few
//! bytes the stream hands over at a time.

use crate::case::{Case, Step};
use crate::made;
use crate::random::Random;
use crate::target::Target;
use ringfence_flow::source::Inputs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{Cursor, Read};
use std::path::Path;

/// Packets after which an input is left; only packed ones can have so many.
const ENOUGH: u64 = 1 << 20;

/// The readers of one kind of input.
pub struct Reader {
    selector: &'static str,
    packed: bool,
}

impl Reader {
    /// All three kinds.
    pub fn all() -> [Reader; 3] {
        let reader = |selector, packed| Reader { selector, packed };
        [reader("pcap", false), reader("pcapng", false), reader("packed", true)]
    }
}

/// What came of reading an input.
#[derive(PartialEq, Eq, Debug, Default)]
struct Outcome {
    refused: Option<String>,
    packets: u64,
    captured: u64,
    digest: u64,
    problems: Vec<(u64, String)>,
    problem_count: u64,
}

fn read(source: Box<dyn Read + Send>) -> Outcome {
    let mut inputs = match Inputs::from_reader("fuzz", source) {
        Ok(inputs) => inputs,
        Err(error) => return Outcome { refused: Some(error.to_string()), ..Outcome::default() },
    };
    let mut read = Outcome::default();
    let mut digest = DefaultHasher::new();
    while let Some(raw) = inputs.next() {
        read.packets += 1;
        read.captured += raw.data.len() as u64;
        digest.write_i64(raw.time);
        digest.write_u32(raw.wire_length);
        digest.write_u32(u32::from(raw.link) << 16 | u32::from(raw.interface));
        digest.write(raw.data);
        if read.packets == ENOUGH {
            break;
        }
    }
    read.digest = digest.finish();
    read.problems = inputs.problems().iter().map(|problem| (problem.offset, problem.reason.clone())).collect();
    read.problem_count = inputs.problem_count();
    read
}

/// A stream that hands over a few bytes at a time.
struct Trickle {
    bytes: Cursor<Vec<u8>>,
    most: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.most);
        self.bytes.read(&mut buffer[..length])
    }
}

impl Target for Reader {
    fn selector(&self) -> &'static str {
        self.selector
    }

    fn title(&self) -> String {
        format!("{} reader", self.selector)
    }

    fn stream(&self) -> bool {
        false
    }

    fn seeds(&self, vectors: &Path) -> Vec<Case> {
        let files = match self.selector {
            "pcap" => made::pcaps().into_iter().chain(made::captures(vectors)).collect(),
            "pcapng" => made::pcapngs(),
            _ => made::packed(),
        };
        files.into_iter().map(|bytes| Case(vec![Step::Data(true, bytes)])).collect()
    }

    fn judge(&mut self, case: &Case, random: &mut Random) -> Result<(), String> {
        let bytes = case.bytes();
        let size = bytes.len() as u64;
        let whole = read(Box::new(Cursor::new(bytes.clone())));
        if !self.packed && !made::is_packed(&bytes) && (whole.packets > size / 12 || whole.captured > size) {
            return Err(format!("{} packets with {} bytes in {size} bytes", whole.packets, whole.captured));
        }
        if whole.packets < ENOUGH && random.once_in(4) {
            let most = 1 + random.below(64);
            let again = read(Box::new(Trickle { bytes: Cursor::new(bytes), most }));
            if again != whole {
                return Err(format!("read otherwise {most} bytes at a time: {whole:?}, {again:?}"));
            }
        }
        Ok(())
    }
}

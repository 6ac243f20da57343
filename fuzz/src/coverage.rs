//! Which edges of the program an input took: the counters that the compiler's coverage pass keeps.

use std::sync::Mutex;

/// Start and length of each counted module's counters.
static REGIONS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Called by each counted module before `main`.
///
/// # Safety
/// Called by compiled code only, with the bounds of a static array of bytes.
#[no_mangle]
pub unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    let (start, length) = (start as usize, stop as usize - start as usize);
    if let Ok(mut regions) = REGIONS.lock() {
        if !regions.contains(&(start, length)) {
            regions.push((start, length));
        }
    }
}

/// What all inputs so far reached.
pub struct Coverage {
    regions: Vec<(usize, usize)>,
    seen: Vec<u8>,
}

impl Coverage {
    /// Begin with nothing seen.
    pub fn new() -> Self {
        let regions = REGIONS.lock().map(|regions| regions.clone()).unwrap_or_default();
        let size = regions.iter().map(|(_, length)| length).sum();
        Coverage { regions, seen: vec![0; size] }
    }

    fn counters(&mut self) -> impl Iterator<Item = (&'static mut u8, &mut u8)> {
        let all = self.regions.iter().flat_map(|&(start, length)| {
            // SAFETY: the bounds are those of a static array of counters; nothing else reads it, and only one thread runs.
            unsafe { std::slice::from_raw_parts_mut(start as *mut u8, length) }
        });
        all.zip(self.seen.iter_mut())
    }

    /// Forget the counts of the last input.
    pub fn reset(&mut self) {
        for &(start, length) in &self.regions {
            // SAFETY: as above.
            unsafe { std::slice::from_raw_parts_mut(start as *mut u8, length) }.fill(0);
        }
    }

    /// True where the last input took an edge, or took one so many times, as none did before.
    pub fn anything_new(&mut self) -> bool {
        let mut new = false;
        for (count, seen) in self.counters().filter(|(count, _)| **count != 0) {
            let bucket = 1 << (u8::BITS - 1 - count.leading_zeros());
            new |= *seen & bucket == 0;
            *seen |= bucket;
        }
        new
    }

    /// Edges reached so far, and all there are.
    pub fn edges(&self) -> (usize, usize) {
        (self.seen.iter().filter(|seen| **seen != 0).count(), self.seen.len())
    }
}

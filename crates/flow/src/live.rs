//! A live read: packets as they come, and a batch of what was found for each window that has closed in all shards.
//!
//! Rule 1: capture time is the clock, that of packets and of statistics blocks. A window ends when the clock is past it,
//! and closes a little later (`grace`), so that packets that come late still count in it; what is later yet counts in the
//! oldest window that is open.
//! Rule 2: at a window's end each flow that goes on tells what came of it, so that batches add up to what a run tells.
//! Rule 3: what a batch held is forgotten once its window has closed; nothing grows with the length of the read.
//! Rule 4: a clock that jumps back by more than an hour is followed, but only so often: each time costs a batch.

use crate::aggregate::{Observation, Reference, WINDOW};
use crate::attempts::{Tried, TriedKey};
use crate::decode::{transport_checksum_good, Decoder};
use crate::engine::{Domains, Report};
use crate::flow::Environment;
use crate::key::{Ends, SHARDS};
use crate::merge::{attempts_observation, gather, sorted, targeted_observation, Counted, WORTH_SAYING};
use crate::packet::Raw;
use crate::quality::Quality;
use crate::row::RowSink;
use crate::source::{InputInfo, OpenError, TICK};
use crate::supply::{self, Message, Notes, Source};
use crate::totals::{ConversationKey, Sums};
use crate::track::Shard;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the sink is asked whether to go on.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// The clock was set back where it is this much earlier: nanoseconds.
const JUMP: i64 = 3_600_000_000_000;
/// So many times the clock is followed at once; after that once in so many packets.
const JUMPS_FREE: u64 = 16;
const PACKETS_A_JUMP: u64 = 10_000;

/// How a live read goes.
#[derive(Clone, Copy, Debug)]
pub struct LiveOptions {
    /// How inputs make domains.
    pub domains: Domains,
    /// Nanoseconds of capture time after which a part of a window is handed out; `WINDOW` or more: whole windows only.
    pub every: i64,
    /// Nanoseconds of capture time for which a window that has ended waits for late packets; less than `WINDOW`.
    pub grace: i64,
}

/// What came since the batch before.
pub struct Batch {
    /// Which window, counted since 1970.
    pub window: i64,
    /// Number of the batch, from 0.
    pub part: u64,
    /// Nothing more of this window follows.
    pub closed: bool,
    /// Nothing more follows at all.
    pub last: bool,
    /// Packets since the batch before.
    pub packets: u64,
    /// The clock.
    pub now: i64,
    /// Observations, conversations and protocols of the batch; all else is counted since the read began.
    pub report: Report,
}

/// Takes the batches of a live read, and its rows as they become known.
pub trait LiveSink: RowSink {
    /// The open window has ended: rows that come from now on belong to the next.
    fn seal(&mut self);
    /// A batch; where it is closed, its rows are those before the seal. False ends the read.
    fn batch(&mut self, batch: Batch) -> bool;
    /// False ends the read; asked several times a second.
    fn goes_on(&mut self) -> bool;
}

/// A window that has ended and waits for late packets.
struct Ended {
    window: i64,
    packets: u64,
    conversations: Vec<(ConversationKey, Sums)>,
    protocols: BTreeMap<&'static str, Sums>,
}

struct Live<'a, S> {
    options: LiveOptions,
    environment: &'a Environment,
    sink: &'a mut S,
    shards: Vec<Shard>,
    decoder: Decoder,
    quality: Quality,
    infos: Vec<InputInfo>,
    notes: Vec<Notes>,
    /// The window in which packets come; None before the first.
    open: Option<i64>,
    ended: Option<Ended>,
    now: i64,
    /// When the next part is handed out, and when the clock has anything to do.
    next_part: i64,
    due: i64,
    packets: u64,
    parts: u64,
    jumps: u64,
    jumped_at: u64,
    /// How many flows were told of each talker and of each target.
    told: [BTreeMap<TriedKey, u64>; 2],
    goes_on: bool,
}

/// Read `sources` until all of them end or `sink` says so.
///
/// # Errors
/// Where a file can't be opened or holds no capture, or where no source at all held one.
pub fn live<S: LiveSink>(
    sources: Vec<Source>,
    options: &LiveOptions,
    environment: &Environment,
    sink: &mut S,
) -> Result<(), OpenError> {
    let infos = supply::infos(&sources);
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (from, count) = supply::start(scope, sources, &stop)?;
        let _stopping = Stopping(&stop);
        Live::new(infos, count, options, environment, sink).read(from)
    })
}

/// Ends the threads of the sources, in whatever way the engine ends.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn end_of(window: i64) -> i64 {
    window.saturating_add(1).saturating_mul(WINDOW)
}

impl<'a, S: LiveSink> Live<'a, S> {
    fn new(
        infos: Vec<InputInfo>,
        sources: usize,
        options: &LiveOptions,
        environment: &'a Environment,
        sink: &'a mut S,
    ) -> Self {
        let seed = std::hash::BuildHasher::hash_one(&foldhash::quality::RandomState::default(), 0);
        let mut options = *options;
        options.every = options.every.clamp(1_000_000_000, WINDOW);
        options.grace = options.grace.clamp(0, WINDOW - 1);
        Live {
            options,
            environment,
            sink,
            shards: (0..SHARDS).map(|_| Shard::new(seed, false)).collect(),
            decoder: Decoder::new(),
            quality: Quality::default(),
            infos,
            notes: vec![Notes::default(); sources],
            open: None,
            ended: None,
            now: i64::MIN,
            next_part: i64::MIN,
            due: i64::MIN,
            packets: 0,
            parts: 0,
            jumps: 0,
            jumped_at: 0,
            told: Default::default(),
            goes_on: true,
        }
    }

    fn read(mut self, from: Receiver<Message>) -> Result<(), OpenError> {
        let mut asked = Instant::now();
        let (mut failure, mut failures) = (None, 0);
        while self.goes_on {
            match from.recv_timeout(ASK_EVERY) {
                Ok(Message::Packets(chunk)) => {
                    if let Some(notes) = chunk.notes.as_ref() {
                        self.noted(chunk.source, notes);
                    }
                    for raw in chunk.packets() {
                        self.packet(&raw);
                        if !self.goes_on {
                            return Ok(());
                        }
                    }
                }
                Ok(Message::Failed(error)) => {
                    failures += 1;
                    failure = Some(error);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if asked.elapsed() >= ASK_EVERY {
                asked = Instant::now();
                if !self.sink.goes_on() {
                    break;
                }
            }
        }
        match failure {
            Some(error) if failures == self.notes.len() && self.quality.packets == 0 => Err(error),
            _ => {
                self.finish();
                Ok(())
            }
        }
    }

    fn noted(&mut self, source: usize, notes: &Notes) {
        for (number, info) in &notes.inputs {
            if let Some(known) = self.infos.get_mut(usize::from(*number)) {
                known.clone_from(info);
            }
        }
        if let Some(known) = self.notes.get_mut(source) {
            known.clone_from(notes);
        }
    }

    #[inline]
    fn packet(&mut self, raw: &Raw<'_>) {
        let tick = raw.index == TICK;
        if raw.time >= self.due || (!tick && raw.time < self.now.saturating_sub(JUMP)) {
            self.clock(raw.time, tick);
        }
        self.now = self.now.max(raw.time);
        if tick || !self.goes_on {
            return;
        }
        self.packets += 1;
        let packet = self.decoder.decode(raw);
        self.quality.read(raw);
        self.quality.decoded(&packet);
        if self.quality.samples() {
            self.quality.checksum(transport_checksum_good(&packet));
        }
        let Some(ends) = Ends::of(&packet) else {
            self.shards[0].bounds.addressless += 1;
            return;
        };
        let domain = self.options.domains.of(raw);
        let shard = &mut self.shards[ends.shard(domain)];
        shard.packet(&packet, &ends, domain, &Reference::of(raw), self.environment, self.sink);
    }

    /// Do what is due at `time`.
    #[cold]
    fn clock(&mut self, time: i64, tick: bool) {
        let Some(open) = self.open else { return self.begin(time) };
        if time < self.now.saturating_sub(JUMP) {
            let free = self.jumps < JUMPS_FREE || self.quality.packets - self.jumped_at >= PACKETS_A_JUMP;
            if free && !tick {
                self.set_back(open, time);
            }
            return;
        }
        self.now = self.now.max(time);
        if let Some(ended) = self.ended.take_if(|ended| time >= end_of(ended.window).saturating_add(self.options.grace))
        {
            self.close(ended, false);
        }
        if time >= end_of(open) {
            self.quiet(end_of(open));
            let ended = self.seal(open);
            if time >= end_of(open).saturating_add(self.options.grace) {
                self.close(ended, false);
            } else {
                self.ended = Some(ended);
            }
            self.open_window(time.div_euclid(WINDOW));
        } else if time >= self.next_part {
            self.quiet(time);
            self.part(open);
        }
        self.plan(time);
    }

    fn begin(&mut self, time: i64) {
        let window = time.div_euclid(WINDOW);
        self.open_window(window);
        self.shards.iter_mut().for_each(|shard| shard.aggregate.open_from(window));
        self.plan(time);
    }

    fn open_window(&mut self, window: i64) {
        self.open = Some(window);
        self.shards.iter_mut().for_each(|shard| shard.open_window(window));
    }

    fn plan(&mut self, time: i64) {
        let every = self.options.every;
        self.next_part =
            if every >= WINDOW { i64::MAX } else { time.saturating_sub(time.rem_euclid(every)).saturating_add(every) };
        let closing =
            self.ended.as_ref().map_or(i64::MAX, |ended| end_of(ended.window).saturating_add(self.options.grace));
        self.due = self.open.map_or(i64::MIN, end_of).min(closing).min(self.next_part);
    }

    /// The capture's clock was set back: what is known so far is told, and time begins anew.
    fn set_back(&mut self, open: i64, time: i64) {
        self.jumps += 1;
        self.jumped_at = self.quality.packets;
        if let Some(ended) = self.ended.take() {
            self.close(ended, false);
        }
        let ended = self.seal(open);
        self.close(ended, false);
        self.now = time;
        let window = time.div_euclid(WINDOW);
        self.open = Some(window);
        for shard in &mut self.shards {
            shard.set_back(time, window);
            shard.attempts.forget(i64::MAX);
        }
        self.told = Default::default();
        self.plan(time);
    }

    fn quiet(&mut self, now: i64) {
        self.shards.iter_mut().for_each(|shard| shard.quiet(now, self.environment, self.sink));
    }

    /// What came of flows, where the window `closes` for the last time.
    fn totals(&mut self, closes: bool) -> (Vec<(ConversationKey, Sums)>, BTreeMap<&'static str, Sums>) {
        let mut conversations = Vec::new();
        let mut protocols: BTreeMap<&'static str, Sums> = BTreeMap::new();
        for shard in &mut self.shards {
            shard.report(closes, self.sink);
            let sum = |name, sums: &Sums| protocols.entry(name).or_default().merge(sums);
            shard.totals.hand_out(closes, &mut conversations, sum);
        }
        conversations.sort_unstable_by_key(|row| row.0);
        (conversations, protocols)
    }

    fn seal(&mut self, window: i64) -> Ended {
        let (conversations, protocols) = self.totals(true);
        self.sink.seal();
        Ended { window, packets: std::mem::take(&mut self.packets), conversations, protocols }
    }

    fn part(&mut self, window: i64) {
        let (conversations, protocols) = self.totals(false);
        let packets = std::mem::take(&mut self.packets);
        let mut observations = self.observations(window, false);
        if self.attempts_changed() {
            observations.extend(self.attempts(|flows, told| told == 0 || flows >= 2 * told));
        }
        self.tell(Ended { window, packets, conversations, protocols }, observations, false, false);
    }

    fn close(&mut self, ended: Ended, last: bool) {
        let window = ended.window;
        let mut observations = self.observations(window, true);
        observations.extend(self.attempts(|flows, told| flows != told));
        // Flows of the window before have all ended by now, but for streams without an answer.
        let old = window - 1;
        self.shards.iter_mut().for_each(|shard| shard.attempts.forget(old));
        self.told.iter_mut().for_each(|told| told.retain(|key, _| key.3 > old));
        self.tell(ended, observations, true, last);
    }

    fn observations(&mut self, window: i64, closes: bool) -> Vec<Observation> {
        let mut all = Vec::new();
        self.shards.iter_mut().for_each(|shard| shard.aggregate.hand_out(window, closes, &mut all));
        all
    }

    fn attempts_changed(&mut self) -> bool {
        self.shards.iter_mut().map(|shard| u32::from(shard.attempts.has_changed())).sum::<u32>() > 0
    }

    /// Talkers and targets worth a word, where `due` says so of their flows and those told before.
    fn attempts(&mut self, due: impl Fn(u64, u64) -> bool) -> Vec<Observation> {
        let mut all: [BTreeMap<TriedKey, Tried>; 2] = Default::default();
        for shard in &self.shards {
            let (tried, targeted) = shard.attempts.so_far();
            gather(&mut all[0], tried);
            gather(&mut all[1], targeted);
        }
        let mut out = Vec::new();
        let [tried, targeted] = all;
        let [told_tried, told_targeted] = &mut self.told;
        for (key, row) in tried.into_iter().filter(|(_, row)| row.flows >= WORTH_SAYING) {
            let told = told_tried.entry(key).or_default();
            if due(row.flows, *told) {
                *told = row.flows;
                out.push(attempts_observation(key, row));
            }
        }
        for (key, row) in targeted.into_iter().filter(|(_, row)| row.others >= WORTH_SAYING) {
            let told = told_targeted.entry(key).or_default();
            if due(row.flows, *told) {
                *told = row.flows;
                out.push(targeted_observation(key, row));
            }
        }
        out
    }

    fn tell(&mut self, ended: Ended, observations: Vec<Observation>, closed: bool, last: bool) {
        let mut counted = Counted::default();
        self.shards.iter().for_each(|shard| counted.add(shard));
        let decoder = self.decoder.counters().clone();
        let report = Report {
            inputs: self.infos.clone(),
            interfaces: self.notes.iter().flat_map(|notes| notes.interfaces.iter().cloned()).collect(),
            problems: self.notes.iter().flat_map(|notes| notes.problems.iter().cloned()).collect(),
            problem_count: self.notes.iter().map(|notes| notes.problem_count).sum(),
            domains: self.options.domains.names(self.infos.len()),
            quality: self.quality.clone(),
            bounds: counted.met(&decoder),
            decoder,
            observations: sorted(observations),
            conversations: ended.conversations,
            protocols: ended.protocols.into_iter().collect(),
            flows: counted.flows,
            duplicates: counted.bounds.duplicates,
            records: counted.records,
            stopped: false,
        };
        let (window, packets, part, now) = (ended.window, ended.packets, self.parts, self.now);
        self.parts += 1;
        self.goes_on &= self.sink.batch(Batch { window, part, closed, last, packets, now, report });
    }

    /// End every flow and tell the rest.
    fn finish(&mut self) {
        for shard in &mut self.shards {
            shard.finish(self.environment, self.sink);
        }
        if let Some(ended) = self.ended.take() {
            self.close(ended, false);
        }
        if self.goes_on {
            let ended = self.seal(self.open.unwrap_or_default());
            self.close(ended, true);
        }
    }
}

//! What the readers tell beside packets: problems and interfaces.

use std::collections::HashMap;

use crate::decode::link_name;
use crate::Problem;

/// Most problems kept; all are counted.
const PROBLEM_CAP: usize = 100;

/// One capture interface of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// Which input.
    pub input: u16,
    /// Number within the input, counted through all its sections.
    pub interface: u16,
    /// Name, as the capturing program wrote it; empty where there is none.
    pub name: String,
    /// Description, where one was written.
    pub description: Option<String>,
    /// LINKTYPE_ value.
    pub link: u16,
    /// Most bytes kept of a packet; 0 means no limit.
    pub snap_length: u32,
    /// Packets the capturing program says it lost, or None where it says nothing.
    pub dropped: Option<u64>,
    /// Capture filter in force.
    pub filter: Option<String>,
    /// Operating system that captured.
    pub os: Option<String>,
    /// Hardware that captured.
    pub hardware: Option<String>,
    /// True once statistics told the sum, which outranks the counts before each packet.
    stated: bool,
}

/// The notes of all inputs.
#[derive(Default)]
pub(crate) struct Notes {
    pub problems: Vec<Problem>,
    pub problem_count: u64,
    pub interfaces: Vec<InterfaceInfo>,
    places: HashMap<(u16, u16), usize>,
}

impl Notes {
    /// Count a problem, and keep it while there is room.
    #[cold]
    pub fn problem(&mut self, input: u16, offset: u64, reason: String) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEM_CAP {
            self.problems.push(Problem { input, offset, reason });
        }
    }

    /// Forget the problems told since `count` were known, for an input that will be read again.
    pub fn forget_since(&mut self, count: u64) {
        self.problem_count = count;
        self.problems.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    }

    /// The entry of an interface, made where there is none.
    pub fn interface(&mut self, input: u16, interface: u16, link: u16, snap_length: u32) -> &mut InterfaceInfo {
        let next = self.interfaces.len();
        let place = *self.places.entry((input, interface)).or_insert(next);
        if place == next {
            self.interfaces.push(InterfaceInfo { input, interface, link, snap_length, ..InterfaceInfo::default() });
        }
        &mut self.interfaces[place]
    }

    /// Tell of a link type that is not decoded, at an interface's first packet.
    pub fn link_seen(&mut self, input: u16, interface: u16, offset: u64, link: u16) {
        if link_name(link).is_none() {
            let reason =
                format!("link type {link} of interface {interface} is not decoded; its packets are only counted");
            self.problem(input, offset, reason);
        }
    }

    /// Add packets lost just before one.
    pub fn dropped_before(&mut self, input: u16, interface: u16, count: u64) {
        if let Some(info) = self.places.get(&(input, interface)).and_then(|&place| self.interfaces.get_mut(place)) {
            if !info.stated {
                info.dropped = Some(info.dropped.unwrap_or(0).saturating_add(count));
            }
        }
    }

    /// Take the sum of packets lost so far.
    pub fn dropped_in_all(&mut self, input: u16, interface: u16, count: u64) {
        if let Some(info) = self.places.get(&(input, interface)).and_then(|&place| self.interfaces.get_mut(place)) {
            info.stated = true;
            info.dropped = Some(count);
        }
    }
}

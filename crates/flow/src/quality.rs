//! Counters behind the capture-quality verdict: what the capture itself got wrong.

/// Packets of which the transport checksum is computed: the first so many, then one in `SAMPLE_EVERY`.
const SAMPLE_FIRST: u64 = 2_000;
const SAMPLE_EVERY: u64 = 64;
/// A jump of the clock larger than this is said: nanoseconds.
const JUMP: i64 = 3_600_000_000_000;
/// Frames longer than this were put together by the network card, not by the network.
const LARGEST_FRAME: u32 = 1_600; // bytes; room for tags and tunnels over a 1500-byte MTU

/// Counters over all packets of a run, kept by the first worker.
#[derive(Clone, Debug, Default)]
pub struct Quality {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Time of the earliest packet.
    pub first: Option<i64>,
    /// Time of the latest packet.
    pub last: Option<i64>,
    /// Packets cut short by the capture.
    pub snapped: u64,
    /// Packets earlier than the one before them in the same input.
    pub backwards: u64,
    /// Jumps of more than an hour between two packets of one input.
    pub jumps: u64,
    /// Packets dated before 2000.
    pub before_2000: u64,
    /// Frames larger than the network allows.
    pub oversized: u64,
    /// Transport checksums computed.
    pub checksums: u64,
    /// How many of them were wrong.
    pub checksums_bad: u64,
    /// Packets with a malformed header.
    pub faults: u64,
    /// Packets of which nothing could be decoded.
    pub undecoded: u64,
    /// Packets with a VLAN tag.
    pub tagged: u64,
    /// Packets in a tunnel.
    pub tunnelled: u64,
    /// Packets per input.
    pub input_packets: Vec<u64>,
    /// Bytes per input.
    pub input_bytes: Vec<u64>,
    latest: Vec<i64>,
}

impl Quality {
    /// Count one packet as it was read.
    #[inline]
    pub fn read(&mut self, raw: &crate::packet::Raw<'_>) {
        self.packets += 1;
        self.bytes += u64::from(raw.wire_length);
        self.first = Some(self.first.map_or(raw.time, |first| first.min(raw.time)));
        self.last = Some(self.last.map_or(raw.time, |last| last.max(raw.time)));
        self.snapped += u64::from(raw.wire_length as usize > raw.data.len());
        self.before_2000 += u64::from(raw.time < 946_684_800_000_000_000);
        self.oversized += u64::from(raw.wire_length > LARGEST_FRAME);
        self.clock(raw);
    }

    /// Count one packet as it was decoded; there is nothing to count of a plain one.
    #[inline]
    pub fn decoded(&mut self, packet: &crate::packet::Packet<'_>) {
        self.faults += u64::from(packet.fault.is_some());
        self.undecoded += u64::from(packet.transport == crate::packet::Transport::Nothing);
        self.tagged += u64::from(!packet.vlans.ids().is_empty());
        self.tunnelled += u64::from(packet.tunnel.is_some());
    }

    /// Count one transport checksum, where there was one to compute.
    pub fn checksum(&mut self, good: Option<bool>) {
        self.checksums += u64::from(good.is_some());
        self.checksums_bad += u64::from(good == Some(false));
    }

    /// Add what another worker counted of decoded packets.
    pub fn add_decoded(&mut self, other: &Quality) {
        self.faults += other.faults;
        self.undecoded += other.undecoded;
        self.tagged += other.tagged;
        self.tunnelled += other.tunnelled;
        self.checksums += other.checksums;
        self.checksums_bad += other.checksums_bad;
    }

    #[inline]
    fn clock(&mut self, raw: &crate::packet::Raw<'_>) {
        let input = raw.input as usize;
        if input >= self.latest.len() {
            self.latest.resize(input + 1, i64::MIN);
            self.input_packets.resize(input + 1, 0);
            self.input_bytes.resize(input + 1, 0);
        }
        self.input_packets[input] += 1;
        self.input_bytes[input] += u64::from(raw.wire_length);
        let before = std::mem::replace(&mut self.latest[input], raw.time);
        if before != i64::MIN {
            self.backwards += u64::from(raw.time < before);
            self.jumps += u64::from(raw.time.saturating_sub(before) > JUMP);
        }
    }

    /// True where this packet's checksum is to be computed.
    #[inline]
    pub fn samples(&self) -> bool {
        self.packets < SAMPLE_FIRST || self.packets.is_multiple_of(SAMPLE_EVERY)
    }
}

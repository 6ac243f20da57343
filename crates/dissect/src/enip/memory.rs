//! What is remembered of requests and connections until they are answered and used.

use super::path::Target;
use ringfence_wire::Reader;

/// Packets with requests remembered.
const REMEMBERED: usize = 16;
/// Requests remembered of one packet.
pub(super) const REQUESTS: usize = 256;
/// Text remembered of one packet.
const TEXT: usize = 8_192; // bytes
/// Connections remembered.
const CONNECTIONS: usize = 32;

/// How an answer finds its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Key {
    /// Nothing to go by.
    #[default]
    None,
    /// Sender context of the encapsulation.
    Context([u8; 8]),
    /// Sequence count of connected data.
    Sequence(u16),
}

/// One request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub service: u8,
    pub operation: &'static str,
    pub target: Target,
    /// Where its symbol stands in `Pending::text`.
    pub symbol: (usize, usize),
    /// Where the names that the symbol is made of stand there: each after its length in one byte.
    pub names: (usize, usize),
    /// PCCC command and function.
    pub pccc: Option<(u8, Option<u8>)>,
}

/// A connection: the ids its data carries, and where it leads.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    pub to_target: u32,
    pub to_originator: u32,
    /// Connection serial, originator's vendor and serial.
    pub triad: (u16, u16, u32),
    pub target: Target,
    pub route: Vec<u8>,
}

/// The requests of one packet, an outer one before those inside it.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub key: Key,
    pub asked: Vec<Asked>,
    pub text: Vec<u8>,
    pub route: Vec<u8>,
    pub opening: Option<Connection>,
}

impl Pending {
    fn clear(&mut self) {
        self.key = Key::None;
        self.asked.clear();
        self.text.clear();
        self.route.clear();
        self.opening = None;
    }

    /// Remember one more request; false where the bound is reached.
    pub fn note(&mut self, mut asked: Asked, symbol: &[u8], names: &[Option<&[u8]>]) -> bool {
        if self.asked.len() >= REQUESTS {
            return false;
        }
        if self.text.len() + symbol.len() <= TEXT {
            asked.symbol = (self.text.len(), self.text.len() + symbol.len());
            self.text.extend_from_slice(symbol);
            for name in names.iter().flatten() {
                // A name's length is one byte on the wire.
                self.text.push(name.len() as u8);
                self.text.extend_from_slice(name);
            }
            asked.names = (asked.symbol.1, self.text.len());
        }
        self.asked.push(asked);
        true
    }

    /// The symbol of a request.
    pub fn symbol(&self, asked: &Asked) -> &[u8] {
        self.text.get(asked.symbol.0..asked.symbol.1).unwrap_or_default()
    }

    /// The names that its symbol is made of.
    pub fn names(&self, asked: &Asked) -> impl Iterator<Item = &[u8]> {
        let mut reader = Reader::new(self.text.get(asked.names.0..asked.names.1).unwrap_or_default());
        std::iter::from_fn(move || {
            let length = reader.u8()?;
            reader.take(usize::from(length))
        })
    }
}

/// What a row is found by, apart from the row so that a search touches few bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Key,
    /// An unconnected send is answered by what it carried, or by itself where it failed.
    services: [Option<u8>; 2],
    age: u64,
}

/// The requests and connections of one conversation.
#[derive(Default)]
pub(super) struct Memory {
    /// One entry a row, at the same place.
    index: Vec<Entry>,
    #[allow(clippy::vec_box)] // A row moves in and out with every message: a pointer instead of some hundred bytes.
    rows: Vec<Box<Pending>>,
    age: u64,
    connections: Vec<Connection>,
    oldest: usize,
}

impl Memory {
    /// An empty row to fill and give back with `store`.
    pub fn row(&mut self) -> Box<Pending> {
        let free = self.index.iter().position(|entry| entry.key == Key::None);
        let at = free.or_else(|| {
            let full = self.index.len() >= REMEMBERED;
            self.index.iter().enumerate().filter(|_| full).min_by_key(|(_, entry)| entry.age).map(|(at, _)| at)
        });
        let mut row = at.map_or_else(Box::default, |at| self.take(at));
        row.clear();
        row
    }

    fn take(&mut self, at: usize) -> Box<Pending> {
        self.index.swap_remove(at);
        self.rows.swap_remove(at)
    }

    /// Keep a row.
    pub fn store(&mut self, row: Box<Pending>) {
        self.age += 1;
        let service = |at: usize| row.asked.get(at).map(|asked| asked.service);
        self.index.push(Entry { key: row.key, services: [service(0), service(1)], age: self.age });
        self.rows.push(row);
    }

    /// The oldest packet with a request that this answers. Give it back with `done`.
    pub fn answered(&mut self, key: Key, service: u8) -> Option<Box<Pending>> {
        let answers = |entry: &Entry| entry.key == key && entry.services.contains(&Some(service));
        let found = self.index.iter().enumerate().filter(|(_, entry)| answers(entry));
        let at = found.min_by_key(|(_, entry)| entry.age)?.0;
        Some(self.take(at))
    }

    /// Give back an answered row: its room is used again.
    pub fn done(&mut self, mut row: Box<Pending>) {
        row.clear();
        self.store(row);
    }

    /// Remember an opened connection.
    pub fn open(&mut self, connection: Connection) {
        self.connections.retain(|known| known.triad != connection.triad);
        if self.connections.len() >= CONNECTIONS {
            self.oldest = (self.oldest + 1) % CONNECTIONS;
            self.connections.swap_remove(self.oldest);
        }
        self.connections.push(connection);
    }

    /// The connection whose data carries this id, in either direction.
    pub fn connection(&self, id: u32) -> Option<&Connection> {
        self.connections.iter().find(|known| known.to_target == id || known.to_originator == id)
    }

    /// The connection with this triad.
    pub fn by_triad(&self, triad: (u16, u16, u32)) -> Option<&Connection> {
        self.connections.iter().find(|known| known.triad == triad)
    }

    /// Forget a closed connection.
    pub fn close(&mut self, triad: (u16, u16, u32)) {
        self.connections.retain(|known| known.triad != triad);
    }
}

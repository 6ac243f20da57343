//! Protocols: bytes of one conversation in, records out. Sans-io, no clock, no threads.
//!
//! Rule 1: a protocol is claimed on content, never on a port alone (`Protocol::probe`).
//! Rule 2: cutting a stream anywhere changes nothing: a dissector says how much it has finished with and is
//! handed the rest again together with what came later.
//! Rule 3: malformed traffic is a record (`<protocol>.malformed`), and the dissector goes on.
//! Rule 4: a secret never leaves this crate in clear (`Context::secret`).

#[macro_use]
mod kind;
mod context;
mod conversation;
mod protocol;
mod record;
mod secret;

pub mod arp;
pub mod bacnet;
pub mod dhcp;
pub mod dns;
pub mod enip;
pub mod http;
pub mod modbus;
pub mod mqtt;
pub mod registry;
pub mod s7comm;
pub mod snmp;
pub mod ssdp;
pub mod ssh;
pub mod telnet;
pub mod tls;

#[cfg(test)]
mod testing;

pub use context::{Context, Emitted, Endpoint, Fact, Sink, Who};
pub use conversation::{Conversation, Outcome};
pub use kind::{Field, Keep, Kind, Transaction, Type, MALFORMED_FIELDS};
pub use protocol::{Carrier, Dissector, Hint, Probe, Progress, Protocol};
pub use record::{walk, Record, Value, LIST_CAP, TEXT_CAP};
pub use secret::{Sealed, Secrets};

//! Bytes to structs and back, pure: no state, no I/O, no allocation.
//!
//! Rule 1: every read is bounds-checked and answers `None` past the end; nothing here can panic on hostile bytes.

pub mod ber;
pub mod modbus;

mod place;
mod reader;

pub use place::Place;
pub use reader::Reader;

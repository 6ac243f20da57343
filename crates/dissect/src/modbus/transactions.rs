//! What was asked and is not answered yet, of one conversation.

use std::collections::VecDeque;

/// Most transactions remembered; the oldest is forgotten for a new one.
const OUTSTANDING: usize = 64;

/// A request that waits for its response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) transaction: u16,
    pub(super) unit: u8,
    pub(super) function: u8,
    /// Address and count, where the function has them.
    pub(super) range: Option<(u16, u16)>,
}

/// The outstanding requests, the oldest first.
#[derive(Default)]
pub(super) struct Transactions(VecDeque<Asked>);

impl Transactions {
    /// Remember a request. One with the same transaction and unit takes the place of an older one.
    pub(super) fn ask(&mut self, asked: Asked) {
        self.take(asked.transaction, asked.unit, None);
        if self.0.len() == OUTSTANDING {
            self.0.pop_front();
        }
        self.0.push_back(asked);
    }

    /// Take the request that a response answers.
    pub(super) fn answer(&mut self, transaction: u16, unit: u8, function: u8) -> Option<Asked> {
        self.take(transaction, unit, Some(function))
    }

    fn take(&mut self, transaction: u16, unit: u8, function: Option<u8>) -> Option<Asked> {
        let at = self.0.iter().position(|asked| {
            asked.transaction == transaction
                && asked.unit == unit
                && function.is_none_or(|function| function == asked.function)
        })?;
        self.0.remove(at)
    }
}

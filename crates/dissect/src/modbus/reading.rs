//! The reader of one conversation: finds the units, tells who asks, matches answers to requests.

use super::emit;
use super::transactions::Transactions;
use crate::{Context, Dissector, Progress};
use ringfence_wire::modbus::{request_shape, response_shape, Adu, Header, Shape, EXCEPTION, HEADER, SHAPE_BYTES};

#[derive(Default)]
pub(super) struct Reading {
    /// A direction whose next unit has to be found first; the client's is 0.
    lost: [bool; 2],
    /// Units read, as far as it matters.
    units: u8,
    /// The last sound unit's identifier.
    unit: Option<u8>,
    /// True where the conversation's client is the one that asks; unknown until a PDU's form tells.
    client_asks: Option<bool>,
    transactions: Transactions,
}

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        let side = usize::from(!cx.from_client);
        if self.lost[side] {
            match self.find(data) {
                Found::Here => self.lost[side] = false,
                Found::After(count) => return Progress::Used(count),
            }
        }
        match Adu::decode(data) {
            Ok(None) => Progress::Used(0),
            Ok(Some(adu)) => {
                self.unit(&adu, cx);
                Progress::Used(adu.header.total())
            }
            // What was taken for Modbus off its port and is not in its second unit already, is not Modbus.
            Err(_) if self.units < 2 && cx.client.port != 502 && cx.server.port != 502 => Progress::Reject,
            Err(fault) => {
                cx.malformed(fault.field, fault.reason);
                self.lost[side] = true;
                Progress::Used(1)
            }
        }
    }

    fn gap(&mut self, from_client: bool, _lost: u64) {
        self.lost[usize::from(!from_client)] = true;
    }
}

enum Found {
    /// A unit begins here.
    Here,
    /// None begins before this many bytes (0: not enough of them to tell).
    After(usize),
}

impl Reading {
    fn unit(&mut self, adu: &Adu<'_>, cx: &mut Context<'_>) {
        self.units = self.units.saturating_add(1);
        self.unit = Some(adu.header.unit);
        if self.asks(adu, cx) {
            emit::request(adu, &mut self.transactions, cx);
        } else {
            emit::response(adu, &mut self.transactions, cx);
        }
    }

    /// Is this unit a request?
    fn asks(&mut self, adu: &Adu<'_>, cx: &Context<'_>) -> bool {
        if (cx.client.port == 502) != (cx.server.port == 502) {
            return cx.sender().port != 502;
        }
        let asks = request_shape(adu.pdu, adu.pdu.len());
        let answers = response_shape(adu.pdu, adu.pdu.len());
        if (asks == Shape::Never) != (answers == Shape::Never) {
            self.client_asks = Some((asks != Shape::Never) == cx.from_client);
        }
        if adu.pdu.first().is_some_and(|function| function & EXCEPTION != 0) {
            return false;
        }
        self.client_asks.unwrap_or(true) == cx.from_client
    }

    /// Look for the next unit's start. The answer depends on the bytes of the place alone, not on where they end.
    fn find(&self, data: &[u8]) -> Found {
        for at in 0..data.len() {
            let Some(rest) = data.get(at..) else { break };
            let (Some(header), Some(&function)) = (Header::decode(rest), rest.get(HEADER)) else {
                return Found::After(at);
            };
            if header.check(function).is_err() {
                continue;
            }
            let Some(pdu) = rest.get(HEADER..header.total().min(HEADER + SHAPE_BYTES)) else {
                return if at == 0 { Found::Here } else { Found::After(at) };
            };
            let length = usize::from(header.length) - 1;
            let shape = request_shape(pdu, length).max(response_shape(pdu, length));
            if shape == Shape::Exact || shape == Shape::Possible && self.unit == Some(header.unit) {
                return if at == 0 { Found::Here } else { Found::After(at) };
            }
        }
        Found::After(data.len())
    }
}

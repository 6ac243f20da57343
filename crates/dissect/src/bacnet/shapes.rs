//! What each tag of each service means: the parameters of clauses 13 to 17, as one table.

/// The parameters of a service, request or answer; services of equal parameters share a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing but application tags, or nothing worth reading.
    Plain,
    AcknowledgeAlarm,
    CovNotification,
    CovNotificationMultiple,
    EventNotification,
    SubscribeCov,
    SubscribeCovMultiple,
    /// ReadProperty, WriteProperty, AddListElement, RemoveListElement and the answer of the first.
    Property,
    /// ReadRange and its answer.
    Range,
    ReadMultiple,
    ReadMultipleAck,
    WriteMultiple,
    Create,
    Communication,
    Reinitialize,
    PrivateTransfer,
    LifeSafety,
    TextMessage,
    LastEvent,
    EventInformation,
    WhoHas,
    WhoIs,
    IHave,
    Error,
    /// WritePropertyMultiple's error names what could not be written first.
    WriteMultipleError,
    /// A private transfer's error names its vendor and service.
    PrivateTransferError,
}

/// What a tag means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Nothing,
    /// The object that the service is about; properties that follow are its own.
    Object,
    /// An object that is only mentioned.
    Mention,
    Property,
    Index,
    Priority,
    State,
    Minutes,
    Password,
    Vendor,
    Number,
    Name,
    Low,
    High,
}

/// The shape of a confirmed service's request.
pub(super) fn confirmed(service: u8) -> Shape {
    match service {
        0 => Shape::AcknowledgeAlarm,
        1 => Shape::CovNotification,
        2 => Shape::EventNotification,
        5 | 28 => Shape::SubscribeCov,
        8 | 9 | 12 | 15 => Shape::Property,
        10 => Shape::Create,
        14 => Shape::ReadMultiple,
        16 => Shape::WriteMultiple,
        17 => Shape::Communication,
        18 => Shape::PrivateTransfer,
        19 => Shape::TextMessage,
        20 => Shape::Reinitialize,
        26 => Shape::Range,
        27 => Shape::LifeSafety,
        29 => Shape::LastEvent,
        30 => Shape::SubscribeCovMultiple,
        31 => Shape::CovNotificationMultiple,
        _ => Shape::Plain,
    }
}

/// The shape of a confirmed service's answer.
pub(super) fn answer(service: u8) -> Shape {
    match service {
        12 => Shape::Property,
        14 => Shape::ReadMultipleAck,
        18 => Shape::PrivateTransfer,
        26 => Shape::Range,
        29 => Shape::EventInformation,
        _ => Shape::Plain,
    }
}

/// The shape of a confirmed service's error.
pub(super) fn error(service: u8) -> Shape {
    match service {
        16 => Shape::WriteMultipleError,
        18 => Shape::PrivateTransferError,
        _ => Shape::Error,
    }
}

/// The shape of an unconfirmed service.
pub(super) fn unconfirmed(service: u8) -> Shape {
    match service {
        1 => Shape::IHave,
        2 => Shape::CovNotification,
        3 => Shape::EventNotification,
        4 => Shape::PrivateTransfer,
        5 => Shape::TextMessage,
        7 => Shape::WhoHas,
        8 => Shape::WhoIs,
        11 => Shape::CovNotificationMultiple,
        _ => Shape::Plain,
    }
}

/// True for services that change something: each object of theirs is part of the observation. All others (reads,
/// searches, notifications) are summed over instances, so that a busy poller can't push the writes out of the bounds.
pub(super) fn changes(confirmed: bool, service: u8) -> bool {
    match confirmed {
        true => matches!(service, 0 | 7..=11 | 15..=18 | 20 | 27),
        false => matches!(service, 4 | 6 | 9 | 10 | 14),
    }
}

impl Shape {
    /// True for the errors.
    pub fn is_error(self) -> bool {
        matches!(self, Shape::Error | Shape::WriteMultipleError | Shape::PrivateTransferError)
    }

    /// How many of the opening tags in `path` lead to a property's value; absent where `path` is not inside one.
    pub fn value(self, path: &[u8]) -> Option<usize> {
        match (self, path) {
            (Shape::Property, [3, ..]) | (Shape::Range, [5, ..]) => Some(1),
            (Shape::ReadMultipleAck, [1, 4, ..]) | (Shape::WriteMultiple | Shape::Create, [1, 2, ..]) => Some(2),
            (Shape::CovNotification, [4, 2, ..]) => Some(2),
            (Shape::CovNotificationMultiple, [4, 1, 2, ..]) => Some(3),
            _ => None,
        }
    }

    /// What the context tag `number` below the opening tags `path` means.
    pub fn meaning(self, path: &[u8], number: u8) -> Meaning {
        use Shape::*;
        match (self, path, number) {
            (Property | Range, [], 0) => Meaning::Object,
            (Property | Range, [], 1) => Meaning::Property,
            (Property | Range, [], 2) => Meaning::Index,
            (Property, [], 4) => Meaning::Priority,
            (ReadMultiple | ReadMultipleAck | WriteMultiple, [], 0) => Meaning::Object,
            (ReadMultiple | WriteMultiple, [1], 0) | (ReadMultipleAck, [1], 2) => Meaning::Property,
            (ReadMultiple | WriteMultiple, [1], 1) | (ReadMultipleAck, [1], 3) => Meaning::Index,
            (WriteMultiple, [1], 3) => Meaning::Priority,
            (CovNotification, [], 1) | (CovNotificationMultiple, [], 1) | (EventNotification, [], 1) => {
                Meaning::Mention
            }
            (CovNotification, [], 2) | (EventNotification, [], 2) | (AcknowledgeAlarm, [], 1) => Meaning::Object,
            (CovNotification, [4], 0) | (CovNotificationMultiple, [4, 1], 0) => Meaning::Property,
            (CovNotification, [4], 1) | (CovNotificationMultiple, [4, 1], 1) => Meaning::Index,
            (CovNotificationMultiple | SubscribeCovMultiple, [4], 0) => Meaning::Object,
            (SubscribeCov, [], 1) => Meaning::Object,
            (SubscribeCov, [4], 0) | (SubscribeCovMultiple, [4, 1, 0], 0) => Meaning::Property,
            (SubscribeCov, [4], 1) | (SubscribeCovMultiple, [4, 1, 0], 1) => Meaning::Index,
            (Create, [0], 1) => Meaning::Object,
            (Create, [1], 0) => Meaning::Property,
            (Create, [1], 1) => Meaning::Index,
            (Communication, [], 0) => Meaning::Minutes,
            (Communication, [], 1) | (Reinitialize, [], 0) | (LifeSafety, [], 2) => Meaning::State,
            (Communication, [], 2) | (Reinitialize, [], 1) => Meaning::Password,
            (PrivateTransfer, [], 0) | (PrivateTransferError, [], 1) => Meaning::Vendor,
            (PrivateTransfer, [], 1) | (PrivateTransferError, [], 2) => Meaning::Number,
            (WriteMultipleError, [1], 0) => Meaning::Object,
            (WriteMultipleError, [1], 1) => Meaning::Property,
            (WriteMultipleError, [1], 2) => Meaning::Index,
            (Create, [0], 0) => Meaning::State,
            (LifeSafety, [], 3) | (WhoHas, [], 2) | (LastEvent, [], 0) | (EventInformation, [0], 0) => Meaning::Object,
            (TextMessage, [], 0) => Meaning::Mention,
            (WhoHas, [], 3) => Meaning::Name,
            (WhoHas | WhoIs, [], 0) => Meaning::Low,
            (WhoHas | WhoIs, [], 1) => Meaning::High,
            _ => Meaning::Nothing,
        }
    }
}

/// What the context tag `number` inside a value of `property` means, below the opening tags `path` of the value.
pub(super) fn inside(property: u32, path: &[u8], number: u8) -> Meaning {
    match (property, path, number) {
        // References to a property of an object, of a device's object, and the set-point's, which is wrapped once more.
        (19 | 54 | 60 | 78 | 132 | 181, [], 0) | (109, [0], 0) => Meaning::Mention,
        (19 | 54 | 60 | 78 | 132 | 181, [], 1) | (109, [0], 1) => Meaning::Property,
        (54 | 78 | 132, [], 3) => Meaning::Mention,
        // Recipients.
        (101 | 102 | 116 | 202 | 206, [], 0) => Meaning::Mention,
        // Subscriptions: recipient, then the property that is watched.
        (152, [0, 0], 0) | (152, [1], 0) => Meaning::Mention,
        (152, [1], 1) => Meaning::Property,
        // Lists of objects by device.
        (159 | 165 | 211, [], 0 | 1) => Meaning::Mention,
        _ => Meaning::Nothing,
    }
}

//! Kinds of records and their fields: the rows of the one generated registry (contract §2).

/// What a field's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Unsigned integer.
    Uint,
    /// Signed integer.
    Int,
    /// IEEE 754 double.
    Real,
    /// True or false.
    Bool,
    /// Text from the wire: bytes decoded with replacement, length-capped, escaped only where shown.
    Text,
    /// Bytes, shown as lower-case hexadecimal.
    Bytes,
    /// MAC address.
    Mac,
    /// IPv4 or IPv6 address.
    Ip,
    /// Nanoseconds since 1970, UTC.
    Time,
    /// A list, in the order seen, of unsigned integers.
    Uints,
    /// A list, in the order seen, of texts.
    Texts,
    /// A list, in the order seen, of IP addresses.
    Ips,
}

impl Type {
    /// The name that the generated registry shows.
    pub fn name(self) -> &'static str {
        match self {
            Type::Uint => "uint",
            Type::Int => "int",
            Type::Real => "real",
            Type::Bool => "bool",
            Type::Text => "text",
            Type::Bytes => "bytes",
            Type::Mac => "mac",
            Type::Ip => "ip",
            Type::Time => "time",
            Type::Uints => "list of uint",
            Type::Texts => "list of text",
            Type::Ips => "list of ip",
        }
    }

    /// True where the field may be given several times in one record and is shown as a list.
    pub fn is_list(self) -> bool {
        matches!(self, Type::Uints | Type::Texts | Type::Ips)
    }
}

/// Whether a field is part of an observation's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Part of the value: another content is another observation.
    Key,
    /// Seen per packet only (transaction ids, process values): in transactions and `explain`, never in an observation.
    Detail,
}

/// One field of a kind.
#[derive(Debug)]
pub struct Field {
    /// Name, as in the JSON and the registry.
    pub name: &'static str,
    /// What it holds.
    pub ty: Type,
    /// Part of the observation's value, or per packet only.
    pub keep: Keep,
    /// Unit ("s", "ms", "bytes") or "".
    pub unit: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

/// A kind of record: `protocol.fact`.
#[derive(Debug)]
pub struct Kind {
    /// `protocol.fact`.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// The specification's section.
    pub source: &'static str,
    /// Fields, indexed by the constants that `kinds!` makes.
    pub fields: &'static [Field],
    /// Where the fields stand that make a row of `transactions.v1`.
    pub transaction: Transaction,
}

/// Places of the fields `operation`, `object` and `status` of a kind, where it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Place of `operation`; without it a record is no transaction.
    pub operation: Option<u8>,
    /// Place of `object`.
    pub object: Option<u8>,
    /// Place of `status`.
    pub status: Option<u8>,
}

impl Transaction {
    /// Look the fields up, at compile time.
    pub const fn of(fields: &[Field]) -> Transaction {
        Transaction {
            operation: place(fields, "operation"),
            object: place(fields, "object"),
            status: place(fields, "status"),
        }
    }
}

const fn place(fields: &[Field], name: &str) -> Option<u8> {
    let mut at = 0;
    while at < fields.len() {
        let (one, other) = (fields[at].name.as_bytes(), name.as_bytes());
        let mut same = one.len() == other.len() && matches!(fields[at].keep, Keep::Key);
        let mut byte = 0;
        while same && byte < one.len() {
            same = one[byte] == other[byte];
            byte += 1;
        }
        if same {
            return Some(at as u8);
        }
        at += 1;
    }
    None
}

impl Kind {
    /// The protocol's name: what stands before the dot.
    pub fn protocol(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// The index of the field called `name`.
    pub fn index(&self, name: &str) -> Option<u8> {
        self.fields.iter().position(|f| f.name == name).map(|i| i as u8)
    }
}

/// Declare the kinds of a protocol: a module per kind with `KIND` and one `u8` constant per field, and `KINDS`.
///
/// A kind with a Text field `operation` is a command: subject did `operation` to `object` (Text, may be absent) of the
/// object part, with `status` where it is known; it becomes a row of `transactions.v1` and of `conversations[]`.
#[macro_export]
macro_rules! kinds {
    ($($module:ident $name:literal $source:literal $doc:literal {
        $($field:ident : $ty:ident $keep:ident $unit:literal $fdoc:literal;)*
    })*) => {
        $(
            #[doc = $doc]
            #[allow(non_upper_case_globals, missing_docs)] // The constants are named as the fields are.
            pub mod $module {
                #[allow(non_camel_case_types, clippy::enum_variant_names)] // The same.
                #[repr(u8)]
                enum Index { $($field,)* #[allow(dead_code)] Last } // It keeps a kind without fields from being empty.
                $(pub const $field: u8 = Index::$field as u8;)*
                /// The registry row.
                pub static KIND: $crate::Kind = $crate::Kind {
                    name: $name,
                    doc: $doc,
                    source: $source,
                    fields: FIELDS,
                    transaction: $crate::Transaction::of(FIELDS),
                };
                const FIELDS: &[$crate::Field] = &[$($crate::Field {
                    name: stringify!($field),
                    ty: $crate::Type::$ty,
                    keep: $crate::Keep::$keep,
                    unit: $unit,
                    doc: $fdoc,
                },)*];
            }
        )*
        /// Every kind of this protocol.
        pub static KINDS: &[&$crate::Kind] = &[$(&$module::KIND,)*];
    };
}

/// The `malformed` kind, the same for every protocol: use inside `kinds!` is not possible, so it has its own macro.
#[macro_export]
macro_rules! malformed_kind {
    ($name:literal) => {
        /// What could not be read, and where.
        pub static MALFORMED: $crate::Kind = $crate::Kind {
            name: $name,
            doc: "What could not be read: the field at fault and the reason.",
            source: "contract §2",
            fields: $crate::MALFORMED_FIELDS,
            transaction: $crate::Transaction::of($crate::MALFORMED_FIELDS),
        };
    };
}

/// Fields of every `<protocol>.malformed`.
pub const MALFORMED_FIELDS: &[Field] = &[
    Field { name: "field", ty: Type::Text, keep: Keep::Key, unit: "", doc: "Field at fault." },
    Field { name: "reason", ty: Type::Text, keep: Keep::Key, unit: "", doc: "What is wrong with it." },
];

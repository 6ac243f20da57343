//! BACnet/IP, BACnet/IPv6 and BACnet over Ethernet. ANSI/ASHRAE 135-2020.
//!
//! Rule 1: what a router forwards is about the address that it names as the origin.
//! Rule 2: requests that change something name each object in the observation; reads, searches and notifications are
//! summed over instances, so that a busy poller can't push the writes out of the bounds.
//! Rule 3: passwords (ReinitializeDevice, DeviceCommunicationControl) are sealed; no value that is written stands in a key.

mod application;
mod found;
mod names;
mod route;
mod segments;
mod shapes;
mod tags;
#[cfg(test)]
mod tests;
mod wording;

use crate::{Carrier, Context, Dissector, Hint, Probe, Progress, Protocol, Who};
use ringfence_wire::Reader;

kinds! {
    request "bacnet.request" "ASHRAE 135 §20.1" "A confirmed or unconfirmed service asked for." {
        operation: Text Key "" "read_property, write_property, reinitialize_device, time_synchronization, who_is …";
        pdu_type: Uint Key "" "0 confirmed request, 1 unconfirmed request.";
        service: Uint Key "" "Service choice.";
        object: Text Key "" "The objects and properties in words: `analog-value 3 present-value`, without instances where they are summed; else the state, the type to be created or the vendor's service.";
        object_type: Uints Key "" "Object type of the first eight objects named; of each type once where instances are summed.";
        instance: Uints Key "" "Instance of each of them; absent where instances are summed (reads, searches, notifications).";
        property: Uints Key "" "Property of each of them.";
        priority: Uint Key "" "Priority of a write.";
        network: Uint Key "" "Destination network (DNET), where the request is routed.";
        invoke_id: Uint Detail "" "Invoke id.";
        values: Texts Detail "" "Values written, in words.";
        reals: Texts Detail "" "Real present values.";
        address: Bytes Key "" "Destination address (DADR) on that network, of requests that change something.";
        vendor_id: Uint Key "" "Vendor id of a private transfer.";
        secret: Bytes Key "" "HMAC of the password.";
        default: Bool Key "" "True where the password is on a default list.";
        state: Uint Detail "" "State asked for by ReinitializeDevice, DeviceCommunicationControl, LifeSafetyOperation; type that CreateObject asks for.";
        minutes: Uint Detail "min" "How long DeviceCommunicationControl lasts.";
        range_low: Uint Detail "" "Lowest device instance looked for.";
        range_high: Uint Detail "" "Highest device instance looked for.";
        confirmed_service: Uint Detail "" "Service choice of a confirmed request.";
        unconfirmed_service: Uint Detail "" "Service choice of an unconfirmed request.";
        all_object_types: Uints Detail "" "Object type of each object mentioned, those in values too.";
        all_instances: Uints Detail "" "Instance of each object mentioned.";
        all_properties: Uints Detail "" "Each property mentioned.";
        object_names: Texts Detail "" "Object names.";
    }
    response "bacnet.response" "ASHRAE 135 §20.1" "An answer, about the server." {
        operation: Text Key "" "As in bacnet.request; absent for segment-ack.";
        pdu_type: Uint Key "" "2 simple ack, 3 complex ack, 4 segment ack, 5 error, 6 reject, 7 abort.";
        service: Uint Key "" "Service choice.";
        status: Text Key "" "ok or the error in words.";
        error_class: Uint Key "" "Error class.";
        error_code: Uint Key "" "Error code, reject or abort reason.";
        invoke_id: Uint Detail "" "Invoke id.";
        object_type: Uints Detail "" "Object type of each object named.";
        instance: Uints Detail "" "Instance of each object named.";
        property: Uints Detail "" "Each property named.";
        reals: Texts Detail "" "Real present values.";
        object_names: Texts Detail "" "Object names.";
        error_classes: Uints Detail "" "Error class of the answer, or of each property that could not be read.";
        error_codes: Uints Detail "" "Error codes, likewise.";
        network: Uint Detail "" "Source network (SNET), where it came through a router.";
        address: Bytes Detail "" "Source address (SADR) on that network.";
        vendor_id: Uint Detail "" "Vendor id of a private transfer.";
        values: Texts Detail "" "Values answered, in words.";
    }
    i_am "bacnet.i_am" "ASHRAE 135 §16.10" "A device introduces itself." {
        instance: Uint Key "" "Device instance.";
        vendor_id: Uint Key "" "Vendor id (name in knowledge data).";
        max_apdu: Uint Key "bytes" "Largest APDU accepted.";
        segmentation: Uint Key "" "Segmentation supported.";
        network: Uint Key "" "Source network (SNET), where it came through a router.";
        address: Bytes Key "" "Source address (SADR) on that network.";
    }
    property "bacnet.property" "ASHRAE 135 §12.11" "An identity property of a device object, about the server." {
        instance: Uint Key "" "Device instance, 4194303 where it is not stated.";
        property: Text Key "" "vendor-name, model-name, firmware-revision, application-software-version, object-name, location, description, serial-number, vendor-identifier, protocol-version, protocol-revision.";
        value: Text Key "" "Value.";
        network: Uint Key "" "Source network (SNET), where it came through a router.";
        address: Bytes Key "" "Source address (SADR) on that network.";
    }
    segment "bacnet.segment" "ASHRAE 135 §5.2" "A segment that does not yet complete its message, or whose message can't be completed." {
        pdu_type: Uint Key "" "0 confirmed request, 3 complex ack.";
        service: Uint Key "" "Service choice of the confirmed service.";
        invoke_id: Uint Detail "" "Invoke id.";
        sequence: Uint Detail "" "Sequence number.";
        more: Bool Detail "" "More segments follow.";
    }
    network "bacnet.network" "ASHRAE 135 §6.4" "A message between routers." {
        operation: Text Key "" "who_is_router_to_network, i_am_router_to_network, initialize_routing_table …";
        message: Uint Key "" "Message type.";
        vendor_id: Uint Key "" "Vendor of a proprietary message.";
        reason: Uint Key "" "Why a message was rejected.";
        networks: Uints Key "" "Networks named, at most 32.";
        source_network: Uint Key "" "Source network (SNET), where it came through a router.";
    }
    link "bacnet.link" "ASHRAE 135 annex J.2, U.2" "A message of the virtual link: foreign devices, broadcast tables, results." {
        operation: Text Key "" "register_foreign_device, write_broadcast_table, result …";
        function: Uint Key "" "Function.";
        result: Uint Key "" "Result code; 0 is success.";
        lifetime: Uint Key "s" "Time to live of a registration.";
        peers: Ips Key "" "Addresses in the table or entry, at most 32.";
    }
}
malformed_kind!("bacnet.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "bacnet",
    title: "BACnet/IP",
    source: "ANSI/ASHRAE 135-2020",
    limits: &[
        "BACnet/SC (annex AB) is TLS and shows as that; MS/TP is not read from serial captures.",
        "Values of structured properties (schedules, recipients, event parameters) are not taken apart, but for the objects in them.",
        "Parameters of audit services, virtual terminals and vendors' private transfers are not read.",
        "Of one message at most 512 objects, properties and names and 64 values are kept; of segmented ones at most 64 KiB a conversation.",
    ],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[LLC],
    ports: &[47808],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Bacnet::default()),
};

/// BACnet over Ethernet has no EtherType: its frames carry a length, and LLC names it.
const LLC: u16 = 0;
/// The LLC header of BACnet (annex K): both service access points 0x82, unnumbered information.
const LLC_HEADER: [u8; 3] = [0x82, 0x82, 0x03];

fn probe(data: &[u8], hint: &Hint) -> Probe {
    let version = match *data {
        [0x82, 0x82, 0x03, version, control, ..] if hint.carrier == Carrier::Ethernet(LLC) => {
            return network_header(version, control)
        }
        [version @ (0x81 | 0x82), ..] if hint.carrier == Carrier::Udp => version,
        _ => return Probe::No,
    };
    let (Some(&function), Some(high), Some(low)) = (data.get(1), data.get(2), data.get(3)) else { return Probe::No };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let near = |port: u16| (47808..=47823).contains(&port);
    let on_port = near(hint.client_port) || near(hint.server_port);
    let whole = length == data.len();
    // A capture that keeps only the front of each packet may show less than the length says: then the port has to agree.
    if function > 12 || length < 4 || !(whole || on_port) {
        return Probe::No;
    }
    let before = match (version, function) {
        (0x81, 4) => 10,
        (0x81, 9..=11) => 4,
        (0x82, 1) => 10,
        (0x82, 2 | 12) => 7,
        (0x82, 8) => 25,
        // Messages of the link itself are too short to be cut, and have nothing but their length to be known by.
        (0x81, _) if whole => return about_link(function, length, on_port),
        // BACnet/IPv6, Annex U.2: the length is fixed but where a message is forwarded.
        (0x82, _) if whole && on_port => {
            let fits = match function {
                0 | 9 => length == 9,
                3 | 5 | 7 | 10 => length == 10,
                4 => length == 28,
                6 => length == 7,
                _ => false,
            };
            return if fits { Probe::Yes(70) } else { Probe::No };
        }
        _ => return Probe::No,
    };
    match (data.get(before), data.get(before + 1)) {
        (Some(version), Some(control)) => network_header(*version, *control),
        _ => Probe::No,
    }
}

fn network_header(version: u8, control: u8) -> Probe {
    match version == 1 && control & 0x50 == 0 {
        true => Probe::Yes(95),
        false => Probe::No,
    }
}

/// Messages of the link itself have no version: their lengths are fixed instead.
fn about_link(function: u8, length: usize, on_port: bool) -> Probe {
    let fits = match function {
        0 | 5 => length == 6,
        1 | 3 | 7 => length % 10 == 4,
        2 | 6 => length == 4,
        8 => length == 10,
        _ => false,
    };
    match (fits, on_port) {
        (true, true) => Probe::Yes(90),
        (true, false) => Probe::Yes(40),
        _ => Probe::No,
    }
}

/// The reader of one conversation.
#[derive(Default)]
struct Bacnet {
    found: found::Found,
    words: String,
    segments: segments::Segments,
}

impl Dissector for Bacnet {
    fn read(&mut self, data: &[u8], cx: &mut Context<'_>) -> Progress {
        match (cx.carrier, data.first()) {
            // Between two stations other protocols may ride on LLC too.
            (Carrier::Ethernet(_), _) => {
                if let Some(rest) = data.strip_prefix(&LLC_HEADER) {
                    route::packet(self, &mut Reader::new(rest), Who::Sender, cx);
                }
            }
            (_, Some(0x81)) => route::link4(self, data, cx),
            (_, Some(0x82)) => route::link6(self, data, cx),
            _ => cx.malformed("link-type", "neither 0x81 nor 0x82"),
        }
        Progress::Used(data.len())
    }
}

//! BACnet/IP. ANSI/ASHRAE 135-2020.

use crate::{Context, Dissector, Hint, Probe, Progress, Protocol};

kinds! {
    request "bacnet.request" "ASHRAE 135 §20.1" "A confirmed or unconfirmed service asked for." {
        operation: Text Key "" "read_property, write_property, reinitialize_device, time_synchronization, who_is …";
        pdu_type: Uint Key "" "0 confirmed request, 1 unconfirmed request.";
        service: Uint Key "" "Service choice.";
        object: Text Key "" "The object and property in words: `analog-value 3 present-value`.";
        object_type: Uints Key "" "Object type of each object named.";
        instance: Uints Key "" "Instance of each object named.";
        property: Uints Key "" "Each property named.";
        priority: Uint Key "" "Priority of a write.";
        network: Uint Key "" "Destination network (DNET), where the request is routed.";
        invoke_id: Uint Detail "" "Invoke id.";
        values: Texts Detail "" "Values written, in words.";
        reals: Texts Detail "" "Real present values.";
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
        property: Text Key "" "vendor-name, model-name, firmware-revision, application-software-version, object-name, location, description, serial-number, vendor-identifier.";
        value: Text Key "" "Value.";
        network: Uint Key "" "Source network (SNET), where it came through a router.";
        address: Bytes Key "" "Source address (SADR) on that network.";
    }
}
malformed_kind!("bacnet.malformed");

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "bacnet",
    title: "BACnet/IP",
    source: "ANSI/ASHRAE 135-2020",
    limits: &["Not dissected yet."],
    kinds: KINDS,
    malformed: &MALFORMED,
    tcp: false,
    udp: true,
    ethertypes: &[],
    ports: &[47808],
    buffer: 65_536, // bytes
    probe,
    dissector: || Box::new(Reading),
};

fn probe(_data: &[u8], _hint: &Hint) -> Probe {
    Probe::No
}

struct Reading;

impl Dissector for Reading {
    fn read(&mut self, data: &[u8], _cx: &mut Context<'_>) -> Progress {
        Progress::Used(data.len())
    }
}

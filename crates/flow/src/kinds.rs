//! Facts that need no dissector: who carries which address, how far away it is, whom it tried in vain to reach.

use ringfence_dissect::kinds;

kinds! {
    address "link.address" "contract §1" "Frames from this MAC carried this source IP; counted once per flow and direction." {
        ip: Ip Key "" "Source IP address.";
        vlan: Uint Key "" "Innermost VLAN id; absent without a tag.";
    }
    ttl "link.ttl" "RFC 791 §3.2, RFC 8200 §3" "The initial TTL or hop limit that this talker most likely uses; counted once per flow and direction, where the other end is a group or was heard." {
        initial: Uint Key "" "32, 64, 128 or 255.";
        hops: Uint Key "" "Routers between talker and sensor, if that guess is right.";
    }
    attempts "flow.attempts" "contract §2" "Conversations that this talker tried to open and that nobody took up, in one window." {
        window: Time Key "" "Start of the window.";
        flows: Uint Key "" "Unanswered flows.";
        destinations: Uint Key "" "Different addresses tried; a lower bound where `capped`.";
        ports: Uint Key "" "Different ports tried on the one address with the most; a lower bound where `capped`.";
        busiest: Ip Key "" "That address.";
        transport: Text Key "" "tcp, udp or arp.";
        top_ports: Uints Key "" "Ports tried on most addresses, up to eight.";
        capped: Bool Key "" "True where a bound was reached, so that the counts are lower bounds.";
    }
    targeted "flow.targeted" "contract §2" "Conversations that several talkers tried to open with this address and that it did not take up, in one window." {
        window: Time Key "" "Start of the window.";
        flows: Uint Key "" "Unanswered flows.";
        sources: Uint Key "" "Different talkers; a lower bound where `capped`.";
        transport: Text Key "" "tcp, udp or icmp.";
        top_ports: Uints Key "" "Ports tried by most talkers, up to eight.";
        capped: Bool Key "" "True where a bound was reached, so that the counts are lower bounds.";
    }
    overflow "x.overflow" "contract §2" "More distinct values of one kind than are kept in one window: how many records were only counted." {
        of: Text Key "" "The kind.";
    }
}

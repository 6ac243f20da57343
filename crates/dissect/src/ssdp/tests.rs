use super::*;
use crate::testing::Bench;
use crate::Carrier;

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../../vectors/ssdp/", $name, "/input.txt"))
    };
}

fn hint(port: u16) -> Hint {
    Hint { carrier: Carrier::Udp, from_client: true, client_port: 50_000, server_port: port, to_group: true }
}

fn said(datagram: &[u8]) -> Vec<String> {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Udp);
    bench.client(datagram);
    bench.lines().to_vec()
}

#[test]
fn a_notification_is_read() {
    assert_eq!(
        said(vector!("notify")),
        ["ssdp.message 10.0.0.1 operation=notify_alive method=NOTIFY host=239.255.255.250:1900 \
          server=Linux UPnP/1.0 bridge/1.17 location=http://10.0.0.1:80/description.xml cache_control=max-age=100 \
          target=upnp:rootdevice usn=uuid:2f402f80::upnp:rootdevice"]
    );
}

#[test]
fn a_search_may_lack_its_blank_line() {
    assert_eq!(
        said(vector!("search_without_blank_line")),
        ["ssdp.message 10.0.0.1 operation=search method=M-SEARCH host=239.255.255.250:1900 target=ssdp:all"]
    );
}

#[test]
fn an_answer_comes_from_any_port() {
    let answer = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLocation: http://10.0.0.1/\r\n\r\n";
    assert!(matches!(probe(answer, &hint(40_000)), Probe::Yes(_)));
    assert_eq!(
        said(answer),
        ["ssdp.message 10.0.0.1 operation=response status=200 location=http://10.0.0.1/ target=upnp:rootdevice"]
    );
    assert_eq!(probe(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", &hint(40_000)), Probe::No);
}

#[test]
fn a_status_that_is_no_number_is_malformed() {
    assert_eq!(
        said(vector!("status_not_a_number")),
        ["ssdp.malformed 10.0.0.1>10.0.0.2 field=start line reason=status not readable"]
    );
}

#[test]
fn other_datagrams_are_left_alone() {
    for other in [&b""[..], b"M", b"NOTIFY sip:a SIP/2.0\r\n", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/2.0 200"] {
        assert_eq!(probe(other, &hint(1900)), Probe::No);
    }
}

#[test]
fn every_prefix_is_harmless() {
    let whole = vector!("notify");
    for end in 0..whole.len() {
        said(&whole[..end]);
        let mut changed = whole.to_vec();
        changed[end] ^= 0x8d;
        said(&changed);
    }
}

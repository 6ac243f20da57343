//! A protocol is claimed on content, never on a port alone: what is none of ours is claimed nowhere, what is ours is
//! claimed as itself on every registered port.
//!
//! Rule 1: the draws are seeded, so each run is the same. Noise is random bytes, one byte repeated, counters, and text
//! in several alphabets; TLS and HTTP are what most often runs on a port of another protocol.
//! Rule 2: Telnet on its own port is text and nothing else, so text there may be claimed, at 20 of 100 at the most.

use ringfence_dissect::{registry::BUILTIN, Carrier, Hint, Protocol, Secrets};
use ringfence_flow::Environment;

/// Draws per hint; each makes a payload of another length.
const DRAWS: usize = 4_000;
const TEXT_ON_TELNET: u8 = 20;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// Every registered port of every protocol, and one that is nobody's.
fn ports() -> Vec<u16> {
    let mut ports: Vec<u16> = BUILTIN.iter().flat_map(|protocol| protocol.ports.iter().copied()).collect();
    ports.push(40_001);
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn hints() -> Vec<Hint> {
    let mut hints = Vec::new();
    for server_port in ports() {
        for carrier in [Carrier::Tcp, Carrier::Udp] {
            for from_client in [true, false] {
                hints.push(Hint { carrier, from_client, client_port: 40_000, server_port, to_group: false });
            }
        }
        let to_all =
            Hint { carrier: Carrier::Udp, from_client: true, client_port: server_port, server_port, to_group: true };
        hints.push(to_all);
    }
    let frame =
        Hint { carrier: Carrier::Ethernet(0), from_client: true, client_port: 0, server_port: 0, to_group: true };
    hints.push(frame);
    hints
}

fn environment() -> Environment {
    Environment::new(Secrets::new(b"claims", []), false, false)
}

fn claim(environment: &Environment, data: &[u8], hint: &Hint) -> Option<(&'static Protocol, u8)> {
    environment.probe(data, hint, 0).0
}

/// What is claimed of `payload(draw)` at all hints, but for text on Telnet's port.
fn wrong(name: &str, mut payload: impl FnMut(&mut Random) -> Vec<u8>) -> Vec<String> {
    let environment = environment();
    let mut random = Random(0x5eed);
    let mut found = Vec::new();
    for hint in hints() {
        for _ in 0..DRAWS {
            let data = payload(&mut random);
            if let Some((protocol, confidence)) = claim(&environment, &data, &hint) {
                let text_on_telnet = protocol.name == "telnet" && confidence <= TEXT_ON_TELNET;
                if !text_on_telnet {
                    let start = &data[..data.len().min(24)];
                    found.push(format!("{name}: {} at {confidence} for {start:02x?}, {hint:?}", protocol.name));
                }
            }
        }
    }
    found
}

fn none(found: &[String]) {
    assert!(found.is_empty(), "{} claims:\n{}", found.len(), found[..found.len().min(20)].join("\n"));
}

#[test]
fn random_bytes_are_nothing() {
    none(&wrong("random", |random| {
        let length = 1 + random.below(300);
        random.bytes(length)
    }));
    none(&wrong("short random", |random| {
        let length = 1 + random.below(12);
        random.bytes(length)
    }));
}

#[test]
fn one_byte_repeated_is_nothing() {
    none(&wrong("repeated", |random| {
        let byte = [0, 0xff, 0x55, 0xaa, 1, 0x20, 0x7f, 0x80][random.below(8)];
        vec![byte; 1 + random.below(300)]
    }));
}

#[test]
fn counters_are_nothing() {
    none(&wrong("counter", |random| {
        let (start, step) = (random.next() as u8, 1 + random.below(3) as u8);
        (0..1 + random.below(300)).map(|at| start.wrapping_add(step.wrapping_mul(at as u8))).collect()
    }));
}

#[test]
fn text_is_nothing() {
    let words = [
        "temperature",
        "=",
        "21.5",
        ";",
        "{\"a\":1}",
        "\r\n",
        " ",
        "OK",
        "ERROR",
        "größe",
        "über",
        "<xml/>",
        "$GPGGA,",
        "AT+",
    ];
    none(&wrong("text", |random| {
        (0..1 + random.below(30)).flat_map(|_| words[random.below(words.len())].bytes()).collect()
    }));
    none(&wrong("base64", |random| {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
        (0..1 + random.below(200)).map(|_| letters[random.below(letters.len())]).collect()
    }));
}

/// What is ours: carrier, name, and a first payload of the client.
fn known() -> Vec<(Carrier, &'static str, Vec<u8>)> {
    let mut hello = vec![22, 3, 1, 0, 49, 1, 0, 0, 45, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0, 0, 0]);
    let data = [&[23, 3, 3, 0, 64][..], &[0x5a; 64]].concat();
    let request = b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01".to_vec();
    let read = vec![0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10];
    let connect = b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd".to_vec();
    vec![
        (Carrier::Tcp, "tls", hello),
        (Carrier::Tcp, "tls", data),
        (Carrier::Tcp, "http", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        (Carrier::Tcp, "http", request),
        (Carrier::Tcp, "ssh", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        (Carrier::Tcp, "modbus", read),
        (Carrier::Tcp, "mqtt", connect),
        (Carrier::Udp, "dns", query),
    ]
}

#[test]
fn what_is_known_is_itself_on_every_port() {
    let environment = environment();
    for (carrier, name, data) in known() {
        for port in ports() {
            // Ports of LLMNR and NetBIOS are no DNS, and multicast DNS has DNS's own format.
            if name == "dns" && matches!(port, 5353 | 5355 | 137) {
                continue;
            }
            let hint = Hint { carrier, from_client: true, client_port: 40_000, server_port: port, to_group: false };
            let claimed = claim(&environment, &data, &hint).map(|(protocol, _)| protocol.name);
            assert_eq!(claimed, Some(name), "{name} on port {port}");
        }
    }
}

#[test]
fn acknowledgements_alone_are_mqtt_on_its_port_only_where_they_end_with_the_bytes() {
    let environment = environment();
    let hint =
        Hint { carrier: Carrier::Tcp, from_client: true, client_port: 40_000, server_port: 1883, to_group: false };
    let name = |data: &[u8]| claim(&environment, data, &hint).map(|(protocol, _)| protocol.name);
    for sound in [
        &[0xc0, 0][..],
        &[0x40, 2, 0, 1],
        &[0x40, 2, 0, 1, 0x40, 2, 0, 2],
        &[0x90, 3, 0, 1, 0],
        &[0x90, 4, 0, 1, 0, 2],
        &[0xe0, 0],
        &[0x30, 5, 0, 1, b'a', 1, 2],
        &[0x30, 0xff, 0x7f, 0, 3, b'a', b'/', b'b', 1, 2],
    ] {
        assert_eq!(name(sound), Some("mqtt"), "{sound:02x?}");
    }
    for unsound in [&[0xc0, 0, 0xff][..], &[0x40, 2, 0, 1, 0x99], &[0x90, 4, 0, 1, 0x55, 0x66], &[0xe0, 9, 1, 2, 3]] {
        assert_eq!(name(unsound), None, "{unsound:02x?}");
    }
}

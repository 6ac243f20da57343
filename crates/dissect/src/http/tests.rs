use super::*;
use crate::testing::Bench;
use crate::{Carrier, Hint, Outcome, Probe};

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../../vectors/http/", $name))
    };
}

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

fn probed(data: &[u8]) -> Probe {
    let hint =
        Hint { carrier: Carrier::Tcp, from_client: true, client_port: 40_000, server_port: 502, to_group: false };
    (PROTOCOL.probe)(data, &hint)
}

fn response(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n").as_bytes(), body].concat()
}

fn server_says(bytes: &[u8]) -> Vec<String> {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.server(bytes);
    bench.lines().to_vec()
}

#[test]
fn requests_and_responses_follow_each_other_however_they_are_cut() {
    let requests = b"\r\nHEAD /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: ua\r\n\r\n\
        POST /b HTTP/1.0\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n\
        GET http://h/c?d HTTP/1.1\r\n\r\n";
    let responses = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9999\r\nServer: s\r\n\r\n\
        HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nX-Powered-By: p\r\n\r\nabcd\
        HTTP/1.0 302 \r\nLocation: /x?session=1\r\nContent-Type: text/html\r\n\r\n<TITLE>\n A  b&amp;c </TITLE> HTTP/1.1 200";
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, requests), (false, responses)]);
    assert_eq!(
        lines,
        [
            "http.request 10.0.0.1>10.0.0.2 operation=HEAD host=h object=/a user_agent=ua version=1.1 uri=/a?b=c",
            "http.request 10.0.0.1>10.0.0.2 operation=POST object=/b content_type=text/plain version=1.0 uri=/b",
            "http.request 10.0.0.1>10.0.0.2 operation=GET object=/c version=1.1 uri=http://h/c?d",
            "http.response 10.0.0.2 status=100",
            "http.response 10.0.0.2 status=200 server=s",
            "http.response 10.0.0.2 status=404 powered_by=p",
            "http.response 10.0.0.2 status=302 content_type=text/html location=/x target=/x?session=***",
            "http.page 10.0.0.2 title=A b&c",
        ]
    );
}

#[test]
fn credentials_are_sealed_whichever_way_they_come() {
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, vector!("login/input.txt"))]);
    let credentials: Vec<&String> = lines.iter().filter(|line| line.starts_with("http.credentials")).collect();
    assert_eq!(credentials.len(), 4, "{lines:?}");
    assert!(credentials[0].contains("scheme=basic user=admin secret=") && credentials[0].ends_with("default=true"));
    assert!(credentials[1].ends_with("scheme=digest user=tom"));
    assert!(credentials[2].contains("scheme=form user=tom secret=") && credentials[2].ends_with("default=false"));
    assert!(credentials[3].contains("scheme=query user=admin secret="));
    assert!(lines.iter().any(|line| line.ends_with("uri=/snap.cgi?user=admin&pwd=***")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("888888") || line.contains("a b")), "{lines:?}");
}

#[test]
fn a_description_names_the_root_device() {
    let body = vector!("description/body.xml");
    let message = response(&format!("Content-Type: text/xml\r\nContent-Length: {}", body.len()), body);
    let lines = Bench::cut_anywhere(&PROTOCOL, &[(true, GET), (false, &message)]);
    assert_eq!(
        lines[2..],
        ["upnp.description 10.0.0.2 device_type=urn:schemas-upnp-org:device:Basic:1 friendly_name=Tom & Ann's bridge \
          manufacturer=Lamps <&> Co model_name=B1 udn=uuid:2f402f80"]
    );
}

#[test]
fn a_challenge_is_kept_without_its_nonce() {
    let lines = server_says(&response("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nContent-Length: 0", b""));
    assert!(lines[0].contains("www_authenticate=Digest realm=\"r\" challenge=Digest realm=\"r\", nonce=\"n\""));
}

#[test]
fn faults_are_said_by_name() {
    let lines = server_says(vector!("chunk_size_not_a_number/input.txt"));
    assert_eq!(lines[1], "http.malformed 10.0.0.2>10.0.0.1 field=chunk reason=size not readable");
    let lines = server_says(vector!("content_length_twice/input.txt"));
    assert!(lines[1].contains("field=content_length"), "{lines:?}");
    let lines = server_says(b"HTTP/1.1 OK\r\n\r\n");
    assert!(lines[0].ends_with("field=start line reason=status not readable"), "{lines:?}");
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(b"GET / HTTP/1.1\r\n");
    for _ in 0..100 {
        bench.client(&[b'x'; 1000]);
    }
    assert!(bench.lines()[0].contains("field=length"), "{:?}", bench.lines());
    bench.client(GET);
    assert!(bench.lines()[1].starts_with("http.request"), "{:?}", bench.lines());
}

#[test]
fn lost_bytes_of_a_body_are_counted_off() {
    let message = response("Content-Length: 100", &[b'x'; 40]);
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.server(&message).gap(false, 50).server(&[b'x'; 10]).server(&response("Content-Length: 0", b""));
    assert_eq!(bench.lines().len(), 2, "{:?}", bench.lines());
    bench.gap(false, 5).server(b"middle of something\r\n").server(&response("Server: again", b""));
    assert!(bench.lines()[2].contains("server=again"), "{:?}", bench.lines());
}

#[test]
fn connect_and_upgrade_hand_over() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(b"CONNECT h:443 HTTP/1.1\r\n\r\n").server(b"HTTP/1.1 200 OK\r\n\r\n\x16\x03");
    assert_eq!((bench.outcome, bench.rest.as_slice()), (Outcome::Handover, &b"\x16\x03"[..]));
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(GET).server(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81");
    assert_eq!((bench.outcome, bench.rest.as_slice()), (Outcome::Handover, &b"\x81"[..]));
}

#[test]
fn only_http_1_is_claimed() {
    for yes in [&b"GET / HTTP/1.1\r\n"[..], b"M-SEARCH * HTTP/1.0\n", b"HTTP/1.1 200 OK", b"ODD x HTTP/1.1\r\n\r\n"] {
        assert!(matches!(probed(yes), Probe::Yes(_)), "{}", String::from_utf8_lossy(yes));
    }
    for more in [&b""[..], b"G", b"GET", b"GET /long", b"HTTP", b"HTTP/1.1 2", b"H"] {
        assert_eq!(probed(more), Probe::More, "{}", String::from_utf8_lossy(more));
    }
    for no in [
        &b"OPTIONS rtsp://h RTSP/1.0\r\n"[..],
        b"ICY 200 OK\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\n",
        b"USER tom\r\n",
        b"HTTP/1.1 abc",
        b"HTTP/2 200 OK\r\n",
        b"\x16\x03\x01\x00\xc8",
        b"get / http/1.1\r\n",
        b"GET /\xff\x00\x01",
        b"SSH-2.0-OpenSSH_9.0\r\n",
    ] {
        assert_eq!(probed(no), Probe::No, "{}", String::from_utf8_lossy(no));
    }
}

#[test]
fn every_prefix_and_every_changed_byte_is_harmless() {
    let body = vector!("description/body.xml");
    let message = response("Content-Type: text/xml\r\nWWW-Authenticate: Digest a=\"\r\nLocation: http://@/?=", body);
    for bytes in [&message[..], vector!("login/input.txt"), vector!("chunk_size_not_a_number/input.txt")] {
        for end in 0..bytes.len() {
            probed(&bytes[..end]);
            let mut changed = bytes.to_vec();
            changed[end] ^= 0x9b;
            let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
            bench.client(&bytes[..end]).server(&changed).gap(true, u64::from(end as u32)).client(&changed);
        }
    }
}

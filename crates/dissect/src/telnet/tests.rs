use super::*;
use crate::testing::Bench;
use crate::Carrier;

fn hint(from_client: bool, server_port: u16) -> Hint {
    Hint { carrier: Carrier::Tcp, from_client, client_port: 40000, server_port, to_group: false }
}

/// Records without `telnet.data`, which counts deliveries, and without the digest of the password.
fn told(turns: &[(bool, &[u8])]) -> Vec<String> {
    let play = |cut: Option<(usize, usize)>| -> Vec<String> {
        let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
        for (turn, (from_client, bytes)) in turns.iter().enumerate() {
            let at = cut.filter(|(cut_turn, _)| *cut_turn == turn).map_or(0, |(_, at)| at);
            for part in [&bytes[..at], &bytes[at..]] {
                match from_client {
                    true => bench.client(part),
                    false => bench.server(part),
                };
            }
        }
        bench.lines().iter().filter(|line| !line.starts_with("telnet.data")).cloned().collect()
    };
    let whole = play(None);
    for (turn, (_, bytes)) in turns.iter().enumerate() {
        for at in 0..=bytes.len() {
            assert_eq!(play(Some((turn, at))), whole, "turn {turn} cut at byte {at}");
        }
    }
    whole
        .into_iter()
        .map(|line| match line.split_once(" secret=") {
            Some((before, after)) => format!("{before} {}", after.split_once(' ').unwrap().1),
            None => line,
        })
        .collect()
}

#[test]
fn a_login_typed_letter_by_letter_with_echo() {
    let lines = told(&[
        (false, b"\xff\xfd\x18\xff\xfb\x01\r\n\x1b[1mACME 5\x1b[0m\r\nacme login: "),
        (true, b"\xff\xfb\x18a"),
        (false, b"a"),
        (true, b"dx"),
        (false, b"dx"),
        (true, b"\x7f"),
        (false, b"\x08 \x08"),
        (true, b"min\r\0"),
        (false, b"min\r\nPassword: "),
        (true, b"admin\r\n"),
        (false, b"\r\nBusyBox v1.2\r\n~ # "),
        (true, b"secret command\r\n"),
    ]);
    assert_eq!(
        lines,
        [
            "telnet.option 10.0.0.2>10.0.0.1 command=253 option=24",
            "telnet.option 10.0.0.2>10.0.0.1 command=251 option=1",
            "telnet.banner 10.0.0.2 text=\x1b[1mACME 5\x1b[0m\nacme login:",
            "telnet.option 10.0.0.1>10.0.0.2 command=251 option=24",
            "telnet.login 10.0.0.1>10.0.0.2 user=admin default=true success=true",
        ]
    );
}

#[test]
fn failures_are_told_one_by_one() {
    let lines = told(&[
        (false, b"Username: "),
        (true, b"root\r\n"),
        (false, b"Password: "),
        (true, b"xc3511\r\n"),
        (false, b"\r\n% Login invalid\r\n\r\nUsername: "),
        (true, b"root\r\n"),
        (false, b"Password: "),
        (true, b"vizxv\r\n"),
        (false, b"\r\nUsername: "),
        (true, b"root\r\n"),
        (false, b"Password:"),
        (true, b"\r\n"),
        (false, b"\r\nrouter>"),
    ]);
    let login = "telnet.login 10.0.0.1>10.0.0.2 user=root default=false success=";
    assert_eq!(lines[1..], [format!("{login}false"), format!("{login}false"), format!("{login}true")]);
}

#[test]
fn no_password_and_no_line_of_text_stands_in_a_record() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.server(b"login: ").client(b"operator\r\n").server(b"password: ").client(b"Tr0ub4dor\r\n");
    bench.server(b"\r\nwelcome\r\n$ ").client(b"cat patients\r\n");
    assert!(bench.lines().iter().any(|line| line.contains("user=operator")));
    assert!(bench.lines().iter().all(|line| !line.contains("Tr0ub4dor") && !line.contains("patients")));
}

#[test]
fn data_is_counted_line_by_line() {
    let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
    bench.client(b"hello\r\nworld\r\0x\ny\rz\xff\xffq\r");
    assert_eq!(bench.lines().len(), 4);
    assert!(bench.lines().iter().all(|line| line.starts_with("telnet.data 10.0.0.1>10.0.0.2 line=")));
}

#[test]
fn subnegotiation_without_end_is_said_and_left() {
    let bytes = [&[255, 250, 24][..], &[b'B'; 3000]].concat();
    let lines = told(&[(true, &bytes)]);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1], "telnet.malformed 10.0.0.1>10.0.0.2 field=subnegotiation reason=no end within 1024 bytes");
}

#[test]
fn subnegotiation_ends_with_se() {
    let lines = told(&[(true, &[255, 250, 24, 0, b'x', 255, 255, 255, 240, b'a', 255, 241])]);
    assert_eq!(
        lines,
        [
            "telnet.option 10.0.0.1>10.0.0.2 command=250 option=24",
            "telnet.option 10.0.0.1>10.0.0.2 command=240",
            "telnet.option 10.0.0.1>10.0.0.2 command=241",
        ]
    );
}

#[test]
fn command_that_does_not_exist_is_said() {
    let lines = told(&[(true, &[255, 7, b'a'])]);
    assert_eq!(lines, ["telnet.malformed 10.0.0.1>10.0.0.2 field=command reason=no command has this code"]);
}

#[test]
fn probes_go_by_content() {
    assert_eq!(probe(&[255, 251, 1, 255, 253, 31], &hint(false, 4000)), Probe::Yes(90));
    assert_eq!(probe(&[255], &hint(false, 4000)), Probe::More);
    assert_eq!(probe(&[255, 251, 120, 1], &hint(false, 23)), Probe::No);
    assert_eq!(probe(&[255, 0xd8, 0xff, 0xe0], &hint(false, 23)), Probe::No);
    assert_eq!(probe(b"\r\nDevice\r\nlogin: ", &hint(false, 4000)), Probe::Yes(70));
    assert_eq!(probe(b"HTTP/1.1 200 OK\r\nServer: ", &hint(false, 4000)), Probe::No);
    assert_eq!(probe(b"\x16\x03\x01\x02\x00\x01", &hint(true, 23)), Probe::No);
    assert_eq!(probe(b"plain text", &hint(true, 23)), Probe::Yes(20));
    assert_eq!(probe(b"plain text", &hint(true, 24)), Probe::No);
}

#[test]
fn no_bytes_are_harmful() {
    let bytes: Vec<u8> = (0..=255u8).flat_map(|byte| [255, byte, byte, b':', 27, byte]).collect();
    for end in (0..bytes.len()).step_by(29) {
        let mut bench = Bench::new(&PROTOCOL, Carrier::Tcp);
        bench.server(&bytes[..end]).client(&bytes[end..]).gap(true, 3).client(&bytes).server(b"Password: ");
        bench.client(&bytes[end..]).server(&bytes);
        let _ = probe(&bytes[end..], &hint(false, 23));
    }
}

//! What clients do wrong, and what the machine does: each is answered, bounded, and forgotten.

use serve::limits::Limits;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::client::{ask, Answer, Server};
use crate::models::Echo;

fn echo(limits: Limits, time: Duration) -> Server {
    Server::start(limits, |settings| vec![Echo { time, ..Echo::default() }.served(settings)])
}

fn works(server: &Server) {
    let answer = server.post("/v1/models/echo:predict", "{\"instances\":[[1]]}");
    assert_eq!(answer.text(), "{\n    \"predictions\": [[1.0]\n    ]\n}");
}

#[test]
fn garbage_is_refused() {
    let server = echo(Limits::default(), Duration::ZERO);
    for garbage in
        [&b"\x16\x03\x01\x02\x00"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"]
    {
        let mut stream = server.connect();
        stream.write_all(garbage).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // Some of it is answered with 400, some by the end of the connection.
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    let deep = format!("{{\"instances\": {}", "[".repeat(1_000_000));
    let answer = server.post("/v1/models/echo:predict", deep);
    assert!(answer.status == 400 && answer.error().contains("nested deeper than 64"), "{}", answer.error());
    works(&server);
}

#[test]
fn a_body_that_is_too_large_is_told_so() {
    let server = echo(Limits { body: 100_000, ..Limits::default() }, Duration::ZERO);
    // 1 GB that is announced, and 1 GB that comes in pieces of unknown number; both are written to their end.
    for (head, chunk) in [("content-length: 1000000000", 1_000_000), ("transfer-encoding: chunked", 999_982)]
    {
        let mut stream = server.connect();
        let head = format!(
            "POST /v1/models/echo:predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let piece = match chunk {
            1_000_000 => vec![b'['; chunk],
            _ => [format!("{chunk:x}\r\n").as_bytes(), &vec![b'['; chunk], b"\r\n"].concat(),
        };
        for _ in 0..1000 {
            stream.write_all(&piece).unwrap();
        }
        if chunk != 1_000_000 {
            stream.write_all(b"0\r\n\r\n").unwrap();
        }
        let answer = Answer::read(&mut stream).unwrap();
        assert!(
            answer.status == 413 && answer.error().contains("larger than 100000 bytes"),
            "{}",
            answer.error()
        );
    }
    works(&server);
}

#[test]
fn slow_clients_are_given_up_and_hold_nobody_up() {
    let time = Duration::from_millis(300);
    let limits = Limits { head_time: time, body_time: time, ..Limits::default() };
    let server = echo(limits, Duration::ZERO);
    let mut heads: Vec<TcpStream> = (0..50).map(|_| server.connect()).collect();
    let mut bodies: Vec<TcpStream> = (0..50).map(|_| server.connect()).collect();
    for stream in &mut heads {
        stream.write_all(b"POST /v1/models/echo:predict HTTP/1.1\r\nhost:").unwrap();
    }
    for stream in &mut bodies {
        let head = "POST /v1/models/echo:predict HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{";
        stream.write_all(head.as_bytes()).unwrap();
    }
    let begin = Instant::now();
    works(&server);
    assert!(begin.elapsed() < time, "others are not held up: {:?}", begin.elapsed());
    for stream in &mut bodies {
        let answer = Answer::read(stream).unwrap();
        assert!(answer.status == 408 && answer.error().contains("0.3 s"), "{}", answer.error());
    }
    for stream in &mut heads {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&rest));
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    let limits = Limits { write_time: Duration::from_millis(300), ..Limits::default() };
    let server = echo(limits, Duration::ZERO);
    let mut stream = server.connect();
    let body = format!("{{\"instances\":[{}[1]]}}", "[0.123456789],".repeat(20_000));
    let request = format!(
        "POST /v1/models/echo:predict HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // Answers pile up until the connection's memory is full, and it is ended from the other side.
    let is_ended = (0..1000).any(|_| stream.write_all(request.as_bytes()).is_err());
    assert!(is_ended);
    works(&server);
}

#[test]
fn connections_are_bounded_and_come_back() {
    let limits = Limits { connections: 20, head_time: Duration::from_millis(500), ..Limits::default() };
    let server = echo(limits, Duration::ZERO);
    let mut refused = 0;
    let mut open = Vec::new();
    for _ in 0..200 {
        let mut stream = server.connect();
        stream.set_read_timeout(Some(Duration::from_millis(if open.len() < 20 { 5 } else { 2000 }))).unwrap();
        match Answer::read(&mut stream) {
            Ok(answer) => {
                assert!(
                    answer.status == 503 && answer.error().contains("20 connections"),
                    "{}",
                    answer.error()
                );
                refused += 1;
            }
            Err(_) => open.push(stream),
        }
    }
    assert!(refused >= 100 && open.len() < 100, "{refused} {}", open.len());
    assert!(server.metric("serve_connections_refused_total") >= 100.0);
    // What was opened and left is closed from the other side, and there is room again.
    std::thread::sleep(Duration::from_millis(800));
    works(&server);
    drop(open);
    works(&server);
}

#[test]
fn a_full_queue_and_a_slow_model_are_errors() {
    let limits = Limits { queue: 2, answer_time: Duration::from_millis(200), ..Limits::default() };
    let server = echo(limits, Duration::from_millis(500));
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = |_| {
            let server = &server;
            scope.spawn(move || server.post("/v1/models/echo:predict", "{\"instances\":[[1]]}"))
        };
        let first = ask(0);
        std::thread::sleep(Duration::from_millis(50));
        let others: Vec<_> = (0..10).map(ask).collect();
        std::iter::once(first).chain(others).map(|thread| thread.join().unwrap()).collect()
    });
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).collect::<Vec<_>>();
    assert!(with(429).len() >= 7 && with(504).len() >= 2, "{answers:?}");
    assert!(with(429)[0].error().contains("full queue: 2 requests wait"));
    assert!(with(504)[0].error().contains("not answered within 0.2 s"));
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(server.metric("serve_queue_requests{model=\"echo\"}"), 0.0);
}

#[test]
fn clients_that_go_away_leave_nothing() {
    let server = echo(Limits::default(), Duration::from_millis(5));
    let body = "{\"instances\":[[1]]}";
    for turn in 0..200 {
        let mut stream = server.connect();
        let head = format!(
            "POST /v1/models/echo:predict HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body.as_bytes()].concat();
        // In mid-head, in mid-body, and in mid-answer.
        let part = [10, head.len() + 5, request.len()][turn % 3];
        stream.write_all(&request[..part]).unwrap();
    }
    works(&server);
    let begin = Instant::now();
    while server.metric("serve_connections ") > 0.0 {
        assert!(begin.elapsed() < Duration::from_secs(5), "{}", server.metrics.text());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn requests_under_way_are_answered_when_the_server_ends() {
    let mut server = echo(Limits::default(), Duration::from_millis(300));
    let address = server.address;
    let asked = std::thread::spawn(move || {
        ask(address, "POST", "/v1/models/echo:predict", &[], b"{\"instances\":[[1]]}")
    });
    let idle = server.connect();
    std::thread::sleep(Duration::from_millis(100));
    let begin = Instant::now();
    server.finish();
    assert!(begin.elapsed() < Duration::from_secs(5), "idle connections do not hold it up");
    assert_eq!(asked.join().unwrap().status, 200);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    drop(idle);
}

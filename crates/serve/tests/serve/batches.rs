//! Requests that wait are computed together, and each gets its own answer.

use serve::limits::Limits;
use std::time::{Duration, Instant};

use crate::client::Server;
use crate::models::Echo;

#[test]
fn many_clients_get_their_own_answers_in_few_batches() {
    let echo = Echo { time: Duration::from_millis(20), ..Echo::default() };
    let server = Server::start(Limits::default(), |settings| vec![echo.served(settings)]);
    std::thread::scope(|scope| {
        for client in 0..40 {
            let server = &server;
            scope.spawn(move || {
                for turn in 0..3 {
                    let number = client * 10 + turn;
                    let body = format!("{{\"instances\": [[{number}], [{number}.5]]}}");
                    let answer = server.post("/v1/models/echo:predict", body);
                    let expected = format!("{{\n    \"predictions\": [[{number}.0], [{number}.5]\n    ]\n}}");
                    assert_eq!(answer.text(), expected);
                }
            });
        }
    });
    let batches = echo.batches.lock().unwrap().clone();
    assert_eq!(batches.iter().sum::<usize>(), 240);
    assert!(batches.len() < 40 && batches.iter().all(|&size| size <= 32), "{batches:?}");
}

#[test]
fn a_request_that_is_alone_does_not_wait() {
    let echo = Echo::default();
    let server = Server::start(Limits::default(), |settings| vec![echo.served(settings)]);
    let quickest = (0..20)
        .map(|_| {
            let begin = Instant::now();
            assert_eq!(server.post("/v1/models/echo:predict", "{\"instances\":[[1]]}").status, 200);
            begin.elapsed()
        })
        .min();
    assert!(quickest.unwrap() < Duration::from_millis(2), "{quickest:?}");
}

#[test]
fn what_fails_fails_alone() {
    let echo = Echo { time: Duration::from_millis(30), ..Echo::default() };
    let server = Server::start(Limits::default(), |settings| vec![echo.served(settings)]);
    let answers: Vec<(i32, u16, String)> = std::thread::scope(|scope| {
        let ask = |number: i32| {
            let server = &server;
            scope.spawn(move || {
                let answer =
                    server.post("/v1/models/echo:predict", format!("{{\"instances\":[[{number}]]}}"));
                (number, answer.status, answer.text().to_string())
            })
        };
        let threads: Vec<_> = [5, 6, -1, 7, -2, 8].map(ask).into_iter().collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (number, status, text) in answers {
        match number {
            -1 => assert!(status == 500 && text.contains("Model echo failed: minus one"), "{text}"),
            -2 => assert!(status == 500 && text.contains("it panicked: minus two"), "{text}"),
            _ => assert!(status == 200 && text.contains(&format!("[{number}.0]")), "{text}"),
        }
    }
    assert_eq!(
        server.post("/v1/models/echo:predict", "{\"instances\":[[9]]}").status,
        200,
        "the thread lives on"
    );
}

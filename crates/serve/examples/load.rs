//! Asks a server again and again, and tells how long it took: `load ADDRESS PATH BODY SECONDS CLIENTS [RATE]`.
//!
//! Without a rate, each client asks as soon as it has its answer. With one, so many requests begin each second, and the time of each
//! is counted from the moment at which it was to begin, so that a server that stands still is seen to. A thread of its own keeps these
//! moments: tokio's clock is a millisecond or two late. BODY is a file. Prints a line of JSON.

use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

#[derive(Default)]
struct Seen {
    /// Seconds of each answer.
    times: Vec<f64>,
    errors: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, body, seconds, clients, rate @ ..] = arguments.as_slice() else {
        return Err("usage: load ADDRESS PATH BODY SECONDS CLIENTS [RATE]".into());
    };
    let (seconds, clients): (f64, usize) = (seconds.parse()?, clients.parse()?);
    let rate: Option<f64> = rate.first().map(|rate| rate.parse()).transpose()?;
    let body = std::fs::read(body)?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let request: &'static [u8] = [head.as_bytes(), &body].concat().leak();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (all, took) = runtime.block_on(async {
        let begin = Instant::now();
        let end = begin + Duration::from_secs_f64(seconds);
        let mut clocks = Vec::new();
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let (tell, told) = mpsc::unbounded_channel();
                clocks.push(tell);
                tokio::spawn(ask(address.clone(), request, end, rate.map(|_| told)))
            })
            .collect();
        if let Some(rate) = rate {
            std::thread::spawn(move || keep_time(begin, end, rate, &clocks));
        }
        let mut all = Seen::default();
        for task in tasks {
            let seen = task.await.unwrap_or_default();
            all.times.extend(seen.times);
            all.errors += seen.errors;
        }
        (all, begin.elapsed().as_secs_f64())
    });
    let Seen { mut times, errors } = all;
    times.sort_by(f64::total_cmp);
    let at =
        |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().max(1) - 1)).copied();
    let ms = |share: f64| at(share).map_or("null".to_string(), |time| format!("{:.3}", time * 1e3));
    println!(
        "{{\"answers\": {}, \"errors\": {errors}, \"rate\": {:.1}, \"p50\": {}, \"p99\": {}, \"longest\": {}}}",
        times.len(),
        times.len() as f64 / took,
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
    Ok(())
}

/// Tells the clients in turn when to ask.
fn keep_time(begin: Instant, end: Instant, rate: f64, clocks: &[UnboundedSender<Instant>]) {
    for (turn, clock) in clocks.iter().cycle().enumerate() {
        let start = begin + Duration::from_secs_f64(turn as f64 / rate);
        if start >= end {
            break;
        }
        std::thread::sleep(start.saturating_duration_since(Instant::now()));
        if clock.send(start).is_err() {
            break;
        }
    }
}

/// One client, which keeps its connection, until the end or, where it is told when to ask, until it is told no more.
async fn ask(
    address: String,
    request: &[u8],
    end: Instant,
    mut clock: Option<UnboundedReceiver<Instant>>,
) -> Seen {
    // A server that cannot keep up is not asked all that was to be asked.
    let latest = end + if clock.is_some() { Duration::from_secs(10) } else { Duration::ZERO };
    let mut seen = Seen::default();
    let mut stream = None;
    let mut buffer = vec![0; 1 << 16];
    while Instant::now() < latest {
        let start = match &mut clock {
            Some(clock) => match clock.recv().await {
                Some(start) => start,
                None => break,
            },
            None => Instant::now(),
        };
        match answered(&mut stream, &address, request, &mut buffer).await {
            Ok(()) => seen.times.push(start.elapsed().as_secs_f64()),
            Err(_) => {
                seen.errors += 1;
                stream = None;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    seen
}

/// Asks once, and reads the answer to its end; an error, if it is not 200.
async fn answered(
    stream: &mut Option<TcpStream>,
    address: &str,
    request: &[u8],
    buffer: &mut [u8],
) -> std::io::Result<()> {
    if stream.is_none() {
        let new = TcpStream::connect(address).await?;
        new.set_nodelay(true)?;
        *stream = Some(new);
    }
    let Some(open) = stream else { return Err(std::io::Error::other("no connection")) };
    open.write_all(request).await?;
    let mut length = 0;
    loop {
        let read = open.read(&mut buffer[length..]).await?;
        if read == 0 {
            return Err(std::io::Error::other("the connection has ended, or the answer is too long"));
        }
        length += read;
        let Some(end) = buffer[..length].windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let of_body =
            head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let of_body = of_body.ok_or_else(|| std::io::Error::other("the answer has no length"))?;
        if length >= end + 4 + of_body {
            if head.contains("connection: close") {
                *stream = None;
            }
            let is_well = head.split(' ').nth(1) == Some("200");
            return if is_well { Ok(()) } else { Err(std::io::Error::other("an error was answered")) };
        }
    }
}

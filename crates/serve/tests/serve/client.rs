//! A client that shows all that comes, and a server in this process for it to ask.

use cnn::serde_json::{self, Value};
use serve::app::App;
use serve::limits::Limits;
use serve::metrics::Metrics;
use serve::model::{Arriving, Registry, Served, Settings};
use serve::server;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// No answer of these tests takes longer.
pub const LONG: Duration = Duration::from_secs(30);

/// What a server says.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// What it says is wrong; every error is an object with this one member.
    pub fn error(&self) -> String {
        let json = self.json();
        assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
        assert_eq!(self.headers["content-type"], "application/json");
        json["error"].as_str().unwrap().to_string()
    }

    /// Reads an answer to its end.
    pub fn read(stream: &mut TcpStream) -> std::io::Result<Answer> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.ok_or_else(|| {
            std::io::Error::other(format!("no head: {:?}", String::from_utf8_lossy(&bytes)))
        })?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_string())).collect();
        Ok(Answer { status, headers, body: bytes[end + 4..].to_vec() })
    }
}

/// A server in this process; it ends with this value.
pub struct Server {
    pub address: SocketAddr,
    pub metrics: Arc<Metrics>,
    runtime: Option<Runtime>,
    end: Option<oneshot::Sender<()>>,
    done: Option<tokio::task::JoinHandle<()>>,
}

/// What models in tests have in common.
pub fn settings(limits: &Limits, metrics: &Arc<Metrics>) -> Settings {
    Settings {
        queue: limits.queue,
        answer_time: limits.answer_time,
        batch: 32,
        threads: 1,
        channels_last: false,
        metrics: metrics.clone(),
        arriving: Arriving::default(),
    }
}

impl Server {
    /// With the models that `start` makes.
    pub fn start(limits: Limits, start: impl FnOnce(&Settings) -> Vec<Served>) -> Server {
        let (metrics, registry) = (Arc::new(Metrics::default()), Arc::new(Registry::default()));
        let settings = settings(&limits, &metrics);
        let models = start(&settings);
        let first = models[0].info.name.clone();
        models.into_iter().for_each(|model| registry.put(model));
        let mut app = App::new(registry, metrics.clone(), settings.arriving, &limits);
        app.first = first;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (end, is_over) = oneshot::channel();
        let over = async { drop(is_over.await) };
        let done = runtime.spawn(server::serve(listener, app.router(), limits, metrics.clone(), over));
        Server { address, metrics, runtime: Some(runtime), end: Some(end), done: Some(done) }
    }

    /// Ends it, and waits until requests that are under way are answered.
    pub fn finish(&mut self) {
        self.end = None;
        if let (Some(runtime), Some(done)) = (&self.runtime, self.done.take()) {
            runtime.block_on(done).unwrap();
        }
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(self.address, "GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        ask(self.address, "POST", path, &[], body.as_ref())
    }

    /// A number of the metrics.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.text();
        let line =
            text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream
}

/// One request on a connection of its own.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_ask(address, method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

pub fn try_ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LONG))?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    Answer::read(&mut stream)
}

//! The program itself: its one line, its signals, its ends.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{ask, try_ask, Answer, LONG};
use crate::models::digits;

struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(model: &Path, arguments: &[&str]) -> Program {
        Program::start_with(model, arguments, |_| {})
    }

    fn start_with(model: &Path, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_serve"));
        command.arg(model).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            panic!("{}", Program::log(&mut child));
        }
        let address = line.trim_end().rsplit("http://").next().unwrap().parse().unwrap();
        Program { child, address }
    }

    fn log(child: &mut Child) -> String {
        let mut log = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut log).unwrap();
        }
        log
    }

    /// Asks with an image on which the crate remarks.
    fn predict_nan(&self) -> Answer {
        let row = format!("[{}]", ["NaN"; 28].join(","));
        let image = format!("{{\"instances\":[[[{}]]]}}", vec![row; 28].join(","));
        ask(self.address, "POST", "/v1/models/digits:predict", &[], image.as_bytes())
    }

    /// Waits for its end; returns whether it ended well, and what it logged.
    fn end(mut self) -> (bool, String) {
        let begin = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < LONG, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        (self.child.wait().unwrap().success(), Program::log(&mut self.child))
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn model(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("digits.keras");
    digits(1).save(&path).unwrap();
    path
}

#[test]
fn it_serves_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let program = Program::start(&path, &["--port", "0", "--log-format", "json", "--log-level", "debug"]);
    let answer = ask(program.address, "GET", "/v1/models/digits", &[], b"");
    assert!(answer.text().contains("AVAILABLE"));
    let health = |port: u16| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_serve"));
        command
            .args(["--health", "--port", &port.to_string()])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    assert!(health(program.address.port()));
    // Nobody reads any more what the crate prints; it goes to the log.
    assert_eq!(program.predict_nan().status, 200);
    program.signal("-TERM");
    let port = program.address.port();
    let (well, log) = program.end();
    assert!(well, "{log}");
    let (remarks, events): (Vec<&str>, Vec<&str>) = log.lines().partition(|line| line.contains("hold NaN"));
    assert_eq!(remarks.len(), 1, "{log}");
    for line in events {
        let line: cnn::serde_json::Value =
            cnn::serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    assert!(log.contains("because of SIGTERM") && log.contains("\"status\":200"), "{log}");
    assert!(!health(port));
}

#[test]
fn a_child_ends_with_its_input_and_not_at_an_interrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let mut program = Program::start(&path, &["--port", "0", "--child"]);
    program.signal("-INT");
    program.signal("-INT");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(ask(program.address, "GET", "/v2/health/live", &[], b"").status, 200);
    drop(program.child.stdin.take());
    let (well, log) = program.end();
    assert!(well && log.contains("the end of standard input"), "{log}");
    let program = Program::start(&path, &["--port", "0"]);
    program.signal("-INT");
    assert!(program.end().0, "without --child an interrupt ends it");
}

#[test]
fn a_child_ends_with_the_process_that_started_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    // The shell starts the server, with an input that does not end, says its number, and is then killed.
    let script = format!(
        "tail -f /dev/null | '{}' '{}' --port 0 --child & echo $!; wait",
        env!("CARGO_BIN_EXE_serve"),
        path.display()
    );
    let mut shell = Command::new("bash")
        .args(["-c", &script])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let mut address = None;
    while address.is_none() {
        let line = lines.next().unwrap().unwrap();
        address = line.split_once("http://").map(|(_, address)| address.parse::<SocketAddr>().unwrap());
    }
    shell.kill().unwrap();
    shell.wait().unwrap();
    let begin = Instant::now();
    while try_ask(address.unwrap(), "GET", "/v2/health/live", &[], b"").is_ok() {
        assert!(begin.elapsed() < LONG, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_comes_back_at_its_port_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let program = Program::start(&path, &["--port", "0"]);
    let port = program.address.port().to_string();
    // With an answer under way, so that a connection is left behind.
    let _open = crate::client::connect(program.address);
    program.signal("-KILL");
    assert!(!program.end().0);
    let program = Program::start(&path, &["--port", &port]);
    assert_eq!(ask(program.address, "GET", "/v2/health/ready", &[], b"").status, 200);
}

#[test]
fn a_full_disk_costs_the_log_and_nothing_else() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let log = std::fs::File::options().write(true).open(full).unwrap();
    let arguments = ["--port", "0", "--log-level", "debug"];
    let program = Program::start_with(&path, &arguments, |command| {
        command.stderr(log);
    });
    for _ in 0..3 {
        assert_eq!(program.predict_nan().status, 200);
        assert_eq!(ask(program.address, "POST", "/v1/models/digits:predict", &[], b"{").status, 400);
    }
    // What is copied there on a full disk is cut off.
    std::fs::write(&path, &std::fs::read(&path).unwrap()[..1000]).unwrap();
    let begin = Instant::now();
    while !ask(program.address, "GET", "/metrics", &[], b"").text().contains("result=\"refused\"} 1") {
        assert!(begin.elapsed() < LONG, "the damaged file is not noticed");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(program.predict_nan().status, 200);
    program.signal("-TERM");
    assert!(program.end().0);
}

#[test]
fn without_room_for_the_page_there_is_a_list_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let nowhere = folder.path().join("nowhere");
    let program = Program::start_with(&path, &["--port", "0"], |command| {
        command.env("TMPDIR", &nowhere);
    });
    let page = ask(program.address, "GET", "/", &[], b"");
    assert!(page.status == 200 && page.text().contains("no temporary folder"), "{}", page.text());
    std::fs::create_dir(&nowhere).unwrap();
    assert!(ask(program.address, "GET", "/", &[], b"").text().contains("<canvas"));
}

#[test]
fn what_cannot_be_served_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path()).display().to_string();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let twice = format!("digits={path}");
    for (arguments, words) in [
        (vec!["nothing.keras"], "there is no file or folder nothing.keras"),
        (vec![&path, &twice], "two models are called digits"),
        (vec![&path, "--label", "a=b"], "--label a=b is not"),
    ] {
        let done = Command::new(env!("CARGO_BIN_EXE_serve")).args(&arguments).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success() && said.contains(words), "{arguments:?}: {said}");
        assert!(done.stdout.is_empty());
    }
    let done = Command::new(env!("CARGO_BIN_EXE_serve")).args([&path, "--port", &port]).output().unwrap();
    assert!(String::from_utf8(done.stderr).unwrap().contains("--port 0 takes a free one"));
}

//! Fetching files from the first mirror that has them.

use anyhow::{bail, ensure, Result};
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{sync_channel, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};
use ureq::tls::{RootCerts, TlsConfig};

use super::certificates::{authorities, is_about_certificates};
use super::source::decompress;
use crate::engine::error::Context;
use crate::engine::files::write_whole;
use crate::engine::stop::is_stop;
use crate::show::Bar;

/// More than this is not one of the files that this crate downloads: CIFAR-10 has 170 MB.
const LARGEST_FILE: u64 = 400 << 20;
/// A learner without a network should not wait long to be told so: how long to wait, for all mirrors together, until one answers.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// So long may a mirror say nothing in the midst of a file.
const STALL: Duration = Duration::from_secs(60);

/// The mirrors of a data set: those that `CNN_MIRRORS` names, where the files may also be in a folder of the set's name, else those
/// that are built in.
pub(crate) fn mirrors(set: &str, built_in: &[&str]) -> Vec<String> {
    mirrors_of(&std::env::var("CNN_MIRRORS").unwrap_or_default(), set, built_in)
}

fn mirrors_of(setting: &str, set: &str, built_in: &[&str]) -> Vec<String> {
    let named = setting.split(',').map(|address| address.trim().trim_end_matches('/'));
    let named: Vec<String> = named
        .filter(|address| !address.is_empty())
        .flat_map(|address| [format!("{address}/{set}/"), format!("{address}/")])
        .collect();
    match named.is_empty() {
        true => built_in.iter().map(|address| address.to_string()).collect(),
        false => named,
    }
}

/// Downloads `files` (plus `.gz`) into `folder` from the first of `mirrors` that has them. Each is checked by
/// `verify`, with its position and uncompressed content, before it is kept. `patience` is how long to wait, for
/// all mirrors together, until one answers.
///
/// The inner `Err` says, line by line, why no mirror was of use.
///
/// # Errors
/// If a file arrives whole and cannot be written; and if the user interrupts the download.
pub(crate) fn download(
    mirrors: &[String],
    patience: Duration,
    folder: &Path,
    files: &[&str],
    verify: &dyn Fn(usize, &[u8]) -> Result<()>,
) -> Result<Result<(), String>> {
    from_first(mirrors, patience, &|agent, mirror| from_mirror(agent, mirror, folder, files, verify))
}

/// What an archive of a name, and with such bytes, has of files to keep: their names and content.
pub(crate) type Unpack<'u> = &'u dyn Fn(&str, &[u8]) -> Result<Vec<(String, Vec<u8>)>>;

/// Downloads a file from the first of `addresses` that has it, and keeps in `folder` the files that `unpack` makes of it, in their
/// order. What `unpack` refuses, the next address may have. Else as [`download`].
pub(crate) fn download_archive(
    addresses: &[String],
    patience: Duration,
    folder: &Path,
    unpack: Unpack,
) -> Result<Result<(), String>> {
    from_first(addresses, patience, &|agent, address| {
        let name = address.rsplit('/').next().unwrap_or(address);
        let bytes = match fetch(agent, address, name) {
            Err(error) if is_stop(&error) => return Ok(Err(error)),
            fetched => fetched?,
        };
        let files = unpack(name, &bytes)?;
        drop(bytes);
        let kept = files.iter().try_for_each(|(name, content)| write_whole(&folder.join(name), content));
        Ok(kept.context("the downloaded data cannot be kept"))
    })
}

/// Does `work` with the first mirror that is of use. Its outer error is the mirror's fault, its inner one this machine's.
fn from_first(
    mirrors: &[String],
    patience: Duration,
    work: &dyn Fn(&ureq::Agent, &str) -> Result<Result<()>>,
) -> Result<Result<(), String>> {
    let mut reasons = Vec::new();
    let (authorities, fault) = authorities();
    for mirror in mirrors {
        let mut reason = String::new();
        for roots in &authorities {
            let agent = agent(patience / mirrors.len() as u32, roots.clone());
            match work(&agent, mirror) {
                // A disk that is full, or a folder that cannot be written, would fail with every mirror.
                Ok(kept) => return kept.map(Ok),
                Err(error) => reason = format!("{mirror}: {error}"),
            }
            if !is_about_certificates(&reason) {
                break;
            }
        }
        reasons.push(reason);
    }
    if reasons.iter().any(|reason| is_about_certificates(reason)) {
        reasons.extend(fault);
    }
    Ok(Err(reasons.join("\n")))
}

/// What asks a mirror, with the proxy that `HTTPS_PROXY` names, if any.
fn agent(patience: Duration, roots: RootCerts) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_recv_body(Some(Duration::from_secs(3600)));
    ureq::Agent::new_with_config(config.build())
}

/// Fetches all files from one mirror. The outer error is the mirror's fault, the inner one this machine's.
fn from_mirror(
    agent: &ureq::Agent,
    mirror: &str,
    folder: &Path,
    files: &[&str],
    verify: &dyn Fn(usize, &[u8]) -> Result<()>,
) -> Result<Result<()>> {
    for (position, file) in files.iter().enumerate() {
        let name = format!("{file}.gz");
        let path = folder.join(&name);
        if path.exists() {
            continue; // of an earlier download that did not come to its end
        }
        let url = format!("{}/{name}", mirror.trim_end_matches('/'));
        let bytes = match fetch(agent, &url, &name) {
            // The user does not want the next mirror to be asked either.
            Err(error) if is_stop(&error) => return Ok(Err(error)),
            fetched => fetched?,
        };
        verify(position, &decompress(bytes.clone()).context(name.clone())?).context(name)?;
        if let Err(error) = write_whole(&path, &bytes) {
            return Ok(Err(error).context("the downloaded data cannot be kept"));
        }
    }
    Ok(Ok(()))
}

/// What arrives of a file: first its length, if the server says it, and then its bytes.
enum Part {
    Length(Option<u64>),
    Bytes(Vec<u8>),
}

/// Reads a file into memory. A bar, or a line printed now and then, shows that a slow network works.
fn fetch(agent: &ureq::Agent, url: &str, name: &str) -> Result<Vec<u8>> {
    // A network that hangs must not keep the user from interrupting: so a second thread waits for it.
    let (sender, receiver) = sync_channel(16);
    let (agent, url) = (agent.clone(), url.to_string());
    thread::spawn(move || {
        if let Err(error) = receive(&agent, &url, &sender) {
            let _ = sender.send(Err(error));
        }
    });
    let mut bar = Bar::new(&format!("downloading {name}"), None, "bytes");
    let (mut bytes, mut length) = (Vec::new(), None);
    let (begin, mut said, mut heard) = (Instant::now(), Instant::now(), Instant::now());
    loop {
        bar.check()?;
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(part) => match part? {
                Part::Length(known) => {
                    length = known;
                    ensure!(
                        length.unwrap_or(0) <= LARGEST_FILE,
                        "{name} would be {} MB",
                        length.unwrap_or(0) >> 20
                    );
                    bar.set_total(length);
                }
                Part::Bytes(part) => {
                    heard = Instant::now();
                    bytes.extend_from_slice(&part);
                    bar.advance(part.len() as u64);
                }
            },
            Err(RecvTimeoutError::Timeout) => {
                ensure!(
                    heard.elapsed() < STALL,
                    "of {name}, nothing more came for {} seconds",
                    STALL.as_secs()
                );
                bar.advance(0);
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if !live::is_live() && said.elapsed() > Duration::from_secs(2) {
            said = Instant::now();
            let percent = length
                .map_or(String::new(), |length| format!(" ({} %)", 100 * bytes.len() as u64 / length.max(1)));
            println!("downloading {name}: {:.1} MB{percent}", bytes.len() as f64 / 1e6);
        }
    }
    if length.is_some_and(|length| length != bytes.len() as u64) {
        bail!("{name} broke off after {} of {} bytes", bytes.len(), length.unwrap_or(0));
    }
    if !bar.is_shown() {
        let (size, seconds) = (bytes.len() as f64 / 1e6, begin.elapsed().as_secs_f64());
        println!("downloaded {name}: {size:.1} MB in {seconds:.1} s");
    }
    Ok(bytes)
}

/// Sends what arrives, until all is there or nobody wants it any more.
fn receive(agent: &ureq::Agent, url: &str, sender: &SyncSender<Result<Part>>) -> Result<()> {
    let response = agent.get(url).call()?;
    let length = response.body().content_length();
    let mut reader = response.into_body().into_reader().take(LARGEST_FILE);
    let mut wanted = sender.send(Ok(Part::Length(length))).is_ok();
    while wanted {
        let mut chunk = vec![0; 1 << 16];
        let read = reader.read(&mut chunk)?;
        chunk.truncate(read);
        wanted = read > 0 && sender.send(Ok(Part::Bytes(chunk))).is_ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{write::GzEncoder, Compression};
    use std::io::Write;
    use std::net::TcpListener;
    use std::path::PathBuf;

    const SECOND: Duration = Duration::from_secs(1);

    fn gz(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// A mirror that gives every request the same answer; `None` never answers.
    fn mirror(answer: Option<Vec<u8>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut unanswered = Vec::new();
            for stream in listener.incoming().take(8) {
                let mut stream = stream.unwrap();
                match &answer {
                    Some(answer) => {
                        let _ = stream.read(&mut [0; 4096]);
                        let _ = stream.write_all(answer);
                    }
                    None => unanswered.push(stream),
                }
            }
        });
        format!("http://{address}/mnist/")
    }

    /// A mirror that begins its answer, and never ends it.
    fn mirror_that_stalls(begin: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&begin);
            std::thread::sleep(60 * SECOND);
        });
        format!("http://{address}/mnist/")
    }

    fn http(status: &str, length: usize, body: &[u8]) -> Option<Vec<u8>> {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        Some([head.as_bytes(), body].concat())
    }

    fn good() -> String {
        let body = gz(b"content");
        mirror(http("200 OK", body.len(), &body))
    }

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("cnn-download-{name}-{}", std::process::id()))
    }

    fn fetch_from(mirrors: &[&str], folder: &Path) -> Result<Result<(), String>> {
        let mirrors: Vec<String> = mirrors.iter().map(|mirror| mirror.to_string()).collect();
        let verify = |_: usize, content: &[u8]| {
            ensure!(content == b"content", "wrong content");
            Ok(())
        };
        download(&mirrors, SECOND, folder, &["a", "b"], &verify)
    }

    #[test]
    fn the_next_mirror_is_asked_when_one_is_of_no_use() {
        let folder = folder("next");
        let body = gz(b"content");
        let bad = [
            "http://127.0.0.1:1/".to_string(), // nobody listens
            mirror(http("404 Not Found", 0, b"")),
            mirror(http("200 OK", 23, b"<!DOCTYPE html><html></")),
            mirror(http("200 OK", body.len(), &body[..10])),
            mirror(http("200 OK", 10, &body[..10])),
            mirror(http("200 OK", gz(b"other").len(), &gz(b"other"))),
        ];
        for bad in &bad {
            let reason = fetch_from(&[bad], &folder).unwrap().unwrap_err();
            assert!(reason.starts_with(bad), "{reason}");
            assert!(!folder.join("a.gz").exists(), "a bad file was kept from {reason}");
        }
        let mut mirrors: Vec<&str> = bad.iter().map(String::as_str).collect();
        let good = good();
        mirrors.push(&good);
        fetch_from(&mirrors, &folder).unwrap().unwrap();
        let mut kept: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        kept.sort();
        assert_eq!(kept, ["a.gz", "b.gz"]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_mirror_that_never_answers_is_given_up() {
        let begin = Instant::now();
        let silent = mirror(None);
        assert!(fetch_from(&[&silent], &folder("silent")).unwrap().is_err());
        assert!(begin.elapsed() < 10 * SECOND);
    }

    #[test]
    #[ignore = "the next test runs it, in a process of its own"]
    fn downloads_in_a_process_of_its_own() {
        let stop = PathBuf::from(std::env::var("LIVE_STOP").unwrap());
        let (silent, good) = (mirror(None), good());
        let half = mirror(http("200 OK", 1000, &[0x1f; 500]));
        let half_open = mirror_that_stalls(http("200 OK", 1000, &[0x1f; 500]).unwrap());
        for first in [&silent, &half, &half_open] {
            let _ = std::fs::remove_file(&stop);
            let (folder, begin) = (folder("stopped"), Instant::now());
            let pressed = stop.clone();
            let button = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                std::fs::write(pressed, "").unwrap();
            });
            if first == &half {
                button.join().unwrap(); // before the download begins
            }
            let message = fetch_from(&[first, &good], &folder).unwrap_err().to_string();
            assert!(message.starts_with("downloading a.gz was stopped by the interrupt after"), "{message}");
            assert!(begin.elapsed() < SECOND && !folder.exists());
        }
        std::fs::remove_file(stop).unwrap();
    }

    #[test]
    fn a_stopped_download_leaves_nothing_and_asks_no_other_mirror() {
        let stop = folder("stop");
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "data::download::tests::downloads_in_a_process_of_its_own"])
            .env("LIVE_STOP", &stop)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }

    /// A mirror of HTTPS, and the file with the authority that has signed its certificate.
    fn encrypted_mirror(folder: &Path) -> (String, PathBuf) {
        use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(["localhost".to_string()]).unwrap();
        let certificate = names.signed_by(&key, &authority).unwrap();
        let file = folder.join("authority.pem");
        std::fs::write(&file, authority.pem()).unwrap();

        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        let config = std::sync::Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let body = gz(b"content");
        let answer = http("200 OK", body.len(), &body).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&answer);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        (format!("https://localhost:{port}/mnist/"), file)
    }

    #[test]
    #[ignore = "the next test runs it, in a process of its own"]
    fn certificates_in_a_process_of_its_own() {
        let folder = folder("certificates");
        std::fs::create_dir_all(&folder).unwrap();
        let (mirror, authority) = encrypted_mirror(&folder);
        let kept = folder.join("kept");
        // This test is the only thread that reads the environment.
        std::env::set_var("SSL_CERT_FILE", folder.join("missing.pem"));
        let reason = fetch_from(&[&mirror], &kept).unwrap().unwrap_err();
        assert!(is_about_certificates(&reason) && reason.contains("missing.pem"), "{reason}");
        assert!(!kept.exists());
        std::env::set_var("SSL_CERT_FILE", authority);
        fetch_from(&[&mirror], &kept).unwrap().unwrap();
        assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 2);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_authority_of_ones_own_is_believed_when_it_is_named() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "data::download::tests::certificates_in_a_process_of_its_own"])
            .env_remove("SSL_CERT_DIR")
            .env("NO_PROXY", "localhost")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }

    #[test]
    fn two_downloads_at_once_do_not_disturb_each_other() {
        let folder = folder("twice");
        let mirror = good();
        std::thread::scope(|scope| {
            let both = [0, 1].map(|_| scope.spawn(|| fetch_from(&[&mirror], &folder).unwrap()));
            for download in both {
                download.join().unwrap().unwrap();
            }
        });
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn named_mirrors_take_the_place_of_those_that_are_built_in() {
        let mirrors = |setting| mirrors_of(setting, "mnist", &["https://a/"]);
        assert_eq!(mirrors(" "), ["https://a/"]);
        assert_eq!(
            mirrors("http://room:8000, http://b/x/"),
            ["http://room:8000/mnist/", "http://room:8000/", "http://b/x/mnist/", "http://b/x/"]
        );
    }

    #[test]
    fn an_archive_is_unpacked_and_its_files_are_kept() {
        let folder = folder("archive");
        let body = gz(b"content");
        let good = good();
        let bad = mirror(http("200 OK", 5, b"other"));
        let addresses = [format!("{bad}x.gz"), format!("{good}x.gz")];
        let unpack = |name: &str, bytes: &[u8]| {
            ensure!(name == "x.gz" && bytes == body, "wrong content");
            Ok(vec![("one".to_string(), b"1".to_vec()), ("two".to_string(), b"2".to_vec())])
        };
        let reason = download_archive(&addresses[..1], SECOND, &folder, &unpack).unwrap().unwrap_err();
        assert!(reason.contains("wrong content") && !folder.exists(), "{reason}");
        download_archive(&addresses, SECOND, &folder, &unpack).unwrap().unwrap();
        assert_eq!(std::fs::read(folder.join("two")).unwrap(), b"2");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_cannot_be_kept_is_an_error() {
        let file = folder("file");
        std::fs::write(&file, "").unwrap();
        let message = fetch_from(&[&good()], &file.join("folder")).unwrap_err().to_string();
        assert!(message.contains("cannot be kept"), "{message}");
        std::fs::remove_file(file).unwrap();
    }
}

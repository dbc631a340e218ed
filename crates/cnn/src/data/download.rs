//! Fetching files from the first mirror that has them.

use anyhow::{bail, ensure, Result};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use super::idx::decompress;
use crate::error::Context;
use crate::files::write_whole;

/// Where MNIST's four files lie, gzipped. `CNN_MIRRORS`, with commas between, names others.
const MIRRORS: &str = "https://ossci-datasets.s3.amazonaws.com/mnist/,\
                       https://storage.googleapis.com/cvdf-datasets/mnist/";
/// Together for all mirrors: a learner without a network should not wait long to be told so.
const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST_FILE: u64 = 100 << 20;

/// Downloads `files` (plus `.gz`) into `folder`, each checked by `verify` with its position and content.
///
/// The inner `Err` says, line by line, why no mirror was of use.
///
/// # Errors
/// If a file arrives whole and cannot be written.
pub(crate) fn download(
    folder: &Path,
    files: &[&str],
    verify: &dyn Fn(usize, &[u8]) -> Result<()>,
) -> Result<Result<(), String>> {
    let named = std::env::var("CNN_MIRRORS").unwrap_or_default();
    let mirrors: Vec<&str> =
        if named.is_empty() { MIRRORS } else { &named }.split(',').map(str::trim).collect();
    let mut reasons = Vec::new();
    for mirror in &mirrors {
        match from_mirror(mirror, PATIENCE / mirrors.len() as u32, folder, files, verify) {
            // A disk that is full, or a folder that cannot be written, would fail with every mirror.
            Ok(kept) => return kept.map(Ok),
            Err(error) => reasons.push(format!("{mirror}: {error:#}")),
        }
    }
    Ok(Err(reasons.join("\n")))
}

/// Fetches all files from one mirror. The outer error is the mirror's fault, the inner one this machine's.
fn from_mirror(
    mirror: &str,
    patience: Duration,
    folder: &Path,
    files: &[&str],
    verify: &dyn Fn(usize, &[u8]) -> Result<()>,
) -> Result<Result<()>> {
    let config = ureq::Agent::config_builder()
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_recv_body(Some(Duration::from_secs(600)));
    let agent = ureq::Agent::new_with_config(config.build());
    for (position, file) in files.iter().enumerate() {
        let name = format!("{file}.gz");
        let path = folder.join(&name);
        if path.exists() {
            continue; // of an earlier download that did not come to its end
        }
        let url = format!("{}/{name}", mirror.trim_end_matches('/'));
        let bytes = fetch(&agent, &url, &name)?;
        verify(position, &decompress(bytes.clone()).context(name.clone())?).context(name)?;
        if let Err(error) = write_whole(&path, &bytes) {
            return Ok(Err(error).context("the downloaded data cannot be kept"));
        }
    }
    Ok(Ok(()))
}

/// Reads a file into memory and prints a line now and then, so that a slow network is seen to work.
fn fetch(agent: &ureq::Agent, url: &str, name: &str) -> Result<Vec<u8>> {
    let response = agent.get(url).call()?;
    let length = response.body().content_length();
    ensure!(length.unwrap_or(0) <= LARGEST_FILE, "{name} would be {} MB", length.unwrap_or(0) >> 20);
    let mut reader = response.into_body().into_reader().take(LARGEST_FILE);
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
    let (begin, mut said) = (Instant::now(), Instant::now());
    loop {
        match reader.read(&mut chunk)? {
            0 => break,
            read => bytes.extend_from_slice(&chunk[..read]),
        }
        if said.elapsed() > Duration::from_secs(2) {
            said = Instant::now();
            let percent = length
                .map_or(String::new(), |length| format!(" ({} %)", 100 * bytes.len() as u64 / length.max(1)));
            println!("downloading {name}: {:.1} MB{percent}", bytes.len() as f64 / 1e6);
        }
    }
    if length.is_some_and(|length| length != bytes.len() as u64) {
        bail!("{name} broke off after {} of {} bytes", bytes.len(), length.unwrap_or(0));
    }
    println!(
        "downloaded {name}: {:.1} MB in {:.1} s",
        bytes.len() as f64 / 1e6,
        begin.elapsed().as_secs_f64()
    );
    Ok(bytes)
}

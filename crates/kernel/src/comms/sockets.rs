//! The socket on which widgets in cells find the kernel, and the frames that go over it. `crates/live/src/comms.rs` documents them.

use anyhow::{ensure, Context, Result};
use bytes::Bytes;
use std::fs::{self, DirBuilder};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, DirBuilderExt};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{channel, Receiver, Sender};

/// The most that a frame may have in bytes, and in parts.
pub const LARGEST: usize = 64 << 20;
const MOST_PARTS: usize = 1024;
/// What systems allow for a socket's path is 104 bytes or more.
const LONGEST_PATH: usize = 100;
/// So many frames wait at most to be looked at; what more cells send waits in the cells.
const WAITING: usize = 16;

/// A frame: a JSON text, and binary buffers.
#[derive(Debug, PartialEq)]
pub struct Frame {
    pub json: Bytes,
    pub buffers: Vec<Bytes>,
}

/// What comes of a connection, and the connection's number.
pub struct Arrived {
    pub connection: u64,
    pub what: What,
}

pub enum What {
    /// It is new; frames for the cells go here, the next one when the last is [`What::Taken`].
    Connected(Sender<Vec<u8>>),
    Frame(Frame),
    /// The last frame is on its way.
    Taken,
    Ended,
}

/// The way from the sockets to the kernel.
pub fn arrivals() -> (Sender<Arrived>, Receiver<Arrived>) {
    channel(WAITING)
}

/// The socket of the kernel that has this folder.
pub fn address(run: &Path) -> PathBuf {
    let folder = run.join("comms");
    fs::read_link(&folder).unwrap_or(folder).join("socket")
}

/// Makes the folder of the socket, which is the user's alone. Where the kernel's folder has too long a name for sockets, it is
/// elsewhere, and a link to it is here.
///
/// # Errors
/// If it cannot be made.
pub fn make(run: &Path) -> Result<()> {
    let folder = run.join("comms");
    let short = folder.join("socket").as_os_str().as_bytes().len() <= LONGEST_PATH;
    match short {
        true => DirBuilder::new().mode(0o700).create(&folder)?,
        false => {
            let elsewhere = tempfile::Builder::new().prefix("live-").tempdir()?.keep();
            fs::set_permissions(&elsewhere, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
            symlink(elsewhere, folder)?;
        }
    }
    Ok(())
}

/// Removes what is elsewhere.
pub fn remove(run: &Path) {
    if let Ok(elsewhere) = fs::read_link(run.join("comms")) {
        let _ = fs::remove_dir_all(elsewhere);
    }
}

/// Listens from now on.
///
/// # Errors
/// If the disk has no sockets.
pub fn listen(run: &Path, arrived: Sender<Arrived>) -> Result<()> {
    let path = address(run);
    let listener =
        UnixListener::bind(&path).with_context(|| format!("the socket {} cannot be made", path.display()))?;
    tokio::spawn(async move {
        let mut connection = 0;
        while let Ok((stream, _)) = listener.accept().await {
            connection += 1;
            tokio::spawn(serve(connection, stream, arrived.clone()));
        }
    });
    Ok(())
}

async fn serve(connection: u64, stream: UnixStream, arrived: Sender<Arrived>) {
    let (mut receiving, sending) = stream.into_split();
    // One at a time: what else there is waits in the kernel, where the newest can take its place.
    let (sender, frames) = channel(1);
    let tell = async |what| arrived.send(Arrived { connection, what }).await.is_ok();
    if !tell(What::Connected(sender)).await {
        return;
    }
    tokio::spawn(send(connection, sending, frames, arrived.clone()));
    loop {
        match read(&mut receiving).await {
            Ok(frame) => {
                if !tell(What::Frame(frame)).await {
                    return;
                }
            }
            Err(error) => {
                if !error.is::<std::io::Error>() {
                    eprintln!("live-kernel: a widget is closed: {error:#}");
                }
                let _ = tell(What::Ended).await;
                return;
            }
        }
    }
}

async fn send(
    connection: u64,
    mut sending: OwnedWriteHalf,
    mut frames: Receiver<Vec<u8>>,
    arrived: Sender<Arrived>,
) {
    while let Some(frame) = frames.recv().await {
        if sending.write_all(&frame).await.is_err() {
            return;
        }
        if arrived.send(Arrived { connection, what: What::Taken }).await.is_err() {
            return;
        }
    }
}

async fn read(receiving: &mut (impl AsyncRead + Unpin)) -> Result<Frame> {
    let count = receiving.read_u32().await? as usize;
    ensure!((1..=MOST_PARTS).contains(&count), "its connection carries no frames");
    let mut sizes = Vec::with_capacity(count);
    for _ in 0..count {
        sizes.push(receiving.read_u32().await? as usize);
    }
    let size: usize = sizes.iter().sum();
    ensure!(size <= LARGEST, "it has sent {} MiB at once, and {} is the limit", size >> 20, LARGEST >> 20);
    let mut parts = Vec::with_capacity(count);
    for size in sizes {
        let mut part = vec![0; size];
        receiving.read_exact(&mut part).await?;
        parts.push(Bytes::from(part));
    }
    let json = parts.remove(0);
    Ok(Frame { json, buffers: parts })
}

/// A frame's bytes.
pub fn encoded(json: &serde_json::Value, buffers: &[Bytes]) -> Vec<u8> {
    let json = json.to_string();
    let parts = || std::iter::once(json.as_bytes()).chain(buffers.iter().map(|buffer| &buffer[..]));
    let mut frame = (parts().count() as u32).to_be_bytes().to_vec();
    parts().for_each(|part| frame.extend((part.len() as u32).to_be_bytes()));
    parts().for_each(|part| frame.extend_from_slice(part));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn frames_come_through() {
        let buffers = [Bytes::from_static(b""), Bytes::from_static(b"a\xff")];
        let mut bytes = encoded(&json!({"op": "close"}), &[]);
        bytes.extend(encoded(&json!({}), &buffers));
        let mut arriving = bytes.as_slice();
        assert_eq!(read(&mut arriving).await.unwrap().json, "{\"op\":\"close\"}");
        let frame = read(&mut arriving).await.unwrap();
        assert_eq!((&frame.json[..], &frame.buffers[..]), (&b"{}"[..], &buffers[..]));
        for bytes in [&[0; 4][..], &[0xff; 16], &[0, 0, 0, 1, 5, 0, 0, 0]] {
            assert!(!read(&mut &*bytes).await.unwrap_err().is::<std::io::Error>());
        }
    }

    #[tokio::test]
    async fn a_socket_is_the_users_alone_and_found_under_a_long_name_too() {
        let run = tempfile::tempdir().unwrap();
        let long = run.path().join("x".repeat(120));
        fs::create_dir(&long).unwrap();
        for run in [run.path(), &long] {
            make(run).unwrap();
            let (sender, mut arrived) = arrivals();
            listen(run, sender).unwrap();
            let address = address(run);
            let mode = fs::metadata(address.parent().unwrap()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            let mut cells = UnixStream::connect(&address).await.unwrap();
            let What::Connected(sender) = arrived.recv().await.unwrap().what else { panic!("not connected") };
            sender.send(encoded(&json!({"op": "opened"}), &[])).await.unwrap();
            assert_eq!(read(&mut cells).await.unwrap().json, "{\"op\":\"opened\"}");
            assert!(matches!(arrived.recv().await.unwrap().what, What::Taken));
            cells.write_all(&encoded(&json!({}), &[])).await.unwrap();
            assert!(matches!(arrived.recv().await.unwrap().what, What::Frame(_)));
            drop(cells);
            let ended = arrived.recv().await.unwrap();
            assert!(matches!(ended.what, What::Ended) && ended.connection == 1);
            remove(run);
            assert!(run.join("comms").is_symlink() != address.exists());
        }
    }
}

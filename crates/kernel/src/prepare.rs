//! Makes the prepared folder: what kernels start from.

use anyhow::{anyhow, bail, Result};
use std::sync::Arc;
use tokio::sync::mpsc::unbounded_channel;

use crate::event::Event;
use crate::folder::RunFolder;
use crate::prepared;
use crate::session::Session;
use crate::settings::Settings;
use crate::streams::Streams;
use crate::warm_up::WarmUp;

/// Whether the prepared folder is there, and made from what is there now.
///
/// # Errors
/// If the warm-up cell cannot be read.
pub fn is_prepared(settings: &Settings) -> Result<bool> {
    let warm_up = WarmUp::new(settings)?;
    Ok(settings.prepared.as_ref().is_some_and(|prepared| prepared::is_current(prepared, warm_up.stamp())))
}

/// Makes the prepared folder if it is out of date.
///
/// # Errors
/// If there is nothing to prepare, or it cannot be compiled.
pub async fn prepare(settings: Settings) -> Result<()> {
    let (Some(prepared), Some(_)) = (&settings.prepared, &settings.warm_up) else {
        bail!("give --prepared FOLDER and --warm-up FILE, a cell with the :dep lines to compile");
    };
    let mut warm_up = WarmUp::new(&settings)?;
    if prepared::is_current(prepared, warm_up.stamp()) {
        return Ok(());
    }
    let (events, mut received) = unbounded_channel();
    let folder = Arc::new(RunFolder::create(&settings)?);
    let streams = Streams::open(folder.path())?;
    let mut session = Session::start(&settings, &folder, &events, 0, warm_up.has_dependencies()).await?;
    warm_up.ask(&mut session);
    loop {
        tokio::select! {
            event = received.recv() => match event {
                Some(Event::Session(_, reply)) if warm_up.is_done_with(&reply) => break,
                Some(Event::Compiling(name)) => println!("compiling {name}"),
                Some(Event::SessionEnded(_, status)) => bail!("evcxr ended while it compiled: {status}"),
                Some(_) => {}
                None => break,
            },
            // The cell's output is nobody's, but must not stop it.
            _ = streams.next() => {}
        }
    }
    drop(session);
    match warm_up.error() {
        Some(error) => Err(anyhow!("the warm-up cell failed: {error}")),
        None => prepared::renew(prepared, &folder.build(), warm_up.stamp()),
    }
}

//! When the server ends: at a signal, and, if that is wanted, with the program that started it.

use nix::unistd::{getppid, Pid};
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{signal, Signal, SignalKind};
use tracing::info;

/// Time between two looks for the program that started this one.
const INTERVAL: Duration = Duration::from_millis(500);

/// What may end the server; from here on signals wait for it.
#[derive(Debug)]
pub struct Lifetime {
    terminate: Signal,
    interrupt: Signal,
    /// Of a child: the process that started it.
    parent: Option<Pid>,
}

impl Lifetime {
    /// Begins, within tokio and before anybody knows of the server. A child ends when its standard input ends or the process that started
    /// it is gone, and not at an interrupt, which is meant for what its parent does.
    ///
    /// # Errors
    /// If signals cannot be listened to.
    pub fn begin(child: bool) -> io::Result<Lifetime> {
        Ok(Lifetime {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            parent: child.then(getppid),
        })
    }

    /// Waits until the server is to end.
    pub async fn over(mut self) {
        let why = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv(), if self.parent.is_none() => "an interrupt",
            () = input_ends(), if self.parent.is_some() => "the end of standard input",
            () = is_gone(self.parent) => "the end of the process that started it",
        };
        info!("ending, because of {why}");
    }
}

async fn input_ends() {
    // In a thread of its own, which may stay when the server ends.
    let (ended, end) = tokio::sync::oneshot::channel();
    let reader = move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    };
    match std::thread::Builder::new().name("standard input".to_string()).spawn(reader) {
        Ok(_) => drop(end.await),
        Err(_) => pending().await,
    }
}

async fn is_gone(parent: Option<Pid>) {
    let Some(parent) = parent else { return pending().await };
    while getppid() == parent {
        tokio::time::sleep(INTERVAL).await;
    }
}

//! When the server ends: at a signal, and, if that is wanted, with the program that started it.

use std::future::pending;
use std::time::Duration;
use tokio::signal::unix::{signal, SignalKind};
use tracing::info;

/// Time between two looks for the program that started this one.
const INTERVAL: Duration = Duration::from_millis(500);

/// Waits until the server is to end. A child ends when its standard input ends or the process that started it is gone, and not at
/// an interrupt, which is meant for what its parent does.
pub async fn over(child: bool) {
    let interrupt = async {
        match child {
            // Without a handler the interrupt would end the process.
            true => loop {
                heard(SignalKind::interrupt()).await;
            },
            false => heard(SignalKind::interrupt()).await,
        }
    };
    let why = tokio::select! {
        () = heard(SignalKind::terminate()) => "SIGTERM",
        () = interrupt => "an interrupt",
        () = input_ends(), if child => "the end of standard input",
        () = parent_ends(), if child => "the end of the process that started it",
    };
    info!("ending, because of {why}");
}

async fn heard(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => pending().await,
    }
}

async fn input_ends() {
    // In a thread of its own, which may stay when the server ends.
    let (ended, end) = tokio::sync::oneshot::channel();
    let reader = move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    };
    match std::thread::Builder::new().name("standard input".to_string()).spawn(reader) {
        Ok(_) => drop(end.await),
        Err(_) => pending().await,
    }
}

async fn parent_ends() {
    let parent = nix::unistd::getppid();
    while nix::unistd::getppid() == parent {
        tokio::time::sleep(INTERVAL).await;
    }
}

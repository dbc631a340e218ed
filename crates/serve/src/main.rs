//! The program `serve`: `scripts/serve` builds and starts it.

use clap::Parser;
use serve::anyhow::{anyhow, ensure, Context, Result};
use serve::app::App;
use serve::arguments::{Arguments, LogFormat};
use serve::lifetime::Lifetime;
use serve::log::{self, Log};
use serve::metrics::Metrics;
use serve::model::{Arriving, Registry, Settings, Source, Watcher};
use serve::{health, server};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tracing_subscriber::fmt;

/// Threads that read large requests and prepare pictures.
const BLOCKING_THREADS: usize = 4;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let lines = fmt().with_max_level(arguments.log_level).with_writer(|| Log).with_target(false);
    match arguments.log_format {
        LogFormat::Text => lines.with_ansi(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    let done = match arguments.health {
        true => health::ask((Ipv4Addr::LOCALHOST, arguments.port).into()),
        false => run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let sources =
        arguments.models.iter().map(|argument| Source::read(argument)).collect::<Result<Vec<_>>>()?;
    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    for (index, name) in names.iter().enumerate() {
        ensure!(
            !names[..index].contains(name),
            "two models are called {name}; give one another name: NAME=PATH"
        );
    }
    let limits = arguments.limits();
    let labels = arguments.labels_of(&names).map_err(|error| anyhow!(error))?;
    let (registry, metrics) = (Arc::new(Registry::new(labels)), Arc::new(Metrics::default()));
    let arriving = Arriving::default();
    let settings = Settings {
        queue: limits.queue,
        answer_time: limits.answer_time,
        batch: arguments.batch,
        threads: arguments.threads,
        channels_last: arguments.channels_last,
        metrics: metrics.clone(),
        arriving: arriving.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("the server's threads could not be started")?;
    let lifetime =
        runtime.block_on(async { Lifetime::begin(arguments.child) }).context("there are no signals")?;
    // Bound before the models are loaded: a port that is taken is said at once.
    let address = (arguments.host, arguments.port);
    let listener = runtime.block_on(TcpListener::bind(address)).with_context(|| {
        format!(
            "the port {} of {} cannot be used; another server may have it: --port 0 takes a free one",
            arguments.port, arguments.host
        )
    })?;
    let _watcher = Watcher::start(sources, registry.clone(), settings)?;
    let address = listener.local_addr()?;
    let mut app = App::new(registry, metrics.clone(), arriving, &limits);
    app.first = names[0].clone();
    app.cors = arguments.cors;
    if !address.ip().is_loopback() {
        log::say(&format!(
            "whoever reaches port {} of this machine can use the models and see /metrics; there is no password and no \
             encryption: see environment.md, A model server",
            address.port()
        ));
    }
    log::announce(&format!("serving {} at http://{address}", names.join(", ")))?;
    runtime.block_on(server::serve(listener, app.router(), limits, metrics, lifetime.over()));
    // Threads that wait, for standard input for example, do not hold the end up.
    runtime.shutdown_background();
    Ok(())
}

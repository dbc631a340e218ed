//! Connections: how many there may be, how long they may take, and how they end.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};

use crate::failure::Failure;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::stall::Stall;

/// Where the system has no memory or file numbers left for a connection, others may end meanwhile.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Answers what comes to `listener` until `end` is over; requests that are under way then are still answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    end: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = GracefulShutdown::new();
    let mut end = std::pin::pin!(end);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(NO_ROOM).await;
                    continue;
                }
            },
            () = &mut end => break,
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            metrics.refused.inc();
            turn_away(&stream, &limits);
            continue;
        };
        // Answers are small, and are written in one go.
        let _ = stream.set_nodelay(true);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_buf_size(64 * 1024)
            .serve_connection(
                TokioIo::new(Stall::new(stream, limits.write_time)),
                TowerToHyperService::new(router.clone()),
            );
        let connection = connections.watch(connection);
        let metrics = metrics.clone();
        metrics.connections.inc();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!("a connection has ended: {error}");
            }
            metrics.connections.dec();
            drop(place);
        });
    }
    drop(listener);
    let under_way = metrics.connections.get();
    info!(connections = under_way, "ending");
    if tokio::time::timeout(limits.end_time, connections.shutdown()).await.is_err() {
        warn!("some requests were not answered within {} s", limits.end_time.as_secs_f64());
    }
}

/// Answers without reading, and without waiting.
fn turn_away(stream: &TcpStream, limits: &Limits) {
    let failure =
        Failure::unavailable(format!("There are {} connections already; try again", limits.connections));
    let body = failure.to_json();
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\nretry-after: 1";
    let _ = stream.try_write(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes());
}

//! What a client may ask for at most, and how long anything may take.

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at, Instant};

use crate::failure::Failure;

/// What bounds the work of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Bytes of all bodies of more than 64 kB that are being read or answered at the same time; at least [`body`](Self::body).
    pub bodies: usize,
    /// Connections at the same time; further ones are answered with 503.
    pub connections: usize,
    /// Requests that wait for a model; further ones are answered with 429.
    pub queue: usize,
    /// For the head of a request, also of the next one on the same connection.
    pub head_time: Duration,
    /// For the body of a request.
    pub body_time: Duration,
    /// For a model's answer, from the moment at which it was asked.
    pub answer_time: Duration,
    /// For a client to take more of an answer.
    pub write_time: Duration,
    /// For requests that are under way when the server ends.
    pub end_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        let seconds = Duration::from_secs;
        Limits {
            body: 32_000_000,
            bodies: 128_000_000,
            connections: 1024,
            queue: 1024,
            head_time: seconds(30),
            body_time: seconds(30),
            answer_time: seconds(30),
            write_time: seconds(30),
            end_time: seconds(10),
        }
    }
}

/// Smaller bodies are not counted: there are not more of them than connections, and large ones do not hold them up.
const SMALL: usize = 64_000;

/// A request's body, with its part of the memory that is set aside for all of them.
pub struct Held {
    /// The bytes.
    pub bytes: Bytes,
    _part: Option<OwnedSemaphorePermit>,
}

/// Reads bodies within the limits.
#[derive(Debug)]
pub struct Bodies {
    limits: Limits,
    /// Kilobytes that are left for bodies.
    left: Arc<Semaphore>,
}

impl Bodies {
    /// For one server.
    pub fn new(limits: &Limits) -> Bodies {
        let left = Arc::new(Semaphore::new(limits.bodies.max(limits.body) / 1000 + 1));
        Bodies { limits: limits.clone(), left }
    }

    /// Reads a body. Its memory is reserved as it grows, so that many slow clients reserve little.
    ///
    /// # Errors
    /// If it is too large or too slow, its client goes away, or the memory for bodies is full for as long as one may take.
    pub async fn read(&self, mut body: Body) -> Result<Held, Failure> {
        let (most, end) = (self.limits.body, Instant::now() + self.limits.body_time);
        if http_body::Body::size_hint(&body).lower() > most as u64 {
            return Err(self.refused(body).await);
        }
        let slow = |_| {
            let seconds = self.limits.body_time.as_secs_f64();
            Failure::too_slow(format!("The request's body was not there after {seconds} s"))
        };
        let mut part: Option<OwnedSemaphorePermit> = None;
        let (mut first, mut bytes) = (Bytes::new(), Vec::new());
        while let Some(frame) = timeout_at(end, body.frame()).await.map_err(slow)? {
            let frame = frame
                .map_err(|error| Failure::invalid(format!("The request's body was cut off: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            let length = first.len() + bytes.len() + data.len();
            if length > most {
                drop((first, bytes));
                return Err(self.refused(body).await);
            }
            let (wanted, had) = (length / 1000, part.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
            if length > SMALL && wanted > had {
                let more = self.reserved(wanted - had, end).await?;
                match &mut part {
                    Some(part) => part.merge(more),
                    None => part = Some(more),
                }
            }
            // Most bodies come in one piece, which need not be copied.
            match first.is_empty() && bytes.is_empty() {
                true => first = data,
                false => {
                    bytes.extend_from_slice(&std::mem::take(&mut first));
                    bytes.extend_from_slice(&data);
                }
            }
        }
        let bytes = if bytes.is_empty() { first } else { Bytes::from(bytes) };
        Ok(Held { bytes, _part: part })
    }

    async fn reserved(&self, kilobytes: usize, end: Instant) -> Result<OwnedSemaphorePermit, Failure> {
        let kilobytes = u32::try_from(kilobytes).unwrap_or(u32::MAX);
        match timeout_at(end, self.left.clone().acquire_many_owned(kilobytes)).await {
            Ok(Ok(part)) => Ok(part),
            _ => Err(Failure::exhausted("The server holds as many requests as its memory is for; try again")),
        }
    }

    /// Throws the rest of a body away, so that a client that only writes gets to read the error.
    async fn refused(&self, mut body: Body) -> Failure {
        let _ = timeout(self.limits.body_time, async { while let Some(Ok(_)) = body.frame().await {} }).await;
        Failure::too_large(format!(
            "The request's body is larger than {} bytes; send fewer images at a time, or start the server with a larger \
             --max-body",
            self.limits.body
        ))
    }
}

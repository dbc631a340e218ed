//! The thread that owns a model: a tensor may go to another thread, and not be used by two.

use cnn::anyhow::{anyhow, ensure, Context, Result};
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender, TrySendError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::error;

use super::batch::{gather, Item};
use super::info::Info;
use super::network::Predict;
use crate::failure::Failure;
use crate::metrics::{self, Metrics};

/// Images that are computed at once, where they come in several requests.
pub const LARGEST_BATCH: usize = 32;
/// How long a request waits for others that are already here and still being read.
pub const LONGEST_WAIT: Duration = Duration::from_millis(2);

/// What all models of a server have in common.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Requests that may wait for a model.
    pub queue: usize,
    /// For a model's answer.
    pub answer_time: Duration,
    /// Images for each batch; 1 computes each request on its own.
    pub batch: usize,
    /// Threads that libtorch uses within a batch.
    pub threads: usize,
    /// Whether clients send channels last.
    pub channels_last: bool,
    /// Where predictions are counted.
    pub metrics: Arc<Metrics>,
    /// The requests that are here and are not in a queue yet.
    pub arriving: Arriving,
}

/// Counts requests that are being read.
#[derive(Debug, Clone, Default)]
pub struct Arriving(Arc<AtomicUsize>);

/// One of them; it has arrived when this is dropped.
#[derive(Debug)]
pub struct OnItsWay(Arc<AtomicUsize>);

impl Arriving {
    /// One more.
    pub fn one(&self) -> OnItsWay {
        self.0.fetch_add(1, Ordering::Relaxed);
        OnItsWay(self.0.clone())
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A model that answers. When the last handle is dropped, its thread ends.
#[derive(Debug)]
pub struct Served {
    /// What it is.
    pub info: Info,
    queue: SyncSender<Work>,
    settings: Settings,
}

enum Work {
    Predict { images: Vec<f32>, count: usize, reply: oneshot::Sender<Result<Vec<f32>, Failure>> },
    Page(oneshot::Sender<Result<String>>),
}

impl Item for Work {
    fn images(&self) -> Option<usize> {
        match self {
            Work::Predict { count, .. } => Some(*count),
            Work::Page(_) => None,
        }
    }
}

impl Served {
    /// Starts the thread, in which `load` makes the model; returns when the model has answered for the first time.
    ///
    /// # Errors
    /// If the model cannot be made, or cannot compute an image of zeros.
    pub fn start<P: Predict + 'static>(
        name: &str,
        version: i64,
        settings: &Settings,
        load: impl FnOnce() -> Result<P> + Send + 'static,
    ) -> Result<Served> {
        let (queue, receiver) = sync_channel(settings.queue.max(1));
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (name, for_thread) = (name.to_string(), settings.clone());
        let thread = std::thread::Builder::new().name(format!("model {name}"));
        let owner = move || {
            let info = || -> Result<(P, Info)> {
                cnn::tch::set_num_threads(for_thread.threads.max(1) as i32);
                let mut model = load()?;
                let info = first_answer(&mut model, name, version, for_thread.channels_last)?;
                Ok((model, info))
            };
            match caught(info) {
                Err(error) => drop(ready.send(Err(error))),
                Ok((model, info)) => {
                    let _ = ready.send(Ok(info.clone()));
                    Owner { model, info, settings: for_thread }.run(&receiver);
                }
            }
        };
        thread.spawn(owner).context("a thread for the model could not be started")?;
        let info = is_ready.recv().context("the model's thread has ended")??;
        Ok(Served { info, queue, settings: settings.clone() })
    }

    /// The outputs for `count` images, which are in the queue when this returns.
    ///
    /// # Errors
    /// If the queue is full, the model fails, or its answer takes too long.
    pub fn predict(
        &self,
        images: Vec<f32>,
        count: usize,
    ) -> impl Future<Output = Result<Vec<f32>, Failure>> + Send + '_ {
        let (reply, answer) = oneshot::channel();
        let put = self.put(Work::Predict { images, count, reply });
        let (name, time) = (&self.info.name, self.settings.answer_time);
        async move {
            put?;
            match tokio::time::timeout(time, answer).await {
                Ok(Ok(outputs)) => outputs,
                Ok(Err(_)) => Err(Failure::unavailable(format!("Model {name} has ended; try again"))),
                Err(_) => Err(Failure::deadline(format!(
                    "Model {name} has not answered within {} s; send fewer images at a time, or try again",
                    time.as_secs_f64()
                ))),
            }
        }
    }

    /// The page to draw on.
    ///
    /// # Errors
    /// If the model cannot be written as one, or its queue is full.
    pub async fn page(&self) -> Result<String> {
        let (reply, page) = oneshot::channel();
        self.put(Work::Page(reply)).map_err(|failure| anyhow!(failure.message))?;
        page.await.context("the model has ended")?
    }

    fn put(&self, work: Work) -> Result<(), Failure> {
        let Info { name, .. } = &self.info;
        // Counted before it can be taken out again.
        self.settings.metrics.waiting(name, 1);
        self.queue.try_send(work).map_err(|error| {
            self.settings.metrics.waiting(name, -1);
            match error {
                TrySendError::Full(_) => Failure::exhausted(format!(
                    "Model {name} has a full queue: {} requests wait; try again",
                    self.settings.queue
                )),
                TrySendError::Disconnected(_) => {
                    Failure::unavailable(format!("Model {name} has ended; try again"))
                }
            }
        })
    }
}

/// What a panic says is the error.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let owned = panic.downcast_ref::<String>().map(String::as_str);
        let text = owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason is given");
        Err(anyhow!("it panicked: {}", text.lines().next().unwrap_or_default()))
    })
}

/// Has the model compute images of zeros: that tells the shape of its outputs, and prepares libtorch for both sizes of batches.
fn first_answer(model: &mut impl Predict, name: String, version: i64, channels_last: bool) -> Result<Info> {
    let mut info =
        Info { name, version, input_shape: model.input_shape(), output_shape: Vec::new(), channels_last };
    let outputs = model.predict(&vec![0.0; info.inputs()], 1)?.len();
    ensure!(outputs > 0, "the model has no outputs");
    info.output_shape = vec![outputs];
    model.predict(&vec![0.0; info.inputs() * LARGEST_BATCH], LARGEST_BATCH)?;
    Ok(info)
}

struct Owner<P> {
    model: P,
    info: Info,
    settings: Settings,
}

/// A request that waits, and who wants its answer.
type Asked = (Vec<f32>, usize, oneshot::Sender<Result<Vec<f32>, Failure>>);

impl<P: Predict> Owner<P> {
    fn run(mut self, queue: &Receiver<Work>) {
        let mut behind = None;
        while let Some(first) = behind.take().or_else(|| queue.recv().ok()) {
            let arriving = self.settings.arriving.clone();
            let batch;
            (batch, behind) =
                gather(first, queue, || arriving.any(), self.settings.batch.max(1), LONGEST_WAIT);
            self.settings.metrics.waiting(&self.info.name, -(batch.len() as i64));
            let mut asked: Vec<Asked> = Vec::new();
            for work in batch {
                match work {
                    Work::Page(reply) => drop(reply.send(caught(|| self.model.page()))),
                    // Who does not wait any more has gone away, or was told that it took too long.
                    Work::Predict { reply, .. } if reply.is_closed() => {}
                    Work::Predict { images, count, reply } => asked.push((images, count, reply)),
                }
            }
            self.answer(asked);
        }
    }

    fn answer(&mut self, mut asked: Vec<Asked>) {
        if asked.len() > 1 {
            let images: Vec<f32> = asked.iter().flat_map(|(images, ..)| images).copied().collect();
            let count = asked.iter().map(|(_, count, _)| count).sum();
            if let Ok(outputs) = self.outputs(&images, count) {
                let mut rest = outputs.as_slice();
                for (_, count, reply) in asked {
                    let (own, others) = rest.split_at(count * self.info.outputs());
                    let _ = reply.send(Ok(own.to_vec()));
                    rest = others;
                }
                return;
            }
            // One of them may be what the model fails at: each on its own.
        }
        for (images, count, reply) in asked.drain(..) {
            let outputs = self.outputs(&images, count).map_err(|error| {
                error!(model = self.info.name, images = count, "{error:#}");
                Failure::internal(format!("Model {} failed: {error:#}", self.info.name))
            });
            let _ = reply.send(outputs);
        }
    }

    fn outputs(&mut self, images: &[f32], count: usize) -> Result<Vec<f32>> {
        let outputs = caught(|| self.model.predict(images, count))?;
        ensure!(
            outputs.len() == count * self.info.outputs(),
            "it gave {} numbers for {count} images, and {} are expected",
            outputs.len(),
            count * self.info.outputs()
        );
        let Info { name, version, .. } = &self.info;
        let model = metrics::Model { model: name.clone(), version: *version };
        self.settings.metrics.predicted(&model, &outputs, self.info.outputs());
        Ok(outputs)
    }
}

//! What the server counts, for Prometheus.

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{exponential_buckets, Histogram};
use prometheus_client::registry::Registry;
use std::time::Duration;

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All that is counted. Clones count together.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    latency: Histograms<Api>,
    batches: Histograms<Model>,
    classes: Family<Class, Counter>,
    confidence: Histograms<Model>,
    waiting: Family<Name, Gauge>,
    loads: Family<Load, Counter>,
    /// Connections that are open.
    pub connections: Gauge,
    /// Connections that were refused because there were too many.
    pub refused: Counter,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    api: &'static str,
    code: u16,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Api {
    api: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Name {
    model: String,
}

/// A version of a model.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Model {
    /// Its name.
    pub model: String,
    /// Its version.
    pub version: i64,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Class {
    model: String,
    version: i64,
    class: usize,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Load {
    model: String,
    version: i64,
    result: &'static str,
}

/// From 0.1 ms to 26 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 19))
}

fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 9))
}

fn shares() -> Histogram {
    Histogram::new([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999])
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::default(),
            requests: Family::default(),
            latency: Family::new_with_constructor(seconds),
            batches: Family::new_with_constructor(sizes),
            classes: Family::default(),
            confidence: Family::new_with_constructor(shares),
            waiting: Family::default(),
            loads: Family::default(),
            connections: Gauge::default(),
            refused: Counter::default(),
        };
        let mut registry = Registry::with_prefix("serve");
        registry.register("requests", "Requests that were answered", metrics.requests.clone());
        registry.register(
            "request_seconds",
            "From a request's head to its answer, of requests that went well",
            metrics.latency.clone(),
        );
        registry.register("batch_images", "Images that a model was given at once", metrics.batches.clone());
        registry.register(
            "predictions",
            "Images for which this class had the largest output",
            metrics.classes.clone(),
        );
        registry.register("confidence", "The largest output for an image", metrics.confidence.clone());
        registry.register("queue_requests", "Requests that wait for a model", metrics.waiting.clone());
        registry.register(
            "loads",
            "Model files that were loaded, or refused as damaged",
            metrics.loads.clone(),
        );
        registry.register("connections", "Connections that are open", metrics.connections.clone());
        registry.register(
            "connections_refused",
            "Connections that were answered with 503 because there were too many",
            metrics.refused.clone(),
        );
        metrics.registry = registry;
        metrics
    }
}

impl Metrics {
    /// A request was answered.
    pub fn answered(&self, api: &'static str, code: u16, took: Duration) {
        self.requests.get_or_create(&Request { api, code }).inc();
        if code < 400 {
            self.latency.get_or_create(&Api { api }).observe(took.as_secs_f64());
        }
    }

    /// A model has given `outputs`, `classes` numbers for each image.
    pub fn predicted(&self, model: &Model, outputs: &[f32], classes: usize) {
        let images = outputs.len() / classes.max(1);
        self.batches.get_or_create(model).observe(images as f64);
        let confidence = self.confidence.get_or_create(model);
        for output in outputs.chunks_exact(classes.max(1)) {
            let Some((class, largest)) = answer(output) else { continue };
            confidence.observe(f64::from(largest));
            let Model { model, version } = model.clone();
            self.classes.get_or_create(&Class { model, version, class }).inc();
        }
    }

    /// The queue of a model has become longer (1) or shorter (-1).
    pub fn waiting(&self, model: &str, more: i64) {
        self.waiting.get_or_create(&Name { model: model.to_string() }).inc_by(more);
    }

    /// A model's file was loaded, or could not be.
    pub fn loaded(&self, model: &str, version: i64, well: bool) {
        let result = if well { "loaded" } else { "refused" };
        self.loads.get_or_create(&Load { model: model.to_string(), version, result }).inc();
    }

    /// Everything in OpenMetrics' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The class with the largest output; none where all outputs are NaN. A single output is the probability of class 1.
pub fn answer(output: &[f32]) -> Option<(usize, f32)> {
    if let [one] = *output {
        return (!one.is_nan()).then_some(if one > 0.5 { (1, one) } else { (0, 1.0 - one) });
    }
    let numbers = output.iter().copied().enumerate().filter(|(_, number)| !number.is_nan());
    // The first of equal ones, as NumPy's argmax.
    numbers.fold(None, |best: Option<(usize, f32)>, next| match best {
        Some(best) if best.1 >= next.1 => Some(best),
        _ => Some(next),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_written() {
        let metrics = Metrics::default();
        metrics.answered("predict", 200, Duration::from_millis(3));
        metrics.answered("predict", 400, Duration::from_millis(3));
        let model = Model { model: "digits".to_string(), version: 1 };
        metrics.predicted(&model, &[0.1, 0.9, 0.8, 0.2, 0.3, 0.7], 2);
        metrics.waiting("digits", 1);
        metrics.loaded("digits", 1, false);
        let text = metrics.text();
        for line in [
            "serve_requests_total{api=\"predict\",code=\"200\"} 1",
            "serve_request_seconds_count{api=\"predict\"} 1",
            "serve_batch_images_sum{model=\"digits\",version=\"1\"} 3.0",
            "serve_predictions_total{model=\"digits\",version=\"1\",class=\"1\"} 2",
            "serve_confidence_count{model=\"digits\",version=\"1\"} 3",
            "serve_queue_requests{model=\"digits\"} 1",
            "serve_loads_total{model=\"digits\",version=\"1\",result=\"refused\"} 1",
            "serve_connections 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn answers_are_the_largest_outputs() {
        assert_eq!(answer(&[0.2, 0.5, 0.5]), Some((1, 0.5)));
        assert_eq!(answer(&[f32::NAN, 0.1]), Some((1, 0.1)));
        assert_eq!(answer(&[f32::NAN; 3]), None);
        assert_eq!(answer(&[0.25]), Some((0, 0.75)));
        assert_eq!(answer(&[0.75]), Some((1, 0.75)));
    }
}

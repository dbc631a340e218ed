//! The command line.

use clap::{Parser, ValueEnum};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::limits::Limits;

/// Serves models: TensorFlow Serving's REST interface, the Open Inference Protocol, and pictures of digits.
#[derive(Debug, Parser)]
#[command(name = "serve", version, override_help = include_str!("help.txt"))]
pub struct Arguments {
    /// A model's file (.safetensors, .keras, .h5), or a folder with its versions: 1/model.safetensors, 2/model.safetensors ...
    /// Without NAME=, the file or folder gives the name
    #[arg(required_unless_present = "health", value_name = "[NAME=]PATH")]
    pub models: Vec<String>,

    /// A name for a version: stable=2, or digits:stable=2 where there are several models
    #[arg(long = "label", value_name = "[NAME:]LABEL=VERSION")]
    pub labels: Vec<String>,

    /// Clients send images as [height, width, channels], as Keras's models take them, or [height, width] for one channel
    #[arg(long)]
    pub channels_last: bool,

    /// The address to listen at; 0.0.0.0 lets other machines in
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 8501)]
    pub port: u16,

    /// End when standard input ends, or the process that started this one
    #[arg(long)]
    pub child: bool,

    /// Start nothing: ask the server at this port of this machine whether it answers, for a container's health check
    #[arg(long, conflicts_with = "models")]
    pub health: bool,

    /// Let web pages of other hosts ask (CORS)
    #[arg(long)]
    pub cors: bool,

    /// Images that are computed at once, where several requests wait; 1 computes each request on its own
    #[arg(long, default_value_t = crate::model::LARGEST_BATCH, value_parser = at_least_1)]
    pub batch: usize,

    /// Threads for a batch
    #[arg(long, default_value_t = 1, value_parser = at_least_1)]
    pub threads: usize,

    /// Bytes of a request's body at most
    #[arg(long, default_value_t = Limits::default().body, value_parser = at_least_1)]
    pub max_body: usize,

    /// Requests that may wait for a model; further ones are answered with 429
    #[arg(long, default_value_t = Limits::default().queue, value_parser = at_least_1)]
    pub max_queue: usize,

    /// Connections at the same time; further ones are answered with 503
    #[arg(long, default_value_t = Limits::default().connections, value_parser = at_least_1)]
    pub max_connections: usize,

    /// Seconds for a request to come, for its answer, and for the client to take it, each
    #[arg(long, default_value_t = 30.0, value_parser = seconds)]
    pub timeout: f64,

    /// What is logged, on standard error
    #[arg(long, default_value_t = tracing::Level::INFO, value_name = "error|warn|info|debug|trace")]
    pub log_level: tracing::Level,

    /// How it is logged
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

fn at_least_1(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number >= 1 => Ok(number),
        _ => Err("a whole number of at least 1 is wanted".to_string()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("seconds from 0.01 to 86400 are wanted".to_string()),
    }
}

impl Arguments {
    /// What bounds the server.
    pub fn limits(&self) -> Limits {
        let time = Duration::from_secs_f64(self.timeout);
        let default = Limits::default();
        Limits {
            body: self.max_body,
            bodies: default.bodies.max(self.max_body),
            connections: self.max_connections,
            queue: self.max_queue,
            head_time: time,
            body_time: time,
            answer_time: time,
            write_time: time,
            end_time: default.end_time.min(time),
        }
    }

    /// Labels for versions of these models.
    ///
    /// # Errors
    /// If one is not written as it should be, or names another model.
    pub fn labels_of(&self, names: &[String]) -> Result<HashMap<(String, String), i64>, String> {
        let mut labels = HashMap::new();
        for argument in &self.labels {
            let wrong =
                || format!("--label {argument} is not LABEL=VERSION, as stable=2, or NAME:LABEL=VERSION");
            let (label, version) = argument.rsplit_once('=').ok_or_else(wrong)?;
            let version: i64 = version.parse().map_err(|_| wrong())?;
            let (name, label) = match (label.split_once(':'), names) {
                (Some((name, label)), _) => (name.to_string(), label),
                (None, [name]) => (name.clone(), label),
                (None, _) => {
                    return Err(format!("--label {argument} does not say of which model: NAME:{argument}"))
                }
            };
            if !names.contains(&name) {
                return Err(format!(
                    "--label {argument} is of the model {name}, and there are {}",
                    names.join(", ")
                ));
            }
            if label.is_empty() || label.contains(['/', ':']) {
                return Err(wrong());
            }
            labels.insert((name, label.to_string()), version);
        }
        Ok(labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_versions_of_models() {
        let labels = |words: &[&str], names: &[&str]| {
            let arguments = Arguments::try_parse_from(["serve", "m.h5"].iter().chain(words)).unwrap();
            arguments.labels_of(&names.iter().map(|name| name.to_string()).collect::<Vec<_>>())
        };
        let found = labels(&["--label", "stable=2", "--label", "m:canary=3"], &["m"]).unwrap();
        assert_eq!(found[&("m".to_string(), "stable".to_string())], 2);
        assert_eq!(found[&("m".to_string(), "canary".to_string())], 3);
        for (label, words) in
            [("stable", "is not"), ("a=x", "is not"), ("n:a=1", "of the model n"), ("=1", "is not")]
        {
            assert!(labels(&["--label", label], &["m"]).unwrap_err().contains(words), "{label}");
        }
        assert!(labels(&["--label", "a=1"], &["m", "n"]).unwrap_err().contains("of which model"));
    }

    #[test]
    fn the_help_has_every_option_with_its_default() {
        use clap::CommandFactory;
        let help = include_str!("help.txt");
        let command = Arguments::command();
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "models") {
            let name = format!("  --{}", argument.get_long().unwrap());
            let line = help.lines().find(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("{name}"));
            let place = help.find(line).unwrap();
            let text = help[place + 2..].split("\n  --").next().unwrap();
            for default in argument.get_default_values().iter().filter_map(|value| value.to_str()) {
                let number = default.trim_end_matches(".0").to_lowercase();
                assert!(
                    default == "false" || text.contains(&format!("[{number}]")),
                    "{name} {number}: {text}"
                );
            }
        }
    }

    #[test]
    fn numbers_have_ranges() {
        for words in [["--batch", "0"], ["--timeout", "0"], ["--timeout", "NaN"], ["--max-body", "x"]] {
            assert!(Arguments::try_parse_from(["serve", "m.h5"].iter().chain(&words)).is_err(), "{words:?}");
        }
        assert!(Arguments::try_parse_from(["serve"]).is_err());
        let arguments = Arguments::try_parse_from(["serve", "m.h5", "--max-body", "500000000"]).unwrap();
        assert_eq!((arguments.limits().body, arguments.limits().bodies), (500_000_000, 500_000_000));
    }
}

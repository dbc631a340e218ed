//! Progress as one display that changes in its place.

use anyhow::Error;
use std::time::{Duration, Instant};

use super::curves::Curves;
use super::{Progress, Status};
use crate::show::html::{self, escape};
use crate::training::History;

/// Time between two updates.
const INTERVAL: Duration = Duration::from_millis(100);
/// Time between two drawings of the curves: a new picture is heavier than a few words.
const REDRAW: Duration = Duration::from_millis(500);
/// Of longer trainings, the table shows the first epoch, the best, and so many of the last.
const MOST_ROWS: usize = 20;
const LAST_ROWS: usize = 10;

/// A bar, the newest numbers, and the curves growing; in the end the curves and a table. For a live kernel: another one
/// prints a block for each update.
///
/// Its plain text is what [`Lines`](super::Lines) prints.
#[derive(Debug, Default)]
pub struct TrainingDisplay {
    display: Option<live::Display>,
    curves: Curves,
    /// The curves as HTML, when they were drawn, and whether they have grown since.
    image: String,
    drawn: Option<Instant>,
    grown: bool,
    sent: Option<Instant>,
    /// What [`Lines`](super::Lines) prints.
    lines: String,
    /// The newest validation, as words, and the seconds of the newest epoch.
    validation: String,
    epoch_seconds: Option<f64>,
    steps: i64,
}

impl Progress for TrainingDisplay {
    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn on_begin(&mut self, history: &History, steps: i64) {
        *self = TrainingDisplay { curves: Curves::of(history), steps, ..TrainingDisplay::default() };
        self.note(history);
        let (epoch, epochs) = (history.epochs() + 1, history.settings.epochs);
        if epoch <= epochs {
            self.update(&format!("<b>Epoch {epoch}/{epochs}</b>{}", html::bar(0.0)));
        }
    }

    fn on_batch(&mut self, status: &Status) {
        self.grown |= self.curves.training(status);
        // While a long validation runs, the display should say so.
        let last_step = status.step == status.steps && status.seconds > 1.0;
        if last_step || is_due(self.sent, INTERVAL) {
            self.update(&self.status(status));
        }
    }

    fn on_epoch(&mut self, history: &History, steps: i64) {
        self.take(history, steps);
        let (epoch, epochs) = (history.epochs(), history.settings.epochs);
        if epoch < epochs && is_due(self.sent, INTERVAL) {
            let next = epoch + 1;
            self.update(&format!(
                "<b>Epoch {next}/{epochs}</b>{}<div>{}</div>",
                html::bar(0.0),
                self.validation
            ));
        }
    }

    fn on_end(&mut self, history: &History, error: Option<&Error>) {
        if let Some(note) = &history.stopped {
            self.line(note);
        }
        let html = self.summary(history, error.is_some());
        self.show(&html);
    }
}

impl TrainingDisplay {
    /// Takes in an epoch that is done.
    fn take(&mut self, history: &History, steps: i64) {
        self.note(history);
        self.curves.validation(history);
        self.grown = true;
        self.line(&history.line(steps));
    }

    fn line(&mut self, line: &str) {
        if !self.lines.is_empty() {
            self.lines.push('\n');
        }
        self.lines += line;
    }

    /// Keeps what is shown of the newest epoch.
    fn note(&mut self, history: &History) {
        self.epoch_seconds = history.seconds.last().copied();
        if let (Some(loss), Some(accuracy)) = (history.last("val_loss"), history.last("val_accuracy")) {
            self.validation = format!("val_loss: {loss:.4} · val_accuracy: {accuracy:.4}");
        }
    }

    /// Where the training stands, in words and as a bar.
    fn status(&self, status: &Status) -> String {
        let Status { epoch, epochs, step, steps, loss, accuracy, .. } = *status;
        let left = status.seconds_left();
        let of_epoch = self.epoch_seconds.unwrap_or(status.seconds + left);
        let in_all = left + (epochs - epoch) as f64 * of_epoch;
        let mut now = match step == steps {
            true => "validation".to_string(),
            false => format!("step {step}/{steps} · {} left", html::duration(left)),
        };
        if epoch < epochs {
            now += &format!(", {} for the whole training", html::duration(in_all));
        }
        let mut numbers = format!("loss: {loss:.4} · accuracy: {accuracy:.4}");
        if !self.validation.is_empty() {
            numbers += &format!(" · {}", self.validation);
        }
        let bar = html::bar(step as f64 / steps as f64);
        format!("<b>Epoch {epoch}/{epochs}</b> · {now}{bar}<div>{numbers}</div>")
    }

    /// What stays when the training has ended: a line, the curves, a table.
    fn summary(&self, history: &History, failed: bool) -> String {
        let (epochs, seconds) = (history.epochs(), history.seconds.iter().sum::<f64>());
        let mut html = match epochs {
            0 => "<div><b>No epoch was completed</b></div>".to_string(),
            _ => format!(
                "<div><b>{epochs} {}</b> · {seconds:.1} s · {:.0} ms/step</div>",
                if epochs == 1 { "epoch" } else { "epochs" },
                1000.0 * seconds / (epochs as f64 * self.steps as f64)
            ),
        };
        if let Some(note) = &history.stopped {
            html += &format!("<div>{}</div>", escape(note));
        }
        if failed {
            html += "<div>An error ended the training; the epochs before are in model.history().</div>";
        }
        html += &self.curves.html();
        if epochs > 0 {
            html += &history.table_of(&rows(history)).html();
        }
        html
    }

    /// Shows the words and the curves.
    fn update(&mut self, words: &str) {
        if self.image.is_empty() || (self.grown && is_due(self.drawn, REDRAW)) {
            (self.image, self.drawn, self.grown) = (self.curves.html(), Some(Instant::now()), false);
        }
        self.show(&format!("<div>{words}</div>{}", self.image));
        self.sent = Some(Instant::now());
    }

    fn show(&mut self, html: &str) {
        let html = format!("<div>{html}</div>");
        let data = [("text/html", html.as_str()), ("text/plain", self.lines.as_str())];
        match &self.display {
            Some(display) => display.update(&data),
            None => self.display = Some(live::Display::new(&data)),
        }
    }
}

fn is_due(last: Option<Instant>, interval: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= interval)
}

/// The epochs, counted from 0, that the table shows.
fn rows(history: &History) -> Vec<usize> {
    let epochs = history.epochs();
    let best = history.best_epoch().map(|epoch| epoch - 1);
    let is_shown = |&epoch: &usize| {
        epochs <= MOST_ROWS || epoch == 0 || epoch + LAST_ROWS >= epochs || Some(epoch) == best
    };
    (0..epochs).filter(is_shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Evaluation;
    use crate::optimizers::Adam;
    use crate::training::Fit;

    fn history(epochs: usize, of: usize) -> History {
        let mut history = History::new(&Fit { epochs: of, ..Fit::default() }, &Adam::default().into());
        for epoch in 0..epochs {
            let measured = Evaluation { loss: 1.0 / (1 + epoch) as f64, accuracy: 0.5 };
            let val_loss = (epoch as f64 - 3.0).abs();
            history.push(measured, Some(Evaluation { loss: val_loss, accuracy: 0.75 }), 0.001, 1.5);
        }
        history
    }

    fn status(epoch: usize, step: i64) -> Status {
        Status { epoch, epochs: 3, step, steps: 10, seconds: 2.0, loss: 0.5, accuracy: 0.25 }
    }

    /// A display that has seen these epochs of `of`.
    fn display(epochs: usize, of: usize) -> TrainingDisplay {
        let mut display = TrainingDisplay { steps: 10, ..TrainingDisplay::default() };
        for epoch in 1..=epochs {
            display.take(&history(epoch, of), 10);
        }
        display
    }

    #[test]
    fn the_status_says_what_is_left() {
        let begin = TrainingDisplay::default().status(&status(1, 4));
        for words in
            ["Epoch 1/3", "step 4/10 · 3 s left, 13 s for the whole training", "width:40.0%", "loss: 0.5000"]
        {
            assert!(begin.contains(words), "{begin} does not say {words}");
        }
        assert!(!begin.contains("val_loss"));
        let later = display(1, 3).status(&status(2, 10));
        for words in
            ["Epoch 2/3", "validation, 2 s for the whole training", "accuracy: 0.2500 · val_loss: 3.0000"]
        {
            assert!(later.contains(words), "{later} does not say {words}");
        }
    }

    #[test]
    fn the_text_is_that_of_lines() {
        let display = display(2, 3);
        assert_eq!(display.lines, format!("{}\n{}", history(1, 3).line(10), history(2, 3).line(10)));
    }

    #[test]
    fn the_summary_says_what_happened() {
        let mut stopped = history(2, 3);
        stopped.stopped = Some("Stopped & <kept>".to_string());
        for (html, words) in [
            (
                display(3, 3).summary(&history(3, 3), false),
                &["<b>3 epochs</b> · 4.5 s · 150 ms/step", "0.3333"][..],
            ),
            (display(1, 1).summary(&history(1, 1), false), &["<b>1 epoch</b>"]),
            (display(2, 3).summary(&stopped, false), &["Stopped &amp; &lt;kept&gt;", "<b>2 epochs"]),
            (display(0, 3).summary(&history(0, 3), true), &["No epoch", "error ended the training;"]),
        ] {
            assert!(html.contains("data:image/svg+xml;base64,"));
            for words in words {
                assert!(html.contains(words), "{html} does not say {words}");
            }
        }
    }

    #[test]
    fn the_table_of_a_long_training_is_short() {
        assert_eq!(rows(&history(20, 20)).len(), 20);
        assert_eq!(rows(&history(30, 30)), [vec![0, 3], (20..30).collect()].concat());
        let text = history(30, 30).table_of(&rows(&history(30, 30))).to_string();
        assert_eq!(text.matches('…').count(), 2, "{text}");
    }
}

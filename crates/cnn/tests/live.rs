//! What a live kernel receives: programs in processes of their own, whose standard output is taken apart as it does.

use cnn::prelude::*;
use cnn::serde_json::{from_str, Value};
use std::process::Command;
use std::time::{Duration, Instant};

/// 480 training images in 30 batches, and 120 for validation.
fn train(epochs: usize, callback: impl Callback) -> cnn::anyhow::Result<History> {
    let data = mnist::synthetic_digits(600, 0, 7);
    let x = add_channel(&data.x_train)?;
    let mut model = Sequential::input([1, 28, 28])
        .add(Flatten)
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .device(Device::Cpu)
        .build()?;
    model.compile(Adam::default(), Loss::CategoricalCrossentropy)?;
    let settings = Fit { epochs, batch_size: 16, validation_split: 0.2, ..Fit::default() };
    println!();
    model.training(&x, &data.y_train, &settings).callback(callback).run()
}

/// Makes each batch last, presses the interrupt button in one, or fails in one.
#[derive(Default)]
struct Slow {
    pause: Duration,
    stop: (usize, i64),
    fail: (usize, i64),
}

impl Callback for Slow {
    fn on_batch_end(&mut self, run: &mut Run, _loss: &Tensor) -> cnn::anyhow::Result<()> {
        std::thread::sleep(self.pause);
        if (run.epoch, run.batch) == self.stop {
            std::fs::write(std::env::var("LIVE_STOP")?, "")?;
        }
        cnn::anyhow::ensure!((run.epoch, run.batch) != self.fail, "as told");
        Ok(())
    }
}

#[test]
#[ignore = "other tests run it, in a process of its own"]
fn a_training() {
    train(3, Slow::default()).unwrap();
}

#[test]
#[ignore = "another test runs it, in a process of its own"]
fn a_slow_training() {
    let begin = Instant::now();
    train(2, Slow { pause: Duration::from_millis(20), ..Slow::default() }).unwrap();
    println!("\nseconds {}", begin.elapsed().as_secs_f64());
}

#[test]
#[ignore = "another test runs it, in a process of its own"]
fn a_stopped_training() {
    train(3, Slow { stop: (2, 7), ..Slow::default() }).unwrap();
}

#[test]
#[ignore = "another test runs it, in a process of its own"]
fn a_failed_training() {
    train(3, Slow { fail: (3, 7), ..Slow::default() }).unwrap_err();
}

#[test]
#[ignore = "another test runs it, in a process of its own"]
fn figures_and_a_table() {
    println!("\nfirst");
    plots::Chart::new("").line("", &[(0.0, 0.0), (1.0, 1.0)]).figure().unwrap().show();
    println!("second");
    Table::new("T", ["a", "b"]).row(["<1>", "2"]).show();
    println!("third");
    plots::Chart::new("").line("", &[(0.0, 1.0), (1.0, 0.0)]).figure().unwrap().show();
}

/// Runs the test of that name, in a live kernel or a stock one, and returns what it writes.
fn output(test: &str, live: bool) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", test]).env_remove("LIVE_KERNEL");
    if live {
        command.env("LIVE_KERNEL", "1");
    }
    let stop = std::env::temp_dir().join(format!("cnn-live-{}-{test}-{live}", std::process::id()));
    let output = command.env("LIVE_STOP", &stop).output().unwrap();
    let _ = std::fs::remove_file(stop);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn messages(output: &str) -> Vec<Value> {
    let objects = output.lines().filter_map(|line| line.strip_prefix("\u{1f}live/1 "));
    objects.map(|object| from_str(object).unwrap()).collect()
}

/// The lines of a training, without their times, and without those that a slow machine prints within long epochs.
fn lines(text: &str) -> Vec<String> {
    let is_own =
        |line: &str| line.starts_with("Stopped") || (line.starts_with("Epoch") && !line.contains("  step "));
    let own = text.lines().filter(|line| is_own(line));
    let timeless = |line: &str| match (line.split_once(" steps  "), line.split_once("ms/step")) {
        (Some((before, _)), Some((_, after))) => format!("{before} {after}"),
        _ => line.to_string(),
    };
    own.map(timeless).collect()
}

#[test]
fn the_text_of_the_display_is_what_a_stock_kernel_prints() {
    for (test, count) in [("a_training", 3), ("a_stopped_training", 2), ("a_failed_training", 2)] {
        let (live, stock) = (output(test, true), output(test, false));
        assert_eq!(lines(&stock).len(), count, "{stock}");
        assert!(!stock.contains('\u{1f}') && !stock.contains("EVCXR"), "{stock}");
        // All of it is in one display.
        assert!(lines(&live).is_empty(), "{live}");
        let messages = messages(&live);
        let ids: Vec<&str> = messages.iter().map(|message| message["id"].as_str().unwrap()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]));
        assert_eq!(messages[0]["op"], "display");
        assert!(messages[1..].iter().all(|message| message["op"] == "update"));
        let last = &messages[messages.len() - 1]["data"];
        assert_eq!(lines(last["text/plain"].as_str().unwrap()), lines(&stock));
        let html = last["text/html"].as_str().unwrap();
        let (words, rows) = match test {
            "a_training" => ("<b>3 epochs</b>", 4),
            "a_stopped_training" => ("Stopped in epoch 2, batch 7 of 30: the history has 1 epoch,", 2),
            _ => ("An error ended the training; the epochs before are in model.history().", 3),
        };
        assert!(html.contains(words) && html.contains("ms/step"), "{html}");
        assert_eq!(html.matches("<tr>").count(), rows);
        assert!(html.contains("<img") && !html.contains("rgba("), "a bar has no place in the end: {html}");
    }
}

#[test]
fn there_are_at_most_ten_updates_a_second() {
    let text = output("a_slow_training", true);
    let seconds: f64 = text.lines().find_map(|line| line.strip_prefix("seconds ")).unwrap().parse().unwrap();
    let messages = messages(&text);
    let most = 10.0 * seconds + 4.0; // the first, the last, and one after each epoch's last batch
    assert!((6.0..most).contains(&(messages.len() as f64)), "{} in {seconds} s", messages.len());
    let html = |message: &Value| message["data"]["text/html"].as_str().unwrap().to_string();
    let running: Vec<String> = messages[1..messages.len() - 1].iter().map(html).collect();
    for words in
        ["<b>Epoch 1/2</b> · step ", "<b>Epoch 2/2</b> · step ", "/30 · ", "left", "val_loss: ", "width:"]
    {
        assert!(running.iter().any(|html| html.contains(words)), "no update says {words}");
    }
    // The curves grow within the first epoch.
    let image = |html: &String| html.split_once("base64,").unwrap().1.to_string();
    let first = running.iter().filter(|html| html.contains("Epoch 1/2")).map(image);
    assert!(first.collect::<std::collections::HashSet<_>>().len() > 1);
}

#[test]
fn figures_and_tables_are_shown_in_their_places() {
    let text = output("figures_and_a_table", true);
    let begin = text.find("first\n").unwrap();
    let place = |words: &str| text[begin..].find(words).unwrap_or_else(|| panic!("no {words}"));
    let places = ["first\n", "image/png", "second\n", "text/html", "third\n"].map(place);
    assert!(places.is_sorted(), "{places:?}");
    let messages = messages(&text);
    assert_eq!(messages.len(), 3);
    assert!(messages.iter().all(|message| message["op"] == "display" && message.get("id").is_none()));
    assert!(messages[0]["data"]["image/png"].as_str().unwrap().starts_with("iVBOR"));
    assert_eq!(messages[0]["data"]["text/plain"], "Chart. A line rises from 0 at 0 to 1 at 1.");
    assert!(messages[1]["data"]["text/html"].as_str().unwrap().contains("&lt;1&gt;"));
    assert_eq!(messages[1]["data"]["text/plain"], "T\n a   │ b\n─────┼───\n <1> │ 2");
    assert_ne!(messages[2]["data"]["image/png"], messages[0]["data"]["image/png"]);
    // A stock kernel keeps the last block of each type, which holds everything.
    let stock = output("figures_and_a_table", false);
    assert!(stock.contains("EVCXR_BEGIN_CONTENT text/html") && !stock.contains('\u{1f}'));
}

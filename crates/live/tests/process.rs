//! What a program writes in the kernels that there are: each time in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

const MARK: &str = "\u{1f}live/1 ";

#[test]
#[ignore = "other tests run it, in a process of its own"]
fn program() {
    println!("\nbefore");
    live::display(&[("text/plain", "one\nline")]);
    let display = live::Display::new(&[("text/plain", "0 %")]);
    println!("between");
    display.clone().update(&[("text/plain", "100 %")]);
    live::clear_output(true);
    println!("stop: {}", live::stop_requested());
}

#[test]
#[ignore = "another test runs it, in a process of its own"]
fn program_with_threads() {
    let long = "x".repeat(100_000);
    println!();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| live::display(&[("text/plain", &long)])));
        }
    });
}

#[test]
#[ignore = "another test runs it, in a process of its own"]
fn program_without_a_reader() {
    println!("\nbegin");
    let long = "x".repeat(100_000);
    (0..20).for_each(|_| live::display(&[("text/plain", &long)]));
    eprintln!("the program goes on");
}

fn run(test: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", test]);
    command.env_remove("LIVE_KERNEL").env_remove("LIVE_STOP").envs(variables.iter().copied());
    command
}

fn output(test: &str, variables: &[(&str, &str)]) -> String {
    let output = run(test, variables).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_live_kernel_gets_messages_in_their_order() {
    let text = output("program", &[("LIVE_KERNEL", "1")]);
    let id = text.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let expected = [
        "before".to_string(),
        format!(r#"{MARK}{{"op":"display","data":{{"text/plain":"one\nline"}}}}"#),
        format!(r#"{MARK}{{"op":"display","id":"{id}","data":{{"text/plain":"0 %"}}}}"#),
        "between".to_string(),
        format!(r#"{MARK}{{"op":"update","id":"{id}","data":{{"text/plain":"100 %"}}}}"#),
        format!(r#"{MARK}{{"op":"clear","wait":true}}"#),
        "stop: false".to_string(),
    ];
    assert!(text.contains(&expected.join("\n")), "{text}");
}

#[test]
fn a_stock_kernel_and_one_of_another_version_get_blocks() {
    let block = |content: &str| format!("EVCXR_BEGIN_CONTENT text/plain\n{content}\nEVCXR_END_CONTENT\n");
    let expected =
        format!("before\n{}{}between\n{}stop: false\n", block("one\nline"), block("0 %"), block("100 %"));
    for variables in [&[][..], &[("LIVE_KERNEL", "2")], &[("LIVE_KERNEL", "")]] {
        let text = output("program", variables);
        assert!(text.contains(&expected), "{text}");
    }
}

#[test]
fn a_file_asks_the_cell_to_stop() {
    let file = std::env::temp_dir().join(format!("live-stop-{}", std::process::id()));
    let variables = [("LIVE_STOP", file.to_str().unwrap())];
    assert!(output("program", &variables).contains("stop: false"));
    std::fs::write(&file, "").unwrap();
    assert!(output("program", &variables).contains("stop: true"));
    std::fs::remove_file(&file).unwrap();
    assert!(output("program", &[("LIVE_STOP", "")]).contains("stop: false"));
}

#[test]
fn lines_of_threads_do_not_mix() {
    let text = output("program_with_threads", &[("LIVE_KERNEL", "1")]);
    let messages: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(MARK)).collect();
    assert_eq!(messages.len(), 80);
    for message in messages {
        let object: serde_json::Value = serde_json::from_str(message).unwrap();
        assert_eq!(object["data"]["text/plain"].as_str().map(str::len), Some(100_000));
    }
}

#[test]
fn a_program_goes_on_when_nobody_reads() {
    let mut command = run("program_without_a_reader", &[("LIVE_KERNEL", "1")]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "begin"));
    drop(lines);
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    child.wait().unwrap();
    assert!(errors.contains("the program goes on"), "{errors}");
}

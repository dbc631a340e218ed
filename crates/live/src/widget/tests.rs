use super::*;
use serde_json::{json, Value as Json};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

/// The kernel's side of one widget.
struct Kernel {
    stream: UnixStream,
}

impl Kernel {
    /// A widget, and the kernel that it is connected with; what it has opened with comes third.
    fn with(state: &[(&str, &str)]) -> (Widget, Kernel, Json) {
        let folder = std::env::temp_dir().join(format!("live-{}", unique_id()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("comms");
        let listener = UnixListener::bind(&path).unwrap();
        let accepting = thread::spawn(move || {
            let mut kernel = Kernel { stream: listener.accept().unwrap().0 };
            kernel.stream.set_read_timeout(Some(LIMIT)).unwrap();
            let (opened, _) = kernel.next();
            kernel.say(r#"{"op":"opened"}"#, &[]);
            (kernel, opened)
        });
        let widget = Widget::open(Some(path), "export default {}", "p {}", state);
        let (kernel, opened) = accepting.join().unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        (widget, kernel, opened)
    }

    fn next(&mut self) -> (Json, Vec<Vec<u8>>) {
        let frame = comms::read(&mut self.stream).unwrap();
        (serde_json::from_str(&frame.json).unwrap(), frame.buffers)
    }

    fn say(&mut self, json: &str, buffers: &[&[u8]]) {
        comms::write(&mut self.stream, json, buffers).unwrap();
    }

    fn page_sets(&mut self, key: &str, value: &str, seen: u64) {
        self.say(&format!(r#"{{"op":"set","seen":{seen},"state":{{"{key}":{value}}},"buffers":[]}}"#), &[]);
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < LIMIT, "nothing has come");
        thread::sleep(Duration::from_millis(2));
    }
}

fn next<T>(told: &Receiver<T>) -> T {
    told.recv_timeout(LIMIT).unwrap()
}

#[test]
fn without_a_kernel_the_state_is_there_and_nothing_fails() {
    let widget = Widget::open(None, "export default {}", "", &[("a", "1"), ("b", "oops")]);
    assert!(!widget.is_open());
    assert_eq!(widget.get("a").as_deref(), Some("1"));
    assert_eq!(widget.get("b"), None);
    assert!(widget.get("error").unwrap().contains("`b` is not JSON"));
    widget.set("a", "[2]");
    widget.set("a", "[2");
    widget.set_bytes("c", &[1, 2]);
    assert_eq!((widget.get("a").as_deref(), widget.get("c")), (Some("[2]"), None));
    assert_eq!((widget.get_bytes("c"), widget.get_bytes("a")), (Some(vec![1, 2]), None));
    widget.send("{}");
    widget.clone().still(&[("text/plain", "a still")]).show();
    widget.close();
    widget.close();
}

#[test]
fn a_kernel_that_is_not_there_leaves_the_state() {
    let widget = Widget::open(Some("/nowhere/comms".into()), "", "", &[("a", "1")]);
    assert!(!widget.is_open());
    assert_eq!(widget.get("a").as_deref(), Some("1"));
}

#[test]
fn what_the_cells_set_leaves_in_numbered_frames() {
    let (widget, mut kernel, opened) = Kernel::with(&[("count", "0")]);
    assert!(widget.is_open());
    assert_eq!((&opened["op"], &opened["version"]), (&json!("open"), &json!(1)));
    assert_eq!((&opened["state"]["count"], &opened["state"]["error"]), (&json!(0), &json!(null)));
    assert_eq!(opened["state"]["_css"], json!("p {}"));
    assert!(opened["state"]["_esm"].as_str().unwrap().contains(r#"const source = "export default {}";"#));
    widget.set("count", "1");
    widget.set_bytes("pixels", &[0, 255]);
    widget.send(r#"{"a":1}"#);
    let set = json!({"op": "set", "number": 1, "state": {"count": 1}, "buffers": []});
    assert_eq!(kernel.next(), (set, vec![]));
    let set = json!({"op": "set", "number": 2, "state": {}, "buffers": ["pixels"]});
    assert_eq!(kernel.next(), (set, vec![vec![0, 255]]));
    assert_eq!(kernel.next(), (json!({"op": "send", "content": {"a": 1}}), vec![]));
}

#[test]
fn a_change_of_the_page_is_there_and_its_handler_is_called() {
    let (widget, mut kernel, _) = Kernel::with(&[("count", "0")]);
    let (tell, told) = channel();
    widget.on_change("count", move |widget| {
        widget.set("seen", &widget.get("count").unwrap());
        tell.send(widget.get("count").unwrap()).map_err(|error| error.to_string())
    });
    kernel.page_sets("other", "1", 0);
    kernel.page_sets("count", "7", 0);
    assert_eq!(next(&told), "7");
    assert_eq!(kernel.next().0["state"], json!({"seen": 7}));
    kernel.say(r#"{"op":"set","seen":1,"state":{},"buffers":["drawn"]}"#, &[&[1, 2, 3]]);
    wait_until(|| widget.get_bytes("drawn") == Some(vec![1, 2, 3]));
}

#[test]
fn a_busy_handler_is_called_for_the_newest_change_only() {
    let (widget, mut kernel, _) = Kernel::with(&[]);
    let ((tell, told), (go_on, wait)) = (channel(), channel());
    widget.on_change("x", move |widget| {
        tell.send(widget.get("x").unwrap()).unwrap();
        wait.recv_timeout(LIMIT).map_err(|error| error.to_string())
    });
    kernel.page_sets("x", "0", 0);
    assert_eq!(next(&told), "0");
    (1..=1000).for_each(|x| kernel.page_sets("x", &x.to_string(), 0));
    // What a handler reads is the newest also while it runs.
    wait_until(|| widget.get("x").as_deref() == Some("1000"));
    go_on.send(()).unwrap();
    assert_eq!(next(&told), "1000");
    go_on.send(()).unwrap();
    kernel.page_sets("x", "2000", 0);
    assert_eq!(next(&told), "2000");
    go_on.send(()).unwrap();
}

#[test]
fn what_both_have_changed_is_what_the_kernel_took_last() {
    let (widget, mut kernel, _) = Kernel::with(&[]);
    widget.set("x", "1");
    widget.set("x", "2");
    // The page's value came to the kernel before the second of the cells', and so that is the newest.
    kernel.page_sets("x", "10", 1);
    kernel.page_sets("y", "1", 1);
    wait_until(|| widget.get("y").is_some());
    assert_eq!(widget.get("x").as_deref(), Some("2"));
    kernel.page_sets("x", "11", 2);
    wait_until(|| widget.get("x").as_deref() == Some("11"));
}

#[test]
fn errors_and_panics_are_shown_until_a_call_succeeds() {
    let (widget, mut kernel, _) = Kernel::with(&[]);
    widget.on_change("x", |widget| match widget.get("x").as_deref() {
        Some("1") => Err("one is not enough".to_string()),
        Some("2") => panic!("two is {}", "too much"),
        _ => Ok(()),
    });
    kernel.page_sets("x", "1", 0);
    assert_eq!(kernel.next().0["state"]["error"], json!("one is not enough"));
    kernel.page_sets("x", "2", 1);
    assert_eq!(kernel.next().0["state"]["error"], json!("panicked: two is too much"));
    kernel.page_sets("x", "3", 2);
    assert_eq!(kernel.next().0["state"], json!({"error": null}));
    widget.set("x", "NaN");
    assert!(kernel.next().0["state"]["error"].as_str().unwrap().contains("not JSON"));
}

#[test]
fn messages_come_with_their_buffers_and_do_not_pile_up() {
    let (widget, mut kernel, _) = Kernel::with(&[]);
    kernel.say(r#"{"op":"message","content":{"n":-1}}"#, &[&[1], &[2]]);
    (0..1000).for_each(|n| kernel.say(&format!(r#"{{"op":"message","content":{{"n":{n}}}}}"#), &[]));
    kernel.page_sets("all", "true", 0);
    wait_until(|| widget.get("all").is_some());
    let (tell, told) = channel();
    widget.on_message(move |_, json, buffers| {
        tell.send((json.to_string(), buffers)).map_err(|error| error.to_string())
    });
    let first = next(&told);
    assert_eq!(first, (r#"{"n":0}"#.to_string(), vec![]), "the oldest of 1001 should have been dropped");
    (1..1000).for_each(|n| assert_eq!(next(&told).0, format!(r#"{{"n":{n}}}"#)));
    kernel.say(r#"{"op":"message","content":"b"}"#, &[&[1], &[2]]);
    assert_eq!(next(&told), ("\"b\"".to_string(), vec![vec![1], vec![2]]));
}

#[test]
fn what_is_too_large_is_refused_with_a_word_and_the_widget_lives() {
    let (widget, mut kernel, _) = Kernel::with(&[]);
    widget.set_bytes("x", &vec![0; comms::LARGEST + 1]);
    let error = kernel.next().0["state"]["error"].as_str().unwrap().to_string();
    assert!(error.contains("`x`: 64.0 MiB") && error.contains("64 MiB"), "{error}");
    assert!(widget.is_open() && widget.get_bytes("x").is_none());
    widget.set("x", "1");
    assert_eq!(kernel.next().0["state"], json!({"x": 1}));
}

#[test]
fn closing_ends_the_threads_and_drops_the_handlers() {
    for by_kernel in [false, true] {
        let (widget, mut kernel, _) = Kernel::with(&[]);
        let held = Arc::new(());
        let (in_change, in_message, own) = (held.clone(), held.clone(), widget.clone());
        widget.on_change("x", move |_| {
            let _ = (&in_change, &own);
            Ok(())
        });
        widget.on_message(move |_, _, _| {
            let _ = &in_message;
            Ok(())
        });
        if by_kernel {
            kernel.stream.shutdown(Shutdown::Both).unwrap();
        } else {
            widget.close();
            assert_eq!(kernel.next().0, json!({"op": "close"}));
            assert_eq!(kernel.stream.read(&mut [0]).unwrap(), 0);
        }
        wait_until(|| Arc::strong_count(&held) == 1 && Arc::strong_count(&widget.shared) == 1);
        assert!(!widget.is_open());
        widget.on_change("x", move |_| {
            let _ = &held;
            Ok(())
        });
        widget.set("x", "1");
        assert_eq!(widget.get("x").as_deref(), Some("1"));
        assert_eq!(Arc::strong_count(&widget.shared), 1);
    }
}

#[test]
fn a_page_that_sends_no_frames_ends_the_widget_and_not_the_program() {
    let (widget, mut kernel, _) = Kernel::with(&[]);
    kernel.say("[no object]", &[]);
    kernel.say(r#"{"op":"later"}"#, &[]);
    kernel.page_sets("x", "1", 0);
    wait_until(|| widget.get("x").is_some());
    kernel.stream.write_all(&[0; 64]).unwrap();
    wait_until(|| !widget.is_open());
}

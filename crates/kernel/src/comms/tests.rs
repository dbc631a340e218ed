use super::*;
use jupyter_protocol::messaging::{CommMsg, CommOpen, ExecuteRequest};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::{channel, Receiver};

/// The cells' side of one connection.
struct Cells {
    connection: u64,
    frames: Receiver<Vec<u8>>,
}

fn connect(comms: &mut Comms) -> Cells {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let connection = COUNT.fetch_add(1, Ordering::Relaxed);
    let (sender, frames) = channel(1);
    comms.arrived(Arrived { connection, what: What::Connected(sender) }, None);
    Cells { connection, frames }
}

fn open(comms: &mut Comms, id: &str) -> Cells {
    let mut cells = connect(comms);
    let open = json!({"op": "open", "version": 1, "id": id, "state": {"count": 0}, "buffers": ["pixels"]});
    cells.say(comms, open, &[b"\xff"]);
    assert_eq!(cells.next(comms), Some(json!({"op": "opened"})));
    cells
}

impl Cells {
    fn say(&self, comms: &mut Comms, json: Json, buffers: &[&'static [u8]]) {
        let buffers = buffers.iter().map(|bytes| Bytes::from_static(bytes)).collect();
        let what = What::Frame(Frame { json: json.to_string().into(), buffers });
        comms.arrived(Arrived { connection: self.connection, what }, Some(&cell("a")));
    }

    fn set(&self, comms: &mut Comms, number: u64, state: Json) {
        self.say(comms, json!({"op": "set", "number": number, "state": state, "buffers": []}), &[]);
    }

    /// The next frame, which is then on its way.
    fn next(&mut self, comms: &mut Comms) -> Option<Json> {
        let frame = self.frames.try_recv().ok()?;
        comms.arrived(Arrived { connection: self.connection, what: What::Taken }, None);
        let count = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
        let size = u32::from_be_bytes(frame[4..8].try_into().unwrap()) as usize;
        Some(serde_json::from_slice(&frame[4 + 4 * count..][..size]).unwrap())
    }
}

fn cell(id: &str) -> JupyterMessage {
    JupyterMessage::new(ExecuteRequest::new(String::new()), None).with_metadata(json!({"cellId": id}))
}

fn page_says(comms: &mut Comms, id: &str, data: Json, session: &str) -> JupyterMessage {
    let Json::Object(data) = data else { panic!("no object") };
    let request = JupyterMessage::new(CommMsg { comm_id: CommId(id.to_string()), data }, None);
    let request = request.with_session(session);
    comms.request(&request);
    request
}

fn page_sets(comms: &mut Comms, id: &str, state: Json) {
    page_says(comms, id, json!({"method": "update", "state": state, "buffer_paths": []}), "page");
}

fn content(message: &JupyterMessage) -> Json {
    serde_json::to_value(&message.content).unwrap()
}

fn published(comms: &mut Comms) -> Vec<(String, Json)> {
    let all = comms.take_published();
    all.iter().map(|message| (message.message_type().to_string(), content(message))).collect()
}

/// What the clients are told now, with room for all of it.
fn news(comms: &mut Comms) -> Vec<JupyterMessage> {
    let (sender, mut receiver) = channel(100);
    comms.again = None;
    for widget in comms.widgets.values_mut() {
        widget.next = Instant::now();
    }
    comms.tell_clients(&sender);
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

#[test]
fn a_widget_opens_as_a_comm_that_anywidget_takes() {
    let mut comms = Comms::default();
    let _cells = open(&mut comms, "w");
    let [opened] = &comms.take_published()[..] else { panic!("not one message") };
    assert_eq!((opened.message_type(), &opened.metadata), ("comm_open", &json!({"version": "2.1.0"})));
    assert!(opened.parent_header.is_some());
    let content = content(opened);
    assert_eq!((&content["comm_id"], &content["target_name"]), (&json!("w"), &json!(TARGET)));
    let state = &content["data"]["state"];
    assert_eq!((&state["_model_module"], &state["_view_module_version"]), (&json!("anywidget"), &json!("*")));
    assert_eq!((&state["count"], &content["data"]["buffer_paths"]), (&json!(0), &json!([["pixels"]])));
    assert_eq!(opened.buffers, [Bytes::from_static(b"\xff")]);
}

#[test]
fn what_cells_set_a_thousand_times_is_told_once() {
    let mut comms = Comms::default();
    let cells = open(&mut comms, "w");
    (1..=1000).for_each(|number| cells.set(&mut comms, number, json!({"count": number})));
    let told: Vec<Json> = news(&mut comms).iter().map(content).collect();
    let data = json!({"method": "update", "state": {"count": 1000}, "buffer_paths": []});
    assert_eq!(told, [json!({"comm_id": "w", "data": data})]);
    assert!(comms.due().is_none() && news(&mut comms).is_empty());
}

#[test]
fn clients_that_take_nothing_get_the_newest_later() {
    let mut comms = Comms::default();
    let cells = open(&mut comms, "w");
    let (sender, mut receiver) = channel(1);
    sender.try_send(cell("a")).unwrap();
    cells.set(&mut comms, 1, json!({"count": 1}));
    comms.tell_clients(&sender);
    cells.set(&mut comms, 2, json!({"count": 2}));
    assert!(comms.due().is_some());
    receiver.try_recv().unwrap();
    assert_eq!(content(&news(&mut comms)[0])["data"]["state"], json!({"count": 2}));
}

#[test]
fn each_widget_has_its_turn_where_there_is_little_room() {
    let mut comms = Comms::default();
    let all: Vec<(String, Cells)> =
        (0..5).map(|number| format!("w{number}")).map(|id| (id.clone(), open(&mut comms, &id))).collect();
    let (sender, mut receiver) = channel(1);
    let mut told = HashSet::new();
    for number in 1..=5 {
        all.iter().for_each(|(_, cells)| cells.set(&mut comms, number, json!({"count": number})));
        comms.again = None;
        comms.tell_clients(&sender);
        let message = receiver.try_recv().expect("news");
        told.insert(content(&message)["comm_id"].to_string());
        for widget in comms.widgets.values_mut() {
            widget.next -= PACE;
        }
    }
    assert_eq!(told.len(), 5);
}

#[test]
fn what_the_page_changes_comes_to_the_cells_and_to_all_pages() {
    let mut comms = Comms::default();
    let mut cells = open(&mut comms, "w");
    let changed = json!({"method": "update", "state": {"count": 5}, "buffer_paths": []});
    let request = page_says(&mut comms, "w", changed, "page");
    let set = json!({"op": "set", "seen": 0, "state": {"count": 5}, "buffers": []});
    assert_eq!(cells.next(&mut comms), Some(set));
    let [echo] = &news(&mut comms)[..] else { panic!("not one message") };
    assert_eq!(echo.parent_header.as_ref().map(|header| &header.msg_id), Some(&request.header.msg_id));
    let data = json!({"method": "echo_update", "state": {"count": 5}, "buffer_paths": []});
    assert_eq!(content(echo)["data"], data);
}

#[test]
fn busy_cells_get_the_newest_of_each_value() {
    let mut comms = Comms::default();
    let mut cells = open(&mut comms, "w");
    page_sets(&mut comms, "w", json!({"a": 0}));
    (1..=1000).for_each(|number| page_sets(&mut comms, "w", json!({"a": number, "b": 1})));
    assert_eq!(cells.next(&mut comms).unwrap()["state"], json!({"a": 0}));
    assert_eq!(cells.next(&mut comms).unwrap()["state"], json!({"a": 1000, "b": 1}));
    assert_eq!(cells.next(&mut comms), None);
    // A value that the cells have set meanwhile is newer than the page's that waits.
    page_sets(&mut comms, "w", json!({"c": 0}));
    page_sets(&mut comms, "w", json!({"a": 1, "b": 2}));
    cells.set(&mut comms, 7, json!({"a": 2}));
    assert_eq!(cells.next(&mut comms).unwrap()["state"], json!({"c": 0}));
    let frame = cells.next(&mut comms).unwrap();
    assert_eq!((&frame["state"], &frame["seen"]), (&json!({"b": 2}), &json!(7)));
}

#[test]
fn a_new_page_gets_all_widgets_with_their_newest_values() {
    let mut comms = Comms::default();
    let cells = open(&mut comms, "w");
    let _other = open(&mut comms, "x");
    cells.say(
        &mut comms,
        json!({"op": "set", "number": 1, "state": {"count": 3}, "buffers": ["more"]}),
        &[b"\x01"],
    );
    comms.take_published();
    let control =
        CommOpen { comm_id: CommId("c".into()), target_name: CONTROL.into(), ..CommOpen::default() };
    comms.request(&JupyterMessage::new(control, None));
    assert!(published(&mut comms).is_empty());
    let request = page_says(&mut comms, "c", json!({"method": "request_states"}), "page");
    let [answer] = &comms.take_published()[..] else { panic!("not one message") };
    assert_eq!(answer.parent_header.as_ref().map(|header| &header.msg_id), Some(&request.header.msg_id));
    let answered = content(answer);
    assert_eq!((&answered["comm_id"], &answered["data"]["method"]), (&json!("c"), &json!("update_states")));
    let state = &answered["data"]["states"]["w"];
    assert_eq!((&state["model_name"], &state["model_module"]), (&json!("AnyModel"), &json!("anywidget")));
    assert_eq!(state["state"]["count"], json!(3));
    let paths = json!([["w", "state", "more"], ["w", "state", "pixels"], ["x", "state", "pixels"]]);
    assert_eq!(answered["data"]["buffer_paths"], paths);
    assert_eq!(answer.buffers.len(), 3);

    page_says(&mut comms, "w", json!({"method": "request_state"}), "page");
    let [(_, answered)] = &published(&mut comms)[..] else { panic!("not one message") };
    assert_eq!((&answered["comm_id"], &answered["data"]["method"]), (&json!("w"), &json!("update")));
    assert_eq!(answered["data"]["state"]["count"], json!(3));
    assert_eq!(content_of(&comms.info(None))["comms"].as_object().map(Map::len), Some(2));
    assert_eq!(content_of(&comms.info(Some("other")))["comms"], json!({}));
}

fn content_of(content: &Content) -> Json {
    serde_json::to_value(content).unwrap()
}

#[test]
fn messages_go_both_ways_with_their_buffers() {
    let mut comms = Comms::default();
    let mut cells = open(&mut comms, "w");
    cells.say(&mut comms, json!({"op": "send", "content": {"a": 1}}), &[b"x"]);
    let [message] = &news(&mut comms)[..] else { panic!("not one message") };
    assert_eq!(content(message)["data"], json!({"method": "custom", "content": {"a": 1}}));
    assert_eq!(message.buffers, [Bytes::from_static(b"x")]);
    page_says(&mut comms, "w", json!({"method": "custom", "content": [2]}), "page");
    assert_eq!(cells.next(&mut comms), Some(json!({"op": "message", "content": [2]})));
}

#[test]
fn however_a_widget_ends_clients_are_told_and_its_still_remains() {
    type Ending = fn(&mut Comms, &Cells);
    let by_cells: Ending = |comms, cells| cells.say(comms, json!({"op": "close"}), &[]);
    let by_page: Ending = |comms, _| {
        let closed = CommClose { comm_id: CommId("w".into()), data: Map::new() };
        comms.request(&JupyterMessage::new(closed, None));
    };
    let by_crash: Ending =
        |comms, cells| comms.arrived(Arrived { connection: cells.connection, what: What::Ended }, None);
    let by_kernel: Ending = |comms, _| comms.close_all();
    for (ending, word) in
        [(by_cells, "closed"), (by_page, "closed"), (by_crash, "ended"), (by_kernel, "ended")]
    {
        let mut comms = Comms::default();
        let mut cells = open(&mut comms, "w");
        let view = json!({"model_id": "w"}).to_string();
        let pairs = [(VIEW, view.as_str()), ("image/png", "AAAA\n"), ("text/plain", "a still")];
        let mut data = pairs.map(|(mime, text)| (mime.to_string(), text.to_string())).into();
        comms.shown(Some("d"), &mut data);
        assert!(data.contains_key(VIEW));
        cells.set(&mut comms, 1, json!({"count": 9}));
        comms.take_published();
        ending(&mut comms, &cells);
        let said = published(&mut comms);
        let kinds: Vec<&str> = said.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["comm_msg", "update_display_data", "comm_close"]);
        assert_eq!(said[0].1["data"]["state"], json!({"count": 9}));
        let shown = &said[1].1["data"];
        assert!(shown.get(VIEW).is_none() && shown["image/png"] == json!("AAAA\n"), "{shown}");
        assert!(shown["text/html"].as_str().unwrap().contains(word), "{shown}");
        assert!(shown["text/plain"].as_str().unwrap().starts_with("a still\n"), "{shown}");
        assert_eq!(content_of(&comms.info(None))["comms"], json!({}));
        assert!(comms.connections.is_empty());
        assert!(cells.frames.try_recv().is_err() && cells.frames.is_closed());
        // A display that comes when its widget has ended.
        comms.shown(Some("d"), &mut data);
        assert!(!data.contains_key(VIEW));
    }
}

#[test]
fn a_cell_that_runs_again_ends_what_it_has_opened_before() {
    let mut comms = Comms::default();
    let _cells = open(&mut comms, "w");
    comms.take_published();
    comms.cell_runs(&cell("b"));
    assert!(published(&mut comms).is_empty());
    let again = cell("a");
    comms.cell_runs(&again);
    assert_eq!(published(&mut comms)[0].0, "comm_close");
    // What it opens itself stays, also where the word that it runs comes later.
    let cells = connect(&mut comms);
    let json = json!({"op": "open", "version": 1, "id": "new", "state": {}, "buffers": []});
    let what = What::Frame(Frame { json: json.to_string().into(), buffers: vec![] });
    comms.arrived(Arrived { connection: cells.connection, what }, Some(&again));
    comms.cell_runs(&again);
    assert!(comms.widgets.contains_key("new"));
}

#[test]
fn what_is_wrong_closes_a_connection_or_is_shown_and_the_others_live() {
    let mut comms = Comms::default();
    let _other = open(&mut comms, "w");
    for wrong in [
        json!({"op": "set"}),
        json!([1]),
        json!({"op": "open", "version": 2, "id": "x"}),
        json!({"op": "open", "version": 1, "id": "w"}),
    ] {
        let mut cells = connect(&mut comms);
        cells.say(&mut comms, wrong, &[]);
        assert_eq!(cells.next(&mut comms).unwrap()["op"], json!("refused"));
        assert!(!comms.connections.contains_key(&cells.connection));
    }
    let nested = json!({"method": "update", "state": {"a": {}}, "buffer_paths": [["a", "b"]]});
    let Json::Object(data) = nested else { panic!() };
    let message = JupyterMessage::new(CommMsg { comm_id: CommId("w".into()), data }, None);
    comms.request(&message.with_buffers(vec![Bytes::new()]));
    let error = content(&news(&mut comms)[0])["data"]["state"]["error"].to_string();
    assert!(error.contains("within another"), "{error}");
    let Json::Object(data) = json!({"method": "update", "state": {}, "buffer_paths": [["a"]]}) else {
        panic!()
    };
    let message = JupyterMessage::new(CommMsg { comm_id: CommId("w".into()), data }, None);
    comms.request(&message.with_buffers(vec![vec![0; sockets::LARGEST].into()]));
    let error = content(&news(&mut comms)[0])["data"]["state"]["error"].to_string();
    assert!(error.contains("64 MiB") && error.contains("limit is 32 MiB"), "{error}");
    page_sets(&mut comms, "nobody", json!({"a": 1}));
    comms.take_published();
    let unknown =
        CommOpen { comm_id: CommId("u".into()), target_name: "other".into(), ..CommOpen::default() };
    comms.request(&JupyterMessage::new(unknown, None));
    assert_eq!(published(&mut comms), [("comm_close".to_string(), json!({"comm_id": "u", "data": {}}))]);
    assert!(comms.widgets.contains_key("w"));
}

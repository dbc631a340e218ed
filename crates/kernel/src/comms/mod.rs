//! Widgets: what stands between those in cells and Jupyter's clients, so that both see the same values.
//!
//! A widget in a cell has a connection; the clients have a comm for it. The kernel keeps the newest values, for clients that come
//! later or have forgotten all. Nobody waits for anybody: what cannot be told at once waits here, the newest in the place of
//! what was before.
//!
//! | file | what is in it |
//! |---|---|
//! | `sockets.rs` | the cells' side: the socket on which widgets find the kernel |
//! | `values.rs` | a widget's values, as cells and as clients write them |
//! | `queue.rs` | what waits to be told |
//! | `tests.rs` | the tests of all of it |

mod queue;
pub mod sockets;
pub mod values;

use bytes::Bytes;
use jupyter_protocol::messaging::{
    CommClose, CommId, Header, JupyterMessage, JupyterMessageContent as Content, UpdateDisplayData,
};
use serde_json::{json, Map, Value as Json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

use self::queue::{Item, Queue};
use self::sockets::{encoded, Arrived, Frame, What};
use self::values::{message, of_cells, of_client, size, split, Split, Value, Values};
use crate::cell::other;
use crate::output::media;

/// The version of the frames; see `crates/live/src/comms.rs`.
const VERSION: u64 = 1;
const TARGET: &str = "jupyter.widget";
/// Over such a comm a client asks for all widgets, when its page is new.
const CONTROL: &str = "jupyter.widget.control";
/// Clients drop a widget that does not say which messages it understands.
const PROTOCOL: &str = "2.1.0";
/// Stands for the connection of a widget that is the kernel's own.
const OWN: u64 = u64::MAX;
const VIEW: &str = "application/vnd.jupyter.widget-view+json";
/// What makes a widget one of anywidget's. Any version will do: a range would not fit the next one.
const MODEL: [(&str, &str); 6] = [
    ("_model_module", "anywidget"),
    ("_model_name", "AnyModel"),
    ("_model_module_version", "*"),
    ("_view_module", "anywidget"),
    ("_view_name", "AnyView"),
    ("_view_module_version", "*"),
];
/// A widget tells the clients so often at most; and large values more seldom, by bytes in a second.
const PACE: Duration = Duration::from_millis(16);
const BYTES_A_SECOND: f64 = 50e6;
/// Where clients have no room for news, they are tried again so soon.
const AGAIN: Duration = Duration::from_millis(4);
/// Of the displays of one widget so many are remembered, the last ones.
const MOST_DISPLAYS: usize = 100;
/// So many comms of clients that want all widgets are remembered; each page needs its own for a moment.
const MOST_CONTROLS: usize = 100;

/// Why a widget ends.
#[derive(Clone, Copy)]
pub enum End {
    /// Its cells, or a client, have closed it, or its cell is executed again.
    Closed,
    /// Its process, or the kernel, has ended.
    Gone,
}

/// All open widgets.
#[derive(Default)]
pub struct Comms {
    connections: HashMap<u64, Connection>,
    widgets: BTreeMap<String, Widget>,
    controls: HashSet<String>,
    /// When clients that had no room for news are tried again.
    again: Option<Instant>,
    /// What is to be published now.
    published: Vec<JupyterMessage>,
}

struct Connection {
    sender: Sender<Vec<u8>>,
    /// A frame is on its way.
    is_busy: bool,
    widget: Option<String>,
}

struct Widget {
    connection: u64,
    values: Values,
    /// The number of the last values that the cells have set.
    seen: u64,
    /// The displays that show it, as they were shown.
    displays: Vec<(String, BTreeMap<String, String>)>,
    /// The request that was being executed, and the notebook's name for its cell.
    opened_by: Option<Header>,
    cell: Option<String>,
    for_clients: Queue,
    for_cells: Queue,
    /// When clients are told next.
    next: Instant,
}

impl Comms {
    // ---- the cells' side ----

    /// Something has come from a cell; `running` is the request that is being executed, or was last.
    pub fn arrived(&mut self, Arrived { connection, what }: Arrived, running: Option<&JupyterMessage>) {
        match what {
            What::Connected(sender) => {
                self.connections.insert(connection, Connection { sender, is_busy: false, widget: None });
            }
            What::Frame(frame) => {
                if let Err(why) = self.frame(connection, frame, running) {
                    eprintln!("live-kernel: a widget is closed: {why}");
                    self.refuse(connection, &why);
                }
            }
            What::Taken => {
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.is_busy = false;
                }
                self.tell_cells(connection);
            }
            What::Ended => {
                let ended = self.connections.remove(&connection);
                if let Some(id) = ended.and_then(|connection| connection.widget) {
                    self.close(&id, End::Gone);
                }
            }
        }
    }

    fn frame(&mut self, number: u64, frame: Frame, running: Option<&JupyterMessage>) -> Result<(), String> {
        let data: Map<String, Json> = serde_json::from_slice(&frame.json)
            .map_err(|error| format!("a frame should begin with a JSON object: {error}"))?;
        let op = data.get("op").and_then(Json::as_str).unwrap_or_default();
        // What comes from a connection whose widget is closed was on its way.
        let Some(connection) = self.connections.get(&number) else { return Ok(()) };
        let id = connection.widget.clone();
        if op == "open" {
            return match id {
                None => self.open(number, &data, &frame.buffers, running),
                Some(_) => Err("a connection is for one widget, and this one has one".to_string()),
            };
        }
        let id = id.ok_or("a connection should begin with `open`")?;
        let Some(widget) = self.widgets.get_mut(&id) else { return Ok(()) };
        match op {
            "set" => {
                let values = of_cells(&data, &frame.buffers);
                widget.seen = data.get("number").and_then(Json::as_u64).unwrap_or(widget.seen);
                widget.for_cells.forget(&values);
                widget.values.extend(values.clone());
                widget.for_clients.update(values);
            }
            "send" => {
                let content = data.get("content").cloned().unwrap_or_default();
                widget.for_clients.message(content, frame.buffers);
            }
            "close" => self.close(&id, End::Closed),
            // A later version of `live` may have more to say.
            _ => {}
        }
        Ok(())
    }

    fn open(
        &mut self,
        connection: u64,
        data: &Map<String, Json>,
        buffers: &[Bytes],
        running: Option<&JupyterMessage>,
    ) -> Result<(), String> {
        if data.get("version").and_then(Json::as_u64) != Some(VERSION) {
            return Err(format!(
                "this kernel and the crate `live` are of different versions; {VERSION} is known here"
            ));
        }
        let id = data.get("id").and_then(Json::as_str).unwrap_or_default().to_string();
        if id.is_empty() || self.widgets.contains_key(&id) {
            return Err(format!("a widget needs an id of its own, and this has {id:?}"));
        }
        self.announce(&id, connection, of_cells(data, buffers), running);
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.widget = Some(id);
            connection.is_busy = connection.sender.try_send(encoded(&json!({"op": "opened"}), &[])).is_ok();
        }
        Ok(())
    }

    /// Tells the clients of a widget, and keeps it.
    fn announce(&mut self, id: &str, connection: u64, state: Values, running: Option<&JupyterMessage>) {
        let mut values: Values =
            MODEL.iter().map(|(key, text)| (key.to_string(), Value::Json(json!(text)))).collect();
        values.extend(state);
        let Split { state, keys, buffers } = split(&values);
        let paths: Vec<Json> = keys.iter().map(|key| json!([key])).collect();
        let content = json!({
            "comm_id": id,
            "target_name": TARGET,
            "data": {"state": state, "buffer_paths": paths},
        });
        let opened_by = running.map(|request| request.header.clone());
        let opened = about(opened_by.as_ref(), other("comm_open", content), buffers);
        self.published.push(opened.with_metadata(json!({"version": PROTOCOL})));
        let widget = Widget {
            connection,
            values,
            seen: 0,
            displays: Vec::new(),
            opened_by,
            cell: running.and_then(cell_id),
            for_clients: Queue::default(),
            for_cells: Queue::default(),
            next: Instant::now(),
        };
        self.widgets.insert(id.to_string(), widget);
    }

    // ---- the kernel's own ----

    /// Opens a widget of the kernel's own. What shows it is returned, beside the still.
    pub fn open_own(
        &mut self,
        id: &str,
        state: Values,
        mut still: BTreeMap<String, String>,
        request: &JupyterMessage,
    ) -> BTreeMap<String, String> {
        self.announce(id, OWN, state, Some(request));
        let view = json!({"version_major": 2, "version_minor": 0, "model_id": id});
        still.insert(VIEW.to_string(), view.to_string());
        self.shown(Some(id), &mut still);
        still
    }

    /// Changes values of such a widget, and what stands for it when it has ended.
    pub fn set_own(&mut self, id: &str, values: Values, still: &BTreeMap<String, String>) {
        let Some(widget) = self.widgets.get_mut(id) else { return };
        widget.values.extend(values.clone());
        widget.for_clients.update(values);
        for (_, data) in &mut widget.displays {
            data.extend(still.clone());
        }
    }

    /// Whether there is such a widget.
    pub fn is_open(&self, id: &str) -> bool {
        self.widgets.contains_key(id)
    }

    // ---- the cells' side, again ----

    /// Ends a connection that does what it should not.
    fn refuse(&mut self, number: u64, why: &str) {
        let Some(connection) = self.connections.remove(&number) else { return };
        // If the way is not free, then the end of the connection has to do.
        let _ = connection.sender.try_send(encoded(&json!({"op": "refused", "why": why}), &[]));
        if let Some(id) = connection.widget {
            self.close(&id, End::Gone);
        }
    }

    /// Sends what waits for the cells behind a connection, if the last frame is on its way.
    fn tell_cells(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number).filter(|connection| !connection.is_busy)
        else {
            return;
        };
        let Some(widget) = connection.widget.as_ref().and_then(|id| self.widgets.get_mut(id)) else { return };
        let frame = match widget.for_cells.take() {
            Some(Item::Update(mut values)) => {
                // Each alone fits into a frame.
                let second = values.keys().nth(1).filter(|_| size(&values) > sockets::LARGEST / 2).cloned();
                if let Some(second) = second {
                    widget.for_cells.update_first(values.split_off(&second));
                }
                let Split { state, keys, buffers } = split(&values);
                let head = json!({"op": "set", "seen": widget.seen, "state": state, "buffers": keys});
                encoded(&head, &buffers)
            }
            Some(Item::Message(content, buffers)) => {
                encoded(&json!({"op": "message", "content": content}), &buffers)
            }
            Some(Item::Echo(..)) | None => return,
        };
        connection.is_busy = connection.sender.try_send(frame).is_ok();
    }

    /// A cell shows something: perhaps a widget. If that is closed by now, what stands for it is shown.
    pub fn shown(&mut self, display: Option<&str>, data: &mut BTreeMap<String, String>) {
        let Some(view) = data.get(VIEW) else { return };
        let view: Json = serde_json::from_str(view).unwrap_or_default();
        match view["model_id"].as_str().and_then(|id| self.widgets.get_mut(id)) {
            Some(widget) => {
                let Some(display) = display else { return };
                widget.displays.retain(|(known, _)| known != display);
                widget.displays.push((display.to_string(), data.clone()));
                if widget.displays.len() > MOST_DISPLAYS {
                    widget.displays.remove(0);
                }
            }
            None => *data = without_view(std::mem::take(data), End::Closed),
        }
    }

    /// A cell runs. The widgets that it has opened when it was executed before have lost their place.
    pub fn cell_runs(&mut self, request: &JupyterMessage) {
        let Some(cell) = cell_id(request) else { return };
        let is_old = |widget: &Widget| {
            let by_other = widget.opened_by.as_ref().is_some_and(|by| by.msg_id != request.header.msg_id);
            by_other && widget.cell.as_ref() == Some(&cell)
        };
        let old = self.widgets.iter().filter(|(_, widget)| is_old(widget)).map(|(id, _)| id.clone());
        for id in old.collect::<Vec<_>>() {
            self.close(&id, End::Closed);
        }
    }

    // ---- the end ----

    /// Ends all widgets: their kernel ends.
    pub fn close_all(&mut self) {
        for id in self.widgets.keys().cloned().collect::<Vec<_>>() {
            self.close(&id, End::Gone);
        }
    }

    /// Ends a widget: clients are told, and its displays become what stands for it.
    fn close(&mut self, id: &str, end: End) {
        let Some(mut widget) = self.widgets.remove(id) else { return };
        // That ends the cells' side as well.
        self.connections.remove(&widget.connection);
        while let Some(item) = widget.for_clients.take() {
            self.published.push(told(id, widget.opened_by.as_ref(), item));
        }
        for (display, data) in std::mem::take(&mut widget.displays) {
            let content = UpdateDisplayData::new(media(without_view(data, end)), &display);
            self.published.push(about(widget.opened_by.as_ref(), content, vec![]));
        }
        let closed = CommClose { comm_id: CommId(id.to_string()), data: Map::new() };
        self.published.push(about(widget.opened_by.as_ref(), closed, vec![]));
    }

    // ---- the clients' side ----

    /// The comms that are open, as a client asks for them.
    pub fn info(&self, target: Option<&str>) -> Content {
        let of_target = target.is_none_or(|target| target == TARGET);
        let comms: Map<String, Json> = self
            .widgets
            .keys()
            .filter(|_| of_target)
            .map(|id| (id.clone(), json!({"target_name": TARGET})))
            .collect();
        other("comm_info_reply", json!({"status": "ok", "comms": comms}))
    }

    /// A client opens a comm, says something over one, or closes one.
    pub fn request(&mut self, request: &JupyterMessage) {
        match &request.content {
            Content::CommOpen(asked) if asked.target_name == CONTROL => {
                if self.controls.len() >= MOST_CONTROLS {
                    self.controls.clear();
                }
                self.controls.insert(asked.comm_id.0.clone());
                self.control(&asked.comm_id, &asked.data, &request.header);
            }
            // Nobody is there whom the client could talk to.
            Content::CommOpen(asked) => {
                let closed = CommClose { comm_id: asked.comm_id.clone(), data: Map::new() };
                self.published.push(about(Some(&request.header), closed, vec![]));
            }
            Content::CommMsg(told) if self.controls.contains(&told.comm_id.0) => {
                self.control(&told.comm_id, &told.data, &request.header);
            }
            Content::CommMsg(told) => {
                self.told(&told.comm_id.0, &told.data, &request.buffers, &request.header)
            }
            Content::CommClose(closed) => {
                self.controls.remove(&closed.comm_id.0);
                self.close(&closed.comm_id.0, End::Closed);
            }
            _ => {}
        }
    }

    /// Answers a page that is new with all widgets.
    fn control(&mut self, comm: &CommId, data: &Map<String, Json>, header: &Header) {
        if data.get("method").and_then(Json::as_str) != Some("request_states") {
            return;
        }
        let (mut states, mut paths, mut all_buffers) = (Map::new(), Vec::new(), Vec::new());
        for (id, widget) in &self.widgets {
            let Split { state, keys, buffers } = split(&widget.values);
            paths.extend(keys.iter().map(|key| json!([id, "state", key])));
            all_buffers.extend(buffers);
            let of_model = |key: &str| state.get(key).cloned().unwrap_or_default();
            let described = json!({
                "model_name": of_model("_model_name"),
                "model_module": of_model("_model_module"),
                "model_module_version": of_model("_model_module_version"),
                "state": state,
            });
            states.insert(id.clone(), described);
        }
        let data = json!({"method": "update_states", "states": states, "buffer_paths": paths});
        let content = other("comm_msg", json!({"comm_id": comm.0, "data": data}));
        self.published.push(about(Some(header), content, all_buffers));
        // Newer values follow; what clients were to be told so far is in these.
    }

    /// A client says something to a widget.
    fn told(&mut self, id: &str, data: &Map<String, Json>, buffers: &[Bytes], header: &Header) {
        let Some(widget) = self.widgets.get_mut(id) else { return };
        match data.get("method").and_then(Json::as_str) {
            Some("update") => {
                let changed = match of_client(data, buffers) {
                    Ok(changed) if size(&changed) <= sockets::LARGEST / 2 => changed,
                    Ok(changed) => {
                        return self.fail(id, &too_large(size(&changed)));
                    }
                    Err(why) => return self.fail(id, &why),
                };
                widget.values.extend(changed.clone());
                widget.for_cells.update(changed.clone());
                // Without this word the client would take no value of another for those keys any more.
                widget.for_clients.echo(header, changed);
            }
            Some("request_state") => {
                let (data, buffers) = message("update", &widget.values);
                let content = other("comm_msg", json!({"comm_id": id, "data": data}));
                self.published.push(about(Some(header), content, buffers));
            }
            Some("custom") if widget.connection == OWN => {
                // Its page can only have it closed.
                return self.close(id, End::Closed);
            }
            Some("custom") => {
                let bytes = buffers.iter().map(Bytes::len).sum::<usize>();
                if bytes > sockets::LARGEST / 2 {
                    return self.fail(id, &too_large(bytes));
                }
                let content = data.get("content").cloned().unwrap_or_default();
                widget.for_cells.message(content, buffers.to_vec());
            }
            _ => {}
        }
        let connection = widget.connection;
        self.tell_cells(connection);
    }

    /// Shows in the widget what has gone wrong.
    fn fail(&mut self, id: &str, why: &str) {
        let Some(widget) = self.widgets.get_mut(id) else { return };
        let error = Values::from([("error".to_string(), Value::Json(json!(why)))]);
        widget.values.extend(error.clone());
        widget.for_clients.update(error);
    }

    /// When something is to be told to the clients.
    pub fn due(&self) -> Option<Instant> {
        let waits = self.widgets.values().filter(|widget| !widget.for_clients.is_empty());
        let next = waits.map(|widget| widget.next).min()?;
        Some(self.again.map_or(next, |again| next.max(again)))
    }

    /// What is to be published before all that comes later.
    pub fn take_published(&mut self) -> Vec<JupyterMessage> {
        std::mem::take(&mut self.published)
    }

    /// Tells the clients what is due by now, as far as there is room for it.
    pub fn tell_clients(&mut self, clients: &Sender<JupyterMessage>) {
        let now = Instant::now();
        if self.again.is_some_and(|again| again > now) {
            return;
        }
        self.again = None;
        let is_due = |widget: &Widget| !widget.for_clients.is_empty() && widget.next <= now;
        let mut due: Vec<_> = self.widgets.iter_mut().filter(|(_, widget)| is_due(widget)).collect();
        // Who has waited longest comes first, so that each has its turn where there is little room.
        due.sort_by_key(|(_, widget)| widget.next);
        for (id, widget) in due {
            let mut bytes = 0;
            while !widget.for_clients.is_empty() {
                let Ok(room) = clients.try_reserve() else {
                    self.again = Some(now + AGAIN);
                    return;
                };
                let Some(item) = widget.for_clients.take() else { break };
                bytes += item.size();
                room.send(told(id, widget.opened_by.as_ref(), item));
            }
            widget.next = now + PACE.max(Duration::from_secs_f64(bytes as f64 / BYTES_A_SECOND));
        }
    }
}

fn too_large(bytes: usize) -> String {
    let mib = 1 << 20;
    format!("the page has sent {} MiB at once; the limit is {} MiB", bytes / mib, sockets::LARGEST / 2 / mib)
}

/// The notebook's name for the cell that a request is about, where the client tells it.
fn cell_id(request: &JupyterMessage) -> Option<String> {
    request.metadata.get("cellId").and_then(Json::as_str).map(str::to_string)
}

/// A message for all clients.
fn about(parent: Option<&Header>, content: impl Into<Content>, buffers: Vec<Bytes>) -> JupyterMessage {
    let mut message = JupyterMessage::new(content, None).with_buffers(buffers);
    message.parent_header = parent.cloned();
    message.zmq_identities = vec![message.message_type().to_string().into()];
    message
}

fn told(id: &str, opened_by: Option<&Header>, item: Item) -> JupyterMessage {
    let (data, buffers, parent) = match item {
        Item::Update(values) => {
            let (data, buffers) = message("update", &values);
            (data, buffers, opened_by.cloned())
        }
        Item::Echo(header, values) => {
            let (data, buffers) = message("echo_update", &values);
            (data, buffers, Some(*header))
        }
        Item::Message(content, buffers) => {
            (json!({"method": "custom", "content": content}), buffers, opened_by.cloned())
        }
    };
    about(parent.as_ref(), other("comm_msg", json!({"comm_id": id, "data": data})), buffers)
}

/// What a display shows when its widget has ended: its still, and a word.
fn without_view(mut data: BTreeMap<String, String>, end: End) -> BTreeMap<String, String> {
    data.remove(VIEW);
    let word = match end {
        End::Gone => "The kernel of this widget has ended: run the cell again.",
        End::Closed => "This widget is closed.",
    };
    let picture = |mime: &str| {
        let base64 = data.get(mime)?;
        Some(format!("<img src=\"data:{mime};base64,{}\">", base64.trim()))
    };
    let still = data.get("text/html").or(data.get("image/svg+xml")).cloned();
    if let Some(still) = still.or_else(|| picture("image/png")).or_else(|| picture("image/jpeg")) {
        data.insert("text/html".to_string(), format!("{still}<p><em>{word}</em></p>"));
    }
    let plain = data.get("text/plain").map(|text| format!("{text}\n")).unwrap_or_default();
    data.insert("text/plain".to_string(), plain + word);
    data
}

#[cfg(test)]
mod tests;

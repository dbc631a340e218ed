//! Widgets: a part of the page that cells and the user change together.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::{comms, json, unique_id, Display};

/// So many messages of the page wait at most for a handler that is busy; older ones are dropped.
const MOST_MESSAGES: usize = 1000;
/// A longer error is cut, in characters.
const LONGEST_ERROR: usize = 10_000;
/// What a frame has beside a value, generously, in bytes.
const HEAD: usize = 1024;
const VIEW: &str = "application/vnd.jupyter.widget-view+json";
const WORD: &str = "A widget: it needs a running kernel. Run the cell to have it.";
/// Around each widget's own module.
const PAGE: &str = include_str!("page.js");

type OnChange = Box<dyn FnMut(&Widget) -> Result<(), String> + Send>;
type OnMessage = Box<dyn FnMut(&Widget, &str, Vec<Vec<u8>>) -> Result<(), String> + Send>;

/// A part of the page with a state that cells and the user change together: a slider, a drawing, a growing plot.
///
/// JavaScript draws it, as an [anywidget](https://anywidget.dev) module: `export default { render({ model, el }) { … } }`.
/// The state is pairs of key and JSON; `model.get` and `model.set` see it in the page, [`get`](Widget::get) and
/// [`set`](Widget::set) in cells. Handlers are called on a thread of the widget's own, also while a cell runs and while none
/// does. All clones are one widget. It stays until [`close`](Widget::close) or the kernel's end, whatever becomes of the variable.
///
/// ```
/// let esm = "export default { render({ model, el }) {
///     const slider = document.createElement('input');
///     slider.type = 'range';
///     slider.value = model.get('value');
///     slider.oninput = () => { model.set('value', slider.valueAsNumber); model.save_changes(); };
///     el.append(slider);
/// } }";
/// let slider = live::Widget::new(esm, "", &[("value", "50")]);
/// slider.on_change("value", |slider| {
///     slider.set("shown", &slider.get("value").unwrap_or_default());
///     Ok(())
/// });
/// slider.show();
/// assert_eq!(slider.get("value").as_deref(), Some("50"));
/// ```
///
/// A program without such a kernel has the state alone, and shows the [`still`](Widget::still).
#[derive(Clone)]
pub struct Widget {
    shared: Arc<Shared>,
}

struct Shared {
    id: String,
    /// The way to the kernel. Held while a frame is made and sent, so that frames leave in the order of their numbers.
    connection: Mutex<Option<UnixStream>>,
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Clone)]
enum Value {
    Json(String),
    Bytes(Vec<u8>),
}

#[derive(Default)]
struct State {
    values: BTreeMap<String, Value>,
    still: Vec<(String, String)>,
    /// How many `set` frames were sent, and which of them was the last about a key.
    sent: u64,
    last: HashMap<String, u64>,
    /// What the page has done and no handler has seen.
    events: VecDeque<Event>,
    /// Handlers that are new; the thread takes them.
    handlers: Vec<Handler>,
    has_thread: bool,
    /// The handlers' last error is shown.
    failed: bool,
    is_closed: bool,
}

#[derive(PartialEq)]
enum Event {
    Changed(String),
    Message(String, Vec<Vec<u8>>),
}

enum Handler {
    Change(String, OnChange),
    Message(OnMessage),
}

impl Widget {
    /// Opens a widget, and shows nothing yet. `esm` is the JavaScript module, `css` its style, `state` pairs of key and JSON.
    ///
    /// What is no JSON is left out, and the widget says so where it shows errors.
    pub fn new(esm: &str, css: &str, state: &[(&str, &str)]) -> Widget {
        Self::open(env::var_os("LIVE_COMMS").map(PathBuf::from), esm, css, state)
    }

    fn open(comms: Option<PathBuf>, esm: &str, css: &str, state: &[(&str, &str)]) -> Widget {
        let mut wrong = "null".to_string();
        let mut values = Vec::new();
        for (key, value) in state {
            match json::check(value) {
                Ok(()) => values.push((key.to_string(), value.to_string())),
                Err(why) => wrong = json::string(&not_json(key, &why)),
            }
        }
        if !values.iter().any(|(key, _)| key == "error") {
            values.push(("error".to_string(), wrong));
        }
        let id = unique_id();
        let opened = comms.map(|path| {
            let with_page: Vec<_> = values.iter().cloned().chain(page(esm, css)).collect();
            comms::open(&path, &id, &with_page, &[])
        });
        let connection = opened.and_then(|opened| {
            opened
                .map_err(|why| {
                    eprintln!("The widget is not live: {why}. Restart the kernel and run the cell again.")
                })
                .ok()
        });
        let reader = connection.as_ref().and_then(|stream| stream.try_clone().ok());
        let values = values.into_iter().map(|(key, value)| (key, Value::Json(value))).collect();
        let state = State { values, ..State::default() };
        let shared =
            Shared { id, connection: Mutex::new(connection), state: Mutex::new(state), news: Condvar::new() };
        let widget = Widget { shared: Arc::new(shared) };
        if let Some(stream) = reader {
            let reading = widget.clone();
            widget.spawn("widget's page", move || reading.listen(stream));
        }
        widget
    }

    /// What stands for the widget where there are none: in saved notebooks, in HTML, in programs without a live kernel. Pairs of
    /// MIME type and content, as for [`display`](crate::display). Call it before [`show`](Widget::show).
    pub fn still(self, data: &[(&str, &str)]) -> Widget {
        locked(&self.shared.state).still =
            data.iter().map(|(mime, content)| (mime.to_string(), content.to_string())).collect();
        self
    }

    /// Shows the widget, as often as you want it.
    pub fn show(&self) {
        let still = locked(&self.shared.state).still.clone();
        let view = format!(
            "{{\"version_major\":2,\"version_minor\":0,\"model_id\":{}}}",
            json::string(&self.shared.id)
        );
        let mut data: Vec<(&str, &str)> =
            still.iter().map(|(mime, content)| (mime.as_str(), content.as_str())).collect();
        if !data.iter().any(|(mime, _)| *mime == "text/plain") {
            data.push(("text/plain", WORD));
        }
        if self.is_open() {
            data.insert(0, (VIEW, &view));
        }
        Display::new(&data);
    }

    /// Gives a key a new value, a JSON text. Where the page is slow it sees the newest.
    pub fn set(&self, key: &str, json: &str) {
        match json::check(json) {
            Ok(()) => self.put(key, Value::Json(json.to_string())),
            Err(why) => self.fail(&not_json(key, &why)),
        }
    }

    /// Gives a key bytes, which the page has as a `DataView`; at most 64 MiB.
    pub fn set_bytes(&self, key: &str, bytes: &[u8]) {
        self.put(key, Value::Bytes(bytes.to_vec()));
    }

    /// The newest value of a key, from whichever side, as JSON text; `None` where there is none, or it is bytes.
    pub fn get(&self, key: &str) -> Option<String> {
        match locked(&self.shared.state).values.get(key) {
            Some(Value::Json(json)) => Some(json.clone()),
            _ => None,
        }
    }

    /// The newest value of a key that has bytes.
    pub fn get_bytes(&self, key: &str) -> Option<Vec<u8>> {
        match locked(&self.shared.state).values.get(key) {
            Some(Value::Bytes(bytes)) => Some(bytes.clone()),
            _ => None,
        }
    }

    /// Has a function called after the page has changed a key: on the widget's own thread, one call at a time. When changes come
    /// faster than it works, it is called for the newest.
    ///
    /// An error that it returns, and a panic, is shown in the widget (as the value of the key `error`), until a call succeeds.
    pub fn on_change(&self, key: &str, handler: impl FnMut(&Widget) -> Result<(), String> + Send + 'static) {
        self.add(Handler::Change(key.to_string(), Box::new(handler)));
    }

    /// Has a function called with each message that the page sends by `model.send`: its JSON, and its buffers. All else is as for
    /// [`on_change`](Widget::on_change); of messages that wait, the last 1000 are kept.
    pub fn on_message(
        &self,
        handler: impl FnMut(&Widget, &str, Vec<Vec<u8>>) -> Result<(), String> + Send + 'static,
    ) {
        self.add(Handler::Message(Box::new(handler)));
    }

    /// Sends a JSON text to the page, where `model.on("msg:custom", …)` gets it.
    pub fn send(&self, json: &str) {
        if let Err(why) = json::check(json) {
            return self.fail(&format!("a message to the page is not JSON: {why}"));
        }
        let mut connection = locked(&self.shared.connection);
        let sent = self.write(&mut connection, &format!("{{\"op\":\"send\",\"content\":{json}}}"), &[]);
        drop(connection);
        self.look_at(sent);
    }

    /// Does what a change that the page makes does: for tests, and for programs without a page.
    ///
    /// ```
    /// let widget = live::Widget::new("export default {}", "", &[("value", "1")]);
    /// let (tell, told) = std::sync::mpsc::channel();
    /// widget.on_change("value", move |widget| tell.send(widget.get("value")).map_err(|error| error.to_string()));
    /// widget.change("value", "2");
    /// assert_eq!(told.recv().unwrap().as_deref(), Some("2"));
    /// ```
    pub fn change(&self, key: &str, json: &str) {
        self.set(key, json);
        let mut state = locked(&self.shared.state);
        state.add(Event::Changed(key.to_string()));
        self.shared.news.notify_all();
    }

    /// Whether the page and this program are still connected.
    pub fn is_open(&self) -> bool {
        locked(&self.shared.connection).is_some()
    }

    /// Ends the widget: in the page its still remains, and its handlers are dropped.
    pub fn close(&self) {
        let mut connection = locked(&self.shared.connection);
        if let Some(mut stream) = connection.take() {
            let _ = comms::write(&mut stream, "{\"op\":\"close\"}", &[]);
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(connection);
        self.end();
    }

    // ---- to the kernel ----

    fn put(&self, key: &str, value: Value) {
        let (state, buffers) = match &value {
            Value::Json(json) => (vec![(key.to_string(), json.clone())], vec![]),
            Value::Bytes(bytes) => (vec![], vec![(key.to_string(), bytes.clone())]),
        };
        let size: usize = state
            .iter()
            .map(|(_, json)| json.len())
            .chain(buffers.iter().map(|(_, bytes)| bytes.len()))
            .sum();
        if let Err(why) = comms::fits(key.len() + size + HEAD) {
            return self.fail(&format!("`{key}`: {why}"));
        }
        let mut connection = locked(&self.shared.connection);
        let number = {
            let mut own = locked(&self.shared.state);
            own.sent += 1;
            let number = own.sent;
            own.last.insert(key.to_string(), number);
            own.values.insert(key.to_string(), value);
            number
        };
        let json = comms::with_state(&format!("\"op\":\"set\",\"number\":{number}"), &state, &buffers);
        let sent = self.write(&mut connection, &json, &comms::bytes_of(&buffers));
        drop(connection);
        self.look_at(sent);
    }

    /// Sends a frame, if there is anybody. The answer is what the user has to be told.
    fn write(&self, connection: &mut Option<UnixStream>, json: &str, buffers: &[&[u8]]) -> Option<String> {
        let error = comms::write(connection.as_mut()?, json, buffers).err()?;
        if error.kind() == ErrorKind::InvalidInput {
            return Some(error.to_string());
        }
        // Half a frame may have left: what would follow could not be understood.
        if let Some(stream) = connection.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        None
    }

    fn look_at(&self, sent: Option<String>) {
        if let Some(why) = sent {
            self.fail(&why);
        }
    }

    /// Shows an error in the widget; in programs without a page, on the standard error.
    fn fail(&self, why: &str) {
        let why: String = why.chars().take(LONGEST_ERROR).collect();
        if !self.is_open() {
            eprintln!("A widget has failed: {why}");
        }
        locked(&self.shared.state).failed = true;
        self.put("error", Value::Json(json::string(&why)));
    }

    // ---- from the kernel ----

    /// Takes what the page does, until the connection's end.
    fn listen(&self, mut stream: UnixStream) {
        while let Ok(frame) = comms::read(&mut stream) {
            if let Err(why) = self.take(frame) {
                eprintln!("A widget has got a message that it cannot read: {why}");
            }
        }
        locked(&self.shared.connection).take();
        self.end();
    }

    fn take(&self, frame: comms::Frame) -> Result<(), String> {
        let fields: HashMap<String, &str> = json::members(&frame.json)?.into_iter().collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        let mut state = locked(&self.shared.state);
        match json::unquoted(field("op")).as_str() {
            "set" => {
                let seen: u64 = field("seen").parse().unwrap_or(0);
                let values = json::members(field("state"))?.into_iter();
                let values = values.map(|(key, json)| (key, Value::Json(json.to_string())));
                let buffers = json::strings(field("buffers"))?.into_iter().zip(frame.buffers);
                let changed = values.chain(buffers.map(|(key, bytes)| (key, Value::Bytes(bytes))));
                for (key, value) in changed.collect::<Vec<_>>() {
                    if state.last.get(&key).is_none_or(|&number| number <= seen) {
                        state.values.insert(key.clone(), value);
                        state.add(Event::Changed(key));
                    }
                }
            }
            "message" => state.add(Event::Message(field("content").to_string(), frame.buffers)),
            _ => {}
        }
        self.shared.news.notify_all();
        Ok(())
    }

    // ---- the handlers' thread ----

    fn add(&self, handler: Handler) {
        let mut state = locked(&self.shared.state);
        if state.is_closed {
            return;
        }
        state.handlers.push(handler);
        self.shared.news.notify_all();
        if !std::mem::replace(&mut state.has_thread, true) {
            drop(state);
            let handling = self.clone();
            self.spawn("widget", move || handling.handle());
        }
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) {
        if let Err(error) = thread::Builder::new().name(name.to_string()).spawn(work) {
            self.fail(&format!("the widget has no thread: {error}"));
        }
    }

    /// Calls handlers until the widget is closed.
    fn handle(&self) {
        let mut handlers: Vec<Handler> = Vec::new();
        loop {
            let event = {
                let mut state = locked(&self.shared.state);
                loop {
                    handlers.append(&mut state.handlers);
                    if state.is_closed {
                        return;
                    }
                    if let Some(event) = state.events.pop_front() {
                        break event;
                    }
                    state = self.shared.news.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            };
            for handler in &mut handlers {
                self.call(handler, &event);
            }
        }
    }

    fn call(&self, handler: &mut Handler, event: &Event) {
        let result = match (handler, event) {
            (Handler::Change(of, handler), Event::Changed(key)) if of == key => {
                catch_unwind(AssertUnwindSafe(|| handler(self)))
            }
            (Handler::Message(handler), Event::Message(json, buffers)) => {
                catch_unwind(AssertUnwindSafe(|| handler(self, json, buffers.clone())))
            }
            _ => return,
        };
        match result {
            Ok(Ok(())) => {
                if std::mem::take(&mut locked(&self.shared.state).failed) {
                    self.put("error", Value::Json("null".to_string()));
                }
            }
            Ok(Err(why)) => self.fail(&why),
            Err(panic) => self.fail(&format!("panicked: {}", message(panic.as_ref()))),
        }
    }

    /// From now on nothing comes, and no handler is called.
    fn end(&self) {
        let mut state = locked(&self.shared.state);
        state.is_closed = true;
        state.events.clear();
        let dropped = std::mem::take(&mut state.handlers);
        self.shared.news.notify_all();
        drop(state);
        drop(dropped);
    }
}

impl State {
    /// A change stands for all of its key; of messages, the last are kept, and of those not more than a frame may have.
    fn add(&mut self, event: Event) {
        if matches!(event, Event::Changed(_)) && self.events.contains(&event) {
            return;
        }
        self.events.push_back(event);
        let size = |event: &Event| match event {
            Event::Changed(_) => 0,
            Event::Message(json, buffers) => json.len() + buffers.iter().map(Vec::len).sum::<usize>(),
        };
        let is_message = |event: &Event| matches!(event, Event::Message(..));
        let (mut count, mut bytes) = (
            self.events.iter().filter(|event| is_message(event)).count(),
            self.events.iter().map(size).sum::<usize>(),
        );
        while count > 1 && (count > MOST_MESSAGES || bytes > comms::LARGEST) {
            let Some(oldest) = self.events.iter().position(is_message) else { return };
            bytes -= self.events.remove(oldest).as_ref().map_or(0, size);
            count -= 1;
        }
    }
}

/// What anywidget makes the widget from. Those with the same id share one style.
fn page(esm: &str, css: &str) -> [(String, String); 3] {
    let mut hasher = DefaultHasher::new();
    css.hash(&mut hasher);
    let id = format!("live-{:x}", hasher.finish());
    let module = PAGE.replacen("SOURCE", &json::string(esm), 1);
    [("_esm", module.as_str()), ("_css", css), ("_anywidget_id", &id)]
        .map(|(key, text)| (key.to_string(), json::string(text)))
}

fn not_json(key: &str, why: &str) -> String {
    format!("the value for `{key}` is not JSON: {why}. Texts need quotes: live::json_string makes them.")
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or(panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Widget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.debug_struct("Widget").field("id", &self.shared.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! What waits to be told about one widget: the newest values, and messages, never more than a certain amount.

use bytes::Bytes;
use jupyter_protocol::messaging::Header;
use serde_json::Value as Json;
use std::collections::VecDeque;

use super::sockets::LARGEST;
use super::values::{size, Value, Values};

/// So many messages wait at most; older ones are dropped.
const MOST_MESSAGES: usize = 1000;

/// Something to be told.
pub enum Item {
    /// New values.
    Update(Values),
    /// Values that a client has changed, with the header of its message: all clients are told, and it knows its own.
    Echo(Box<Header>, Values),
    /// A message.
    Message(Json, Vec<Bytes>),
}

/// What waits, in its order.
#[derive(Default)]
pub struct Queue {
    items: VecDeque<Item>,
    /// The sizes of the messages among them, and their sum, in bytes.
    sizes: VecDeque<usize>,
    bytes: usize,
}

impl Queue {
    /// Adds new values, in the place of older ones of their keys.
    pub fn update(&mut self, values: Values) {
        self.forget(&values);
        match self.items.back_mut() {
            Some(Item::Update(last)) => last.extend(values),
            _ => self.items.push_back(Item::Update(values)),
        }
    }

    /// Puts back values that are to come before all others.
    pub fn update_first(&mut self, values: Values) {
        if !values.is_empty() {
            self.items.push_front(Item::Update(values));
        }
    }

    /// Adds what a client has changed, in the place of what it had before. What another client has changed stays: each waits
    /// for the word about its own.
    pub fn echo(&mut self, header: &Header, values: Values) {
        for item in &mut self.items {
            if let Item::Echo(of, older) = item {
                if of.session == header.session {
                    older.retain(|key, _| !values.contains_key(key));
                }
            }
        }
        self.remove_empty();
        self.items.push_back(Item::Echo(Box::new(header.clone()), values));
    }

    /// Adds a message; the oldest are dropped when there are too many.
    pub fn message(&mut self, content: Json, buffers: Vec<Bytes>) {
        let item = Item::Message(content, buffers);
        self.sizes.push_back(item.size());
        self.bytes += item.size();
        self.items.push_back(item);
        while self.sizes.len() > MOST_MESSAGES || (self.bytes > LARGEST && self.sizes.len() > 1) {
            let oldest = self.items.iter().position(|item| matches!(item, Item::Message(..)));
            oldest.and_then(|at| self.items.remove(at));
            self.bytes -= self.sizes.pop_front().unwrap_or(0);
        }
    }

    /// Takes back new values of these keys: there are newer ones, which the other side knows.
    pub fn forget(&mut self, newer: &Values) {
        for item in &mut self.items {
            if let Item::Update(older) = item {
                older.retain(|key, _| !newer.contains_key(key));
            }
        }
        self.remove_empty();
    }

    fn remove_empty(&mut self) {
        self.items.retain(|item| match item {
            Item::Update(values) | Item::Echo(_, values) => !values.is_empty(),
            Item::Message(..) => true,
        });
    }

    /// What comes next.
    pub fn take(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        if matches!(item, Item::Message(..)) {
            self.bytes -= self.sizes.pop_front().unwrap_or(0);
        }
        Some(item)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl Item {
    /// About how large it is, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Item::Update(values) | Item::Echo(_, values) => size(values),
            Item::Message(content, buffers) => {
                text_size(content) + buffers.iter().map(Bytes::len).sum::<usize>()
            }
        }
    }
}

fn text_size(json: &Json) -> usize {
    size(&Values::from([(String::new(), Value::Json(json.clone()))]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::messaging::{JupyterMessage, Status};
    use serde_json::json;

    fn values(pairs: &[(&str, i32)]) -> Values {
        pairs.iter().map(|(key, value)| (key.to_string(), Value::Json(json!(value)))).collect()
    }

    fn header(session: &str) -> Header {
        JupyterMessage::from(Status::idle()).with_session(session).header
    }

    /// All that waits: of an echo the number of its message, of a message the content.
    fn all(queue: &mut Queue) -> Vec<(String, Values)> {
        let plain = |item| match item {
            Item::Update(values) => ("update".to_string(), values),
            Item::Echo(header, values) => (header.msg_id, values),
            Item::Message(content, _) => (content.to_string(), Values::new()),
        };
        std::iter::from_fn(|| queue.take()).map(plain).collect()
    }

    fn update(pairs: &[(&str, i32)]) -> (String, Values) {
        ("update".to_string(), values(pairs))
    }

    #[test]
    fn the_newest_of_a_thousand_values_is_told() {
        let mut queue = Queue::default();
        (0..1000).for_each(|number| queue.update(values(&[("a", number)])));
        queue.update(values(&[("b", 1)]));
        assert_eq!(all(&mut queue), [update(&[("a", 999), ("b", 1)])]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_value_that_comes_after_a_message_is_told_after_it() {
        let mut queue = Queue::default();
        queue.update(values(&[("a", 1), ("b", 1)]));
        queue.message(json!("m"), vec![]);
        queue.update(values(&[("a", 2)]));
        let message = ("\"m\"".to_string(), Values::new());
        assert_eq!(all(&mut queue), [update(&[("b", 1)]), message, update(&[("a", 2)])]);
    }

    #[test]
    fn each_client_gets_the_last_echo_of_each_value() {
        let mut queue = Queue::default();
        let (first, second, other) = (header("one"), header("one"), header("two"));
        queue.echo(&first, values(&[("a", 1), ("b", 1)]));
        queue.echo(&other, values(&[("a", 5)]));
        queue.echo(&second, values(&[("a", 2)]));
        let expected = [
            (first.msg_id, values(&[("b", 1)])),
            (other.msg_id, values(&[("a", 5)])),
            (second.msg_id, values(&[("a", 2)])),
        ];
        assert_eq!(all(&mut queue), expected);
    }

    #[test]
    fn messages_do_not_pile_up() {
        let mut queue = Queue::default();
        (0..1500).for_each(|number| queue.message(json!(number), vec![]));
        let left = all(&mut queue);
        assert_eq!((left.len(), &left[0]), (1000, &("500".to_string(), Values::new())));
        let large = Bytes::from(vec![0; LARGEST / 3 + 1]);
        (0..5).for_each(|number| queue.message(json!(number), vec![large.clone()]));
        assert_eq!(all(&mut queue).len(), 2);
    }
}

//! Reading messages so that nothing in them is lost or refused.

use anyhow::{anyhow, Result};
use jupyter_protocol::messaging::{Header, JupyterMessage, JupyterMessageContent, UnknownMessage};
use jupyter_zmq_client::{Connection, RawMessage};
use serde_json::{json, Value};
use zeromq::SocketRecv;

/// The next message of a socket that is whole and rightly signed; others are dropped, with a word in the log.
///
/// # Errors
/// If the socket itself is at its end.
pub async fn read<S: SocketRecv>(connection: &mut Connection<S>) -> Result<JupyterMessage> {
    loop {
        let parts = connection.socket.recv().await?;
        let message = RawMessage::from_multipart(parts, &connection.mac)
            .map_err(|error| anyhow!("{error}"))
            .and_then(|raw| parse(raw).map_err(|error| anyhow!("{error}")));
        match message {
            Ok(message) => return Ok(message),
            Err(error) => eprintln!("live-kernel: a message was dropped: {error}"),
        }
    }
}

/// As `Connection::read`, but a content that its own type does not describe is kept as it is.
fn parse(raw: RawMessage) -> serde_json::Result<JupyterMessage> {
    let header: Header = serde_json::from_slice(&raw.jparts[0])?;
    let content: Value = serde_json::from_slice(&raw.jparts[3])?;
    let msg_type = header.msg_type.clone();
    let known =
        JupyterMessageContent::from_type_and_content(&msg_type, with_defaults(&msg_type, content.clone()));
    let unknown = |_| JupyterMessageContent::UnknownMessage(UnknownMessage { msg_type, content });
    Ok(JupyterMessage {
        zmq_identities: raw.zmq_identities,
        header,
        parent_header: serde_json::from_slice(&raw.jparts[1]).ok(),
        metadata: serde_json::from_slice(&raw.jparts[2])?,
        content: known.unwrap_or_else(unknown),
        buffers: raw.jparts[4..].to_vec(),
        channel: None,
    })
}

/// Adds what clients may leave out of a request, though its type wants it.
/// Source: Jupyter's messaging protocol, and what its own clients send.
fn with_defaults(msg_type: &str, content: Value) -> Value {
    let defaults = match msg_type {
        "execute_request" => json!({"silent": false, "store_history": true}),
        "history_request" => {
            json!({"output": false, "raw": true, "start": 0, "stop": 0, "pattern": "*", "unique": false, "n": 0})
        }
        "shutdown_request" => json!({"restart": false}),
        "comm_open" | "comm_msg" | "comm_close" => json!({"data": {}}),
        _ => json!({}),
    };
    match (defaults, content) {
        (Value::Object(mut all), Value::Object(given)) => {
            all.extend(given);
            Value::Object(all)
        }
        (_, content) => content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::messaging::{HistoryRequest, JupyterMessageContent as Content};

    #[test]
    fn requests_may_leave_out_what_has_a_default() {
        let read = |msg_type: &str, content: Value| {
            Content::from_type_and_content(msg_type, with_defaults(msg_type, content)).expect("a request")
        };
        let search = json!({"hist_access_type": "search", "pattern": "a*", "n": 3});
        match read("history_request", search) {
            Content::HistoryRequest(HistoryRequest::Search { pattern, unique: false, n: 3, .. }) => {
                assert_eq!(pattern, "a*");
            }
            other => panic!("{other:?}"),
        }
        match read("execute_request", json!({"code": "1", "silent": true})) {
            Content::ExecuteRequest(asked) => {
                assert!(asked.silent && asked.store_history && asked.stop_on_error)
            }
            other => panic!("{other:?}"),
        }
        assert!(
            matches!(read("shutdown_request", json!({})), Content::ShutdownRequest(asked) if !asked.restart)
        );
    }
}

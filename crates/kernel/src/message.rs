//! Reading messages so that nothing in them is lost or refused.

use anyhow::{anyhow, Result};
use jupyter_protocol::messaging::{Header, JupyterMessage, JupyterMessageContent, UnknownMessage};
use jupyter_zmq_client::{Connection, RawMessage};
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
    let content: serde_json::Value = serde_json::from_slice(&raw.jparts[3])?;
    let msg_type = header.msg_type.clone();
    let known = JupyterMessageContent::from_type_and_content(&msg_type, content.clone());
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

/// The id of the request that a message answers.
pub fn parent_id(message: &JupyterMessage) -> Option<&str> {
    message.parent_header.as_ref().map(|header| header.msg_id.as_str())
}

/// A message that says what `message` says, as an answer to `parent`, to whoever sent that.
pub fn passed_on(message: JupyterMessage, parent: &JupyterMessage) -> JupyterMessage {
    JupyterMessage::new(message.content, Some(parent))
        .with_metadata(message.metadata)
        .with_buffers(message.buffers)
}

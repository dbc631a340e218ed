//! The five sockets that Jupyter talks to.

use anyhow::{ensure, Context, Result};
use jupyter_protocol::connection_info::ConnectionInfo;
use jupyter_protocol::messaging::{Channel, IoPubWelcome, JupyterMessage};
use jupyter_zmq_client as zmq;
use jupyter_zmq_client::{RouterRecvConnection, RouterSendConnection, SubscriptionEvent};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::{channel, unbounded_channel, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use crate::event::Event;
use crate::message::read;

/// A client that takes no message for so long does not get it.
const SLOWEST_CLIENT: Duration = Duration::from_secs(10);
/// After that a message is waited for only so long, until one is taken again: all clients of a socket wait for the slowest.
const IMPATIENT: Duration = Duration::from_millis(100);
/// So many messages about widgets wait at most to be sent.
const ROOM: usize = 4;
/// A rest after something on the heartbeat's socket that is none.
const AFTER_GARBAGE: Duration = Duration::from_millis(10);

/// Ways out to Jupyter; what arrives becomes an [`Event`].
pub struct Client {
    /// Replies to requests.
    pub shell: UnboundedSender<JupyterMessage>,
    /// Replies to requests on the control channel, which are answered also while a cell runs.
    pub control: UnboundedSender<JupyterMessage>,
    /// Requests for input.
    pub stdin: UnboundedSender<JupyterMessage>,
    /// What everybody may see: output and status.
    pub iopub: UnboundedSender<JupyterMessage>,
    /// News of widgets, when there is nothing else to be seen. There is little room: newer news takes the place of what waits.
    pub widgets: Sender<JupyterMessage>,
}

/// Reads the file that Jupyter gives to a kernel.
///
/// # Errors
/// If it cannot be read, or is none.
pub fn read_connection_file(path: &Path) -> Result<ConnectionInfo> {
    let advice =
        "it should be the connection file that Jupyter makes when it starts a kernel; start the kernel from \
                  Jupyter, or see `jupyter kernelspec list`";
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the connection file {} cannot be read; {advice}", path.display()))?;
    let connection: ConnectionInfo = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a connection file; {advice}", path.display()))?;
    let scheme = &connection.signature_scheme;
    ensure!(
        scheme == "hmac-sha256",
        "{} asks for signatures with {scheme}, and only hmac-sha256 is known",
        path.display()
    );
    Ok(connection)
}

impl Client {
    /// Opens the sockets.
    ///
    /// # Errors
    /// If one of them is in use.
    pub async fn open(
        info: &ConnectionInfo,
        session: &str,
        events: &UnboundedSender<Event>,
    ) -> Result<Client> {
        let bound = |name: &str| format!("the {name} socket of the connection file could not be opened");
        let mut heartbeat =
            zmq::create_kernel_heartbeat_connection(info).await.with_context(|| bound("heartbeat"))?;
        tokio::spawn(async move {
            loop {
                // What is no heartbeat must not end the answers to those that are.
                if heartbeat.single_heartbeat().await.is_err() {
                    sleep(AFTER_GARBAGE).await;
                }
            }
        });

        let shell =
            zmq::create_kernel_shell_connection(info, session).await.with_context(|| bound("shell"))?;
        let control =
            zmq::create_kernel_control_connection(info, session).await.with_context(|| bound("control"))?;
        let stdin =
            zmq::create_kernel_stdin_connection(info, session).await.with_context(|| bound("stdin"))?;
        let iopub =
            zmq::create_kernel_iopub_xpub_connection(info, session).await.with_context(|| bound("iopub"))?;
        let (iopub_sender, iopub_receiver) = unbounded_channel();
        let (widgets, news) = channel(ROOM);
        tokio::spawn(publish(iopub, iopub_receiver, news));
        Ok(Client {
            shell: serve(shell.split(), Channel::Shell, events.clone()),
            control: serve(control.split(), Channel::Control, events.clone()),
            stdin: serve(stdin.split(), Channel::Stdin, events.clone()),
            iopub: iopub_sender,
            widgets,
        })
    }
}

/// Makes events of what arrives, and sends what it is given.
fn serve(
    (mut sending, mut receiving): (RouterSendConnection, RouterRecvConnection),
    channel: Channel,
    events: UnboundedSender<Event>,
) -> UnboundedSender<JupyterMessage> {
    let (sender, mut receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok(message) = read(&mut receiving).await {
            if events.send(Event::Client(channel.clone(), Box::new(message))).is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        let mut limit = SLOWEST_CLIENT;
        while let Some(message) = receiver.recv().await {
            // Errors mean that this client is gone; others may be there.
            limit = next_limit(timeout(limit, sending.send(message)).await);
        }
    });
    sender
}

/// Sends to all subscribers, and welcomes new ones, who then know that they miss nothing.
/// Source: Jupyter enhancement proposal 65.
async fn publish(
    mut iopub: zmq::KernelIoPubXPubConnection,
    mut messages: UnboundedReceiver<JupyterMessage>,
    mut news: Receiver<JupyterMessage>,
) {
    let mut limit = SLOWEST_CLIENT;
    loop {
        tokio::select! {
            biased;
            message = messages.recv() => {
                let Some(message) = message else { return };
                limit = next_limit(timeout(limit, iopub.send(message)).await);
            }
            Some(message) = news.recv() => {
                limit = next_limit(timeout(limit, iopub.send(message)).await);
            }
            subscription = iopub.recv_subscription() => {
                if let Ok(SubscriptionEvent::Subscribe(topic)) = subscription {
                    limit = next_limit(timeout(limit, iopub.send(IoPubWelcome::new(topic).into())).await);
                }
            }
        }
    }
}

/// How long the next message may take, after what became of this one.
fn next_limit<T>(sent: Result<T, Elapsed>) -> Duration {
    if sent.is_ok() {
        SLOWEST_CLIENT
    } else {
        IMPATIENT
    }
}

//! What the kernel says of itself.

use jupyter_protocol::messaging::UnknownMessage;
use serde_json::{json, Value};
use std::process::Command;
use std::sync::LazyLock;

/// The protocol that is spoken: 5.5 has `supported_features`, an empty list here: no debugger, no subshells.
/// Source: Jupyter enhancement proposals 91 and 92.
pub const PROTOCOL: &str = "5.5";

/// What the language is called whose cells these are, as its version: evcxr compiles them as this edition. Clients write it into
/// each notebook that they open, where the compiler's own version would be another on every machine.
const EDITION: &str = "2024";

/// The compiler's version, such as `1.95.0`; empty if there is none.
static RUST: LazyLock<String> = LazyLock::new(|| {
    let said = Command::new("rustc").arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    version(&said).to_string()
});

/// Asks the compiler for its version meanwhile, so that no client has to wait for it.
pub fn prepare() {
    std::thread::spawn(|| LazyLock::force(&RUST));
}

fn version(said: &str) -> &str {
    said.strip_prefix("rustc ").and_then(|rest| rest.split_whitespace().next()).unwrap_or_default()
}

/// The reply to a request for kernel info, of whichever channel. jupyter-protocol's own type has no field for the features.
/// Source: "Kernel info" in Jupyter's messaging protocol.
pub fn kernel_info() -> UnknownMessage {
    UnknownMessage { msg_type: "kernel_info_reply".to_string(), content: content(&RUST) }
}

fn content(rust: &str) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let link = |text: &str, url: &str| json!({"text": text, "url": url});
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL,
        "implementation": "live-kernel",
        "implementation_version": version,
        "banner": format!("Rust {rust} in evcxr, with live displays (live-kernel {version}). :help lists its commands."),
        "language_info": {
            "name": "rust",
            "version": EDITION,
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
        },
        "help_links": [
            link("The Rust book", "https://doc.rust-lang.org/book/"),
            link("Rust's standard library", "https://doc.rust-lang.org/std/"),
            link("evcxr", "https://github.com/evcxr/evcxr"),
        ],
        "debugger": false,
        "supported_features": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::messaging::KernelInfoReply;

    #[test]
    fn the_compilers_version_is_read() {
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)\n"), "1.95.0");
        assert_eq!(version("rustc 1.97.0-nightly (abc 2026-06-01)"), "1.97.0-nightly");
        assert_eq!(version("no such thing"), "");
    }

    #[test]
    fn clients_understand_it() {
        let reply: KernelInfoReply = serde_json::from_value(content("1.95.0")).unwrap();
        assert_eq!(
            (reply.language_info.name.as_str(), reply.language_info.version.as_str()),
            ("rust", "2024")
        );
        assert!(reply.banner.starts_with("Rust 1.95.0 in evcxr"), "{}", reply.banner);
        assert_eq!(content("")["supported_features"], json!([]));
    }
}

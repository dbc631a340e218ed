//! What the kernel says of itself.

use jupyter_protocol::messaging::{CodeMirrorMode, HelpLink, KernelInfoReply, LanguageInfo, ReplyStatus};

/// Source: "Kernel info" in Jupyter's messaging protocol.
pub fn kernel_info() -> KernelInfoReply {
    let version = env!("CARGO_PKG_VERSION").to_string();
    let link = |text: &str, url: &str| HelpLink { text: text.to_string(), url: url.to_string() };
    KernelInfoReply {
        status: ReplyStatus::Ok,
        protocol_version: "5.4".to_string(),
        implementation: "live-kernel".to_string(),
        banner: format!(
            "Rust in evcxr, with live displays (live-kernel {version}). :help lists its commands."
        ),
        implementation_version: version,
        language_info: LanguageInfo {
            name: "Rust".to_string(),
            version: String::new(),
            mimetype: Some("text/rust".to_string()),
            file_extension: Some(".rs".to_string()),
            pygments_lexer: Some("rust".to_string()),
            codemirror_mode: Some(CodeMirrorMode::Simple("rust".to_string())),
            nbconvert_exporter: None,
        },
        help_links: vec![
            link("The Rust book", "https://doc.rust-lang.org/book/"),
            link("Rust's standard library", "https://doc.rust-lang.org/std/"),
            link("evcxr", "https://github.com/evcxr/evcxr"),
        ],
        debugger: false,
        error: None,
    }
}

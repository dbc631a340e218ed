//! A line in the cell that says which crates are being compiled, where stock evcxr is silent for minutes.

use jupyter_protocol::messaging::{
    DisplayData, JupyterMessage, JupyterMessageContent as Content, MediaType, Transient, UpdateDisplayData,
};
use std::time::Instant;

/// The crates that evcxr has compiled during one cell.
pub struct Compiling {
    id: String,
    crates: usize,
    begin: Instant,
}

impl Compiling {
    /// Shows the first crate.
    pub fn begin(name: &str) -> (Compiling, Content) {
        let id = JupyterMessage::from(DisplayData::default()).header.msg_id;
        let mut display = DisplayData::from(line(&format!("compiling {name} …")));
        display.transient = Some(Transient { display_id: Some(id.clone()) });
        (Compiling { id, crates: 1, begin: Instant::now() }, display.into())
    }

    /// Shows another crate.
    pub fn next(&mut self, name: &str) -> Content {
        self.crates += 1;
        self.update(&format!("compiling {name} …  ({} crates before it)", self.crates - 1))
    }

    /// Shows that all is compiled.
    pub fn end(&self) -> Content {
        let crates = if self.crates == 1 { "1 crate".to_string() } else { format!("{} crates", self.crates) };
        self.update(&format!("compiled {crates} in {:.0} s", self.begin.elapsed().as_secs_f64()))
    }

    fn update(&self, text: &str) -> Content {
        UpdateDisplayData::new(vec![line(text)].into(), &self.id).into()
    }
}

fn line(text: &str) -> MediaType {
    MediaType::Plain(text.to_string())
}

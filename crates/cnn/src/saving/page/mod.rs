//! A page of HTML that holds a model and runs it: in any browser, from a file, without a server and without a network.
//!
//! - `steps` turns the layers into the steps that `network.js` computes; `subject` says what the page is about.
//! - In the browser, `start.js` has the pieces work together. The paper and the preparation of a drawing are those of the room
//!   `browser/`, which has the bars, too; `photograph.js` prepares a photograph, as `preprocessing/digit` does, `picture.js` reads files,
//!   and `answer.js` shows what comes of it.

mod steps;
mod subject;

use anyhow::{ensure, Result};
use base64::{engine::general_purpose::STANDARD, Engine};
use serde_json::json;
use sha2::{Digest, Sha256};

use self::steps::steps;
use self::subject::Kind;
pub(crate) use self::subject::Subject;
use crate::browser::{BARS, PAPER};
use crate::engine::error::Context;
use crate::engine::text::thousands;
use crate::show::html::escape;
use crate::show::item::{show, Item};
use crate::Sequential;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// In this order, with the last one starting the page.
const SCRIPTS: [&str; 7] = [
    include_str!("network.js"),
    PAPER,
    include_str!("photograph.js"),
    include_str!("picture.js"),
    BARS,
    include_str!("answer.js"),
    include_str!("start.js"),
];
/// Browsers open no larger files: their longest text has half a billion letters, and phones have less memory.
const MOST_WEIGHTS: usize = 64 << 20;
/// Of the frame in a notebook, in pixels.
const HEIGHT: u32 = 760;

/// The bytes of a page with the model.
pub(super) fn write_page(model: &Sequential) -> Result<Vec<u8>> {
    Ok(page(model)?.into_bytes())
}

impl Sequential {
    /// Shows, as output of the cell, the page that [`save`](Self::save) writes to a name with `.html`: one draws on it, and the
    /// model answers in the browser. The notebook then holds the page with its weights, 4 bytes in base64 for each: 3.7 MB for the
    /// course's model. Where only text can be shown, a line tells how to write the page to a file.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// course::model(1)?.show_page()?;
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`save`](Self::save) has for such a name.
    pub fn show_page(&self) -> Result<()> {
        let page = page(self).context("the page cannot be shown")?;
        // A frame of its own: the page can reach nothing of the notebook, nor the notebook's style the page.
        let html = format!(
            "<iframe title=\"The model as a page\" sandbox=\"allow-scripts\" \
             style=\"width:100%;height:{HEIGHT}px;border:0\" srcdoc=\"{}\"></iframe>",
            escape(&page)
        );
        let text = "A page with the model, which a notebook in a browser shows; model.save(\"model.html\") writes it to a file.";
        show(Item::Html { html, text: text.to_string() });
        Ok(())
    }
}

fn page(model: &Sequential) -> Result<String> {
    let count = model.count_params();
    ensure!(
        count <= MOST_WEIGHTS as i64,
        "the model has {} parameters, and browsers open no page with more than {}; save it as .onnx for a server",
        thousands(count),
        thousands(MOST_WEIGHTS as i64)
    );
    let (subject, network) = (Subject::of(model)?, steps(model)?);
    if let Some(range) =
        model.scale.trained_on.filter(|range| !range.begins_at_0() && subject.kind != Kind::Numbers)
    {
        println!(
            "The page gives the model images from 0 to 1, and it was trained on images {range}: put what made these into its first \
             layer, Rescaling or Normalization."
        );
    }
    let in_script = json!({
        "kind": subject.kind.name(),
        "classes": subject.classes,
        "ending": subject.ending.name(),
        "scale": subject.scale,
        "invitation": subject.invitation(),
        "steps": network.steps,
    });
    let script = SCRIPTS.concat();
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    Ok(filled(PAGE, |name| match name {
        "title" => escape(subject.title()),
        "explanation" => escape(&subject.explanation(model)),
        "kind" => subject.kind.inputs().to_string(),
        "numbers-wanted" => escape(&subject.numbers_wanted(model)),
        "seen" => escape(&subject.seen(model)),
        "summary" => escape(&model.summary().to_string()),
        "notes" => escape(&subject.notes(model)),
        "style" => STYLE.to_string(),
        "script" => script.clone(),
        "style-hash" => hash(STYLE),
        "script-hash" => hash(&script),
        // Within a script element no text may look like its end.
        "network" => in_script.to_string().replace('<', "\\u003c"),
        "weights" => STANDARD.encode(&network.weights),
        other => unreachable!("page.html has no {other}"),
    }))
}

/// The template with what `of` gives for each `{{name}}` in it; what is filled in is not looked at again.
fn filled(template: &str, of: impl Fn(&str) -> String) -> String {
    let mut pieces = template.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("every name in page.html ends");
        page += &of(name);
        page += rest;
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Activation, Conv2D, Dense, Flatten, Layer, Rescaling};
    use crate::model::SequentialBuilder;
    use serde_json::Value;
    use std::path::PathBuf;
    use tch::Tensor;

    /// A folder of its own for a test, gone at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("cnn-page-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[derive(Debug)]
    struct Negative;

    impl Layer for Negative {
        fn class_name(&self) -> &'static str {
            "Negative"
        }

        fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
            Ok(input.to_vec())
        }

        fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
            1.0 - x
        }
    }

    fn classifier(shape: [i64; 3]) -> Sequential {
        let flat = Sequential::input(shape).add(Flatten);
        flat.add(Dense::new(2).activation(Activation::Softmax)).seed(1).build().unwrap()
    }

    /// What stands between the only two places of these.
    fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
        let (_, rest) = text.split_once(begin).unwrap();
        let (inside, _) = rest.split_once(end).unwrap();
        assert!(!rest.contains(begin), "{begin} stands there twice");
        inside
    }

    fn in_script(page: &str) -> Value {
        serde_json::from_str(between(page, "id=\"network\">", "</script>")).unwrap()
    }

    #[test]
    fn only_the_pages_own_script_and_style_are_allowed() {
        let page = page(&classifier([1, 28, 28])).unwrap();
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        for (kind, begin, end) in [("script", "<script>", "</script>"), ("style", "<style>", "</style>")] {
            let expected = format!("{kind}-src 'sha256-{}'", hash(between(&page, begin, end)));
            assert!(policy.contains(&expected), "{expected} is not in {policy}");
        }
        // An attribute with a style or a handler would not be looked at, and an address would be asked.
        for refused in [" style=", " onclick=", "http:", "https:", "eval("] {
            assert!(!page.contains(refused), "{refused}");
        }
        assert_eq!(page.matches("</script").count(), 3);
    }

    #[test]
    fn all_weights_are_there_as_they_are() {
        let model = classifier([1, 28, 28]);
        let page = page(&model).unwrap();
        let bytes = STANDARD.decode(between(&page, "id=\"weights\">", "</script>")).unwrap();
        let expected: Vec<u8> = model
            .weights()
            .iter()
            .flat_map(|(_, weight)| crate::engine::slices::to_bytes(weight).unwrap())
            .collect();
        assert!(bytes == expected);
        let dense = &in_script(&page)["steps"][2];
        assert_eq!(dense["weights"], json!({ "kernel": [0, 1568], "bias": [1568, 2] }));
        assert_eq!(
            (&dense["op"], &dense["from"], &dense["shape"]),
            (&json!("dense"), &json!([1]), &json!([2]))
        );
    }

    #[test]
    fn a_users_words_stay_text() {
        let mut model = classifier([3, 8, 8]);
        model.notes.insert("class_names".into(), "</script><b>\n{{weights}}".into());
        model.notes.insert("dataset".into(), "<i>mine</i> {{title}}".into());
        let page = page(&model).unwrap();
        assert_eq!(in_script(&page)["classes"], json!(["</script><b>", "{{weights}}"]));
        assert!(page.contains("trained on &lt;i&gt;mine&lt;/i&gt; {{title}}, says which of 2 classes it is"));
        assert!(!page.contains("<i>") && !page.contains("<b>"));
    }

    #[test]
    fn what_is_given_follows_from_the_model() {
        let subject = |model: &Sequential| Subject::of(model).unwrap();
        let mut model = classifier([1, 28, 28]);
        assert_eq!((subject(&model).kind, subject(&model).scale), (Kind::Drawing, 1.0));
        model.notes.insert("class_names".into(), "a\nb\n".into());
        assert_eq!(
            (subject(&model).kind, subject(&model).title()),
            (Kind::Drawing, "Draw a letter or a digit")
        );
        model.notes.insert("class_names".into(), "Trouser\nCoat".into());
        assert_eq!(subject(&model).kind, Kind::Picture);
        assert_eq!(subject(&classifier([3, 8, 8])).kind, Kind::Picture);
        assert_eq!(subject(&classifier([4, 8, 8])).kind, Kind::Numbers);
        let ends = |builder: SequentialBuilder| subject(&builder.build().unwrap());
        let one = ends(Sequential::input([5]).add(Dense::new(1).activation(Activation::Sigmoid)));
        assert_eq!(
            (one.ending, one.classes),
            (subject::Ending::Sigmoid, vec!["0".to_string(), "1".to_string()])
        );
        let bytes = ends(
            Sequential::input([3, 8, 8]).add(Rescaling::new(1.0 / 255.0)).add(Flatten).add(Dense::new(2)),
        );
        assert_eq!((bytes.ending, bytes.scale), (subject::Ending::Linear, 255.0));
    }

    #[test]
    fn what_cannot_be_written_is_named_and_leaves_an_earlier_file() {
        let folder = Folder::new("refused");
        let path = folder.0.join("model.html");
        let mut names = classifier([1, 28, 28]);
        names.notes.insert("class_names".into(), "a\nb\nc".into());
        let built = |builder: SequentialBuilder| builder.build().unwrap();
        let cases = [
            (
                built(Sequential::input([1, 28, 28]).add(Negative.name("inverted")).add(Flatten)),
                "the layer inverted: it is a Negative, which a page cannot compute; build the model without it",
            ),
            (
                built(Sequential::input([1, 28, 28]).add(Conv2D::new(4, (3, 3)))),
                "the model ends with conv2d and an output of shape [4, 26, 26]",
            ),
            (names, "\"class_names\" has 3 names, and it tells 2 classes apart"),
        ];
        for (model, expected) in &cases {
            let message = format!("{:#}", model.save(&path).unwrap_err());
            assert!(message.contains("the model was not saved") && message.contains(expected), "{message}");
            assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
        }
        classifier([1, 28, 28]).save(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(cases[0].0.save(&path).is_err() && cases[0].0.show_page().is_err());
        assert!(std::fs::read(&path).unwrap() == before);
    }

    #[test]
    fn a_page_is_no_model_to_be_loaded() {
        let folder = Folder::new("loaded");
        let path = folder.0.join("model.html");
        let mut model = classifier([1, 28, 28]);
        model.save(&path).unwrap();
        let message = format!("{:#}", Sequential::load(&path).unwrap_err());
        assert!(
            message.contains("model.html is a page, which is for running a model in a browser"),
            "{message}"
        );
        let message = format!("{:#}", model.load_weights(&path).unwrap_err());
        assert!(message.contains("load the weights of what it was made from"), "{message}");
    }
}

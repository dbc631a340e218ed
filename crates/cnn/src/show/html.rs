//! Pieces of HTML that look the same in tables and all progress displays, in light and dark notebooks.

use super::style::COLOURS;

/// A bar of which this share, 0 to 1, is filled.
pub(crate) fn bar(share: f64) -> String {
    let (percent, colour) = (100.0 * share.clamp(0.0, 1.0), COLOURS[0]);
    format!(
        "<div style=\"max-width:960px;height:8px;margin:4px 0;border-radius:4px;background-color:rgba(128,128,128,0.3)\">\
         <div style=\"width:{percent:.1}%;height:8px;border-radius:4px;background-color:rgb({},{},{})\"></div></div>",
        colour.0, colour.1, colour.2
    )
}

/// 75 seconds as "1 min 15 s".
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Text that HTML and SVG do not take for their own, also within an attribute.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        let seconds = [0.2, 59.4, 59.6, 3599.0, 7384.0, f64::NAN];
        let texts = seconds.map(duration);
        assert_eq!(texts, ["0 s", "59 s", "1 min 00 s", "59 min 59 s", "2 h 03 min", "0 s"]);
    }

    #[test]
    fn text_leaves_neither_its_element_nor_its_attribute() {
        assert_eq!(escape("a\" b='<i>' & 猫"), "a&quot; b=&#39;&lt;i&gt;&#39; &amp; 猫");
    }

    #[test]
    fn a_bar_is_never_wider_than_its_frame() {
        for (share, width) in [(-1.0, "width:0.0%"), (0.25, "width:25.0%"), (2.0, "width:100.0%")] {
            assert!(bar(share).contains(width), "{}", bar(share));
        }
    }
}

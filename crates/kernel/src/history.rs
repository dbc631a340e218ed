//! What has been executed in this kernel, for clients that ask: `jupyter console` reads it for its arrow keys.

use jupyter_protocol::messaging::{HistoryEntry, HistoryReply, HistoryRequest};

/// There is one session, that of this kernel.
const SESSION: usize = 1;

/// The cells in the order in which they were executed, with their execution counts.
#[derive(Default)]
pub struct History {
    entries: Vec<(usize, String)>,
}

impl History {
    /// Keeps a cell.
    pub fn add(&mut self, count: usize, code: &str) {
        self.entries.push((count, code.to_string()));
    }

    /// The entries that a request asks for, oldest first.
    pub fn answer(&self, request: &HistoryRequest) -> HistoryReply {
        let all = self.entries.iter();
        let (found, output): (Vec<_>, bool) = match request {
            HistoryRequest::Tail { n, output, .. } => (last(all.collect(), *n), *output),
            HistoryRequest::Range { start, stop, output, .. } => {
                let wanted = |count: usize| count as i32 >= *start && (*stop <= 0 || (count as i32) < *stop);
                (all.filter(|(count, _)| wanted(*count)).collect(), *output)
            }
            HistoryRequest::Search { pattern, unique, n, output, .. } => {
                let mut found: Vec<_> = all.filter(|(_, code)| matches(pattern, code)).collect();
                if *unique {
                    let seen = |entry: &&(usize, String), later: &[&(usize, String)]| {
                        later.iter().any(|other| other.1 == entry.1)
                    };
                    found = (0..found.len())
                        .filter(|&i| !seen(&found[i], &found[i + 1..]))
                        .map(|i| found[i])
                        .collect();
                }
                (last(found, *n), *output)
            }
        };
        let entry = |(count, code): &(usize, String)| match output {
            true => HistoryEntry::InputOutput(SESSION, *count, (code.clone(), String::new())),
            false => HistoryEntry::Input(SESSION, *count, code.clone()),
        };
        HistoryReply::new(found.into_iter().map(entry).collect())
    }
}

fn last<T>(mut items: Vec<T>, n: i32) -> Vec<T> {
    match usize::try_from(n) {
        Ok(n) if n > 0 => items.split_off(items.len().saturating_sub(n)),
        _ => items,
    }
}

/// Whether a text fits a pattern in which `*` stands for any text and `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let escaped = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    regex::Regex::new(&format!("(?s)^{escaped}$")).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(request: &HistoryRequest) -> Vec<String> {
        let mut history = History::default();
        for (count, code) in [(1, "let a = 1;"), (2, "a"), (3, "let b = 2;"), (4, "a")] {
            history.add(count, code);
        }
        let text = |entry| match entry {
            HistoryEntry::Input(_, count, code) => format!("{count}: {code}"),
            HistoryEntry::InputOutput(_, count, (code, output)) => format!("{count}: {code} → {output:?}"),
        };
        history.answer(request).history.into_iter().map(text).collect()
    }

    #[test]
    fn the_tail_is_the_newest_cells() {
        let tail = |n, output| HistoryRequest::Tail { n, output, raw: true };
        assert_eq!(codes(&tail(2, false)), ["3: let b = 2;", "4: a"]);
        assert_eq!(codes(&tail(1, true)), ["4: a → \"\""]);
        assert_eq!(codes(&tail(100, false)).len(), 4);
    }

    #[test]
    fn a_range_goes_by_execution_counts() {
        let range =
            |start, stop| HistoryRequest::Range { session: None, start, stop, output: false, raw: true };
        assert_eq!(codes(&range(2, 4)), ["2: a", "3: let b = 2;"]);
        assert_eq!(codes(&range(3, 0)), ["3: let b = 2;", "4: a"]);
    }

    #[test]
    fn a_search_knows_wildcards_and_repetitions() {
        let search = |pattern: &str, unique, n| HistoryRequest::Search {
            pattern: pattern.to_string(),
            unique,
            output: false,
            raw: true,
            n,
        };
        assert_eq!(codes(&search("let*", false, 10)), ["1: let a = 1;", "3: let b = 2;"]);
        assert_eq!(codes(&search("?", true, 10)), ["4: a"]);
        assert_eq!(codes(&search("?", false, 10)), ["2: a", "4: a"]);
        assert_eq!(codes(&search("*", false, 1)), ["4: a"]);
        assert!(codes(&search("(", false, 10)).is_empty());
    }
}

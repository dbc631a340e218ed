//! The largest difference of each way that models take.

use std::collections::BTreeMap;

pub struct Table {
    peer: &'static str,
    /// By way: how many models took it, and the largest difference with the model's name.
    ways: BTreeMap<String, (usize, f64, String)>,
}

impl Table {
    pub fn new(peer: &'static str) -> Table {
        Table { peer, ways: BTreeMap::new() }
    }

    pub fn add(&mut self, way: &str, model: &str, difference: f64) {
        let (count, largest, name) = self.ways.entry(way.to_string()).or_insert((0, -1.0, String::new()));
        *count += 1;
        if difference > *largest {
            (*largest, *name) = (difference, model.to_string());
        }
    }

    pub fn print_and_check(&self, most: f64) {
        println!("\n{:<14}{:<32}{:>8}{:>22}", self.peer, "", "models", "largest difference");
        for (way, (count, largest, name)) in &self.ways {
            println!("{:<14}{way:<32}{count:>8}{largest:>22.1e}   {name}", "");
        }
        for (way, (_, largest, name)) in &self.ways {
            assert!(*largest <= most, "{}, {way}: {name} differs by {largest:e}", self.peer);
        }
        assert!(!self.ways.is_empty(), "{} has compared nothing", self.peer);
    }
}

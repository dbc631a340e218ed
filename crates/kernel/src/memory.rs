//! How much memory the cells of a kernel may take, so that one that takes ever more fails before the machine does.

/// The part of the machine's memory that a kernel's cells get.
const SHARE: f64 = 0.75;
const GIB: f64 = (1u64 << 30) as f64;

/// The limit in bytes: the one that was asked for, or a part of what the machine, or the container, has.
pub fn limit(gib: Option<f64>) -> u64 {
    let asked = gib.filter(|gib| *gib > 0.0).map(|gib| (gib * GIB) as u64);
    asked.unwrap_or_else(|| match there_is() {
        Some(bytes) => (bytes as f64 * SHARE) as u64,
        None => u64::MAX,
    })
}

/// In bytes. Source: the manual pages proc_meminfo(5) and cgroups(7); elsewhere than on Linux nothing is known.
fn there_is() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine = total.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024;
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let container = container.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(u64::MAX);
    Some(machine.min(container))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_what_was_asked_for_or_a_part_of_what_there_is() {
        assert_eq!(limit(Some(0.5)), 1 << 29);
        let default = limit(None);
        assert!(default == u64::MAX || (1 << 28..1 << 50).contains(&default), "{default}");
        assert_eq!(limit(Some(-1.0)), default);
    }
}

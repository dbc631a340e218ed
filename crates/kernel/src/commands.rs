//! The lines at the beginning of a cell that are no Rust: `!…` for the shell and `:…` for evcxr.

/// A cell, taken apart.
#[derive(Debug, PartialEq, Default)]
pub struct Commands {
    /// What the shell is to do, in order.
    pub shell: Vec<String>,
    /// What is left for evcxr; the lines keep their numbers.
    pub rest: String,
}

impl Commands {
    /// Commands stand before all Rust, as evcxr has it; comments and empty lines may be between them.
    pub fn of(cell: &str) -> Commands {
        let mut commands = Commands::default();
        let mut is_rust = false;
        for line in cell.split_inclusive('\n') {
            match line.strip_prefix('!') {
                Some(command) if !is_rust => {
                    commands.shell.push(command.trim().to_string());
                    commands.rest.push_str(if line.ends_with('\n') { "\n" } else { "" });
                }
                _ => {
                    let start = line.trim_start();
                    is_rust |= !(start.is_empty() || start.starts_with(':') || line.starts_with("//"));
                    commands.rest.push_str(line);
                }
            }
        }
        commands
    }

    /// A command that evcxr would confirm without effect, and what to do in its place.
    pub fn refusal(&self) -> Option<String> {
        let line =
            self.rest.lines().map(str::trim).find(|line| line.split(' ').next() == Some(":toolchain"))?;
        let wanted = line.trim_start_matches(":toolchain").trim();
        (!wanted.is_empty()).then(|| {
            format!(
                "this notebook's libraries are compiled with one Rust, and its cells with the same; `:toolchain {wanted}` \
                 cannot change that while the kernel runs. Install the other one and make it the default (`rustup default \
                 {wanted}`), then prepare the kernel anew with it, and restart"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_for_the_shell_are_taken_out_and_lines_keep_their_numbers() {
        let commands = Commands::of("!ls -l\n// a comment\n\n! pwd\n:dep a\nlet x = 1;\n!x");
        assert_eq!(commands.shell, ["ls -l", "pwd"]);
        assert_eq!(commands.rest, "\n// a comment\n\n\n:dep a\nlet x = 1;\n!x");
        assert_eq!(Commands::of("!true").rest, "");
        assert_eq!(Commands::of("1 + 1").shell, Vec::<String>::new());
    }

    #[test]
    fn another_toolchain_is_refused() {
        assert!(Commands::of(":toolchain nightly\n1").refusal().unwrap().contains("rustup default nightly"));
        assert_eq!(Commands::of(":toolchain").refusal(), None);
        assert_eq!(Commands::of(":dep toolchain").refusal(), None);
    }
}

//! The lines at the beginning of a cell that are no Rust: `!…` for the shell and `:…` for evcxr.

/// What to say about a cell that cannot be compiled and has commands below Rust.
pub const MISPLACED: &str =
    "→ Lines for the shell (`!…`) and for evcxr (`:…`) stand at the top of a cell, before all Rust.";

/// The kernel's own command: it shows the panel of variables.
const VARIABLES: &str = ":variables";

/// Whether a line is a command of evcxr, or may stand between commands.
pub fn is_before_rust(line: &str) -> bool {
    let start = line.trim_start();
    start.is_empty() || start.starts_with(':') || line.starts_with("//")
}

/// Whether a line below the first ones looks like a command.
pub fn are_misplaced(cell: &str) -> bool {
    let rest = Commands::of(cell).rest;
    let mut lines = rest.lines().skip_while(|line| is_before_rust(line));
    let is_command = |line: &str| {
        let mut characters = line.chars();
        matches!(characters.next(), Some('!' | ':')) && characters.next().is_some_and(char::is_alphabetic)
    };
    lines.any(is_command)
}

/// A cell, taken apart.
#[derive(Debug, PartialEq, Default)]
pub struct Commands {
    /// What the shell is to do, in order.
    pub shell: Vec<String>,
    /// Whether the variables are to be shown.
    pub variables: bool,
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
                _ if line.trim() == VARIABLES && !is_rust => {
                    commands.variables = true;
                    commands.rest.push_str(if line.ends_with('\n') { "\n" } else { "" });
                }
                _ => {
                    is_rust |= !is_before_rust(line);
                    commands.rest.push_str(line);
                }
            }
        }
        commands
    }

    /// A command that evcxr would confirm without effect, or with one that no cell survives, and what to do in its place.
    pub fn refusal(&self) -> Option<String> {
        self.rest.lines().map(str::trim).filter(|line| line.starts_with(':')).find_map(|line| {
            let (command, word) = line.split_once(' ').unwrap_or((line, ""));
            let word = word.trim();
            match command {
                ":toolchain" if !word.is_empty() => Some(format!(
                    "this notebook's libraries are compiled with one Rust, and its cells with the same; `:toolchain {word}` \
                     cannot change that while the kernel runs. Install the other one and make it the default (`rustup default \
                     {word}`), then prepare the kernel anew with it, and restart"
                )),
                ":opt" if !["", "0", "1", "2", "3", "s", "z"].contains(&word) => {
                    Some(format!("`:opt {word}` is no level of optimization; there are 0, 1, 2, 3, s and z"))
                }
                ":time_passes" | ":codegen_backend" if !["", "0", "false", "default"].contains(&word) => Some(format!(
                    "`{line}` needs a nightly Rust, and this kernel compiles with the stable one that it was prepared with"
                )),
                ":linker" if !["", "system", "lld", "mold"].contains(&word) => {
                    Some(format!("`{word}` is no linker that cells can be linked with; there are system, lld and mold"))
                }
                _ => None,
            }
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
    fn the_variables_are_asked_for_above_rust() {
        let commands = Commands::of("// all\n:variables\n:dep a\nlet x = 1;");
        assert!(commands.variables);
        assert_eq!(commands.rest, "// all\n\n:dep a\nlet x = 1;");
        assert!(!Commands::of("1\n:variables").variables && !Commands::of(":variables x").variables);
        assert!(are_misplaced("1\n:variables"));
    }

    #[test]
    fn another_toolchain_is_refused() {
        assert!(Commands::of(":toolchain nightly\n1").refusal().unwrap().contains("rustup default nightly"));
        assert_eq!(Commands::of(":toolchain").refusal(), None);
        assert_eq!(Commands::of(":dep toolchain").refusal(), None);
        for (line, word) in [(":opt foo", "0, 1, 2"), (":time_passes 1", "nightly"), (":linker foo", "mold")]
        {
            assert!(Commands::of(line).refusal().unwrap().contains(word), "{line}");
        }
        assert_eq!(Commands::of(":opt 3\n:linker system").refusal(), None);
    }

    #[test]
    fn commands_below_rust_are_noticed() {
        assert!(are_misplaced("let q = 3;\n!ls") && are_misplaced("1 + 1\n:vars"));
        for cell in ["!ls\n:vars\n1", "let x = a\n    && !b;", "::std::mem::drop(1);", "x\n!= y"] {
            assert!(!are_misplaced(cell), "{cell}");
        }
    }
}

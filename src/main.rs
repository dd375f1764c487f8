//! The `sbkd` command.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sbkd::cli::main()
}

//! The binary: what it was asked, done, and an exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    saifu::cli::run()
}

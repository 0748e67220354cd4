//! `saifu demo`: the story on standard output, in colours when a person is there to see them.

use std::io::IsTerminal as _;

use tokio::signal::unix::{SignalKind, signal};

use super::{DemoArguments, Failure, log_to_stderr};
use crate::demo::teller::Teller;
use crate::demo::{self, Running, Stage, Time};

pub(super) fn run(arguments: DemoArguments) -> Result<(), Failure> {
    log_to_stderr(&arguments.log)?;
    let stage = match (arguments.address, arguments.ca) {
        (Some(address), Some(ca)) => Stage::Running(Running {
            address,
            ca,
            data_dir: arguments.data_dir,
            operators: arguments.operators,
            time: if arguments.moves_clock { Time::Moved } else { Time::Kept },
        }),
        // clap lets neither come without the other.
        (None, _) | (_, None) => Stage::Own,
    };
    let out = std::io::stdout();
    let has_colours = out.is_terminal() && !no_color();
    let mut teller = Teller::new(out, has_colours);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let ended = async {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
        };
        Ok(Box::pin(demo::run(stage, &mut teller, ended)).await?)
    })
}

/// Whether colours are unwanted (no-color.org: set and not empty).
#[expect(clippy::disallowed_methods, reason = "NO_COLOR is the terminal's, not the wallet's, configuration")]
fn no_color() -> bool {
    match std::env::var("NO_COLOR") {
        Ok(value) => !value.is_empty(),
        Err(std::env::VarError::NotPresent) => false,
        Err(std::env::VarError::NotUnicode(_)) => true,
    }
}

//! The command line: parse, build, serve. Every failure is one sentence on standard error and exit
//! status 1; where several things are wrong with a configuration, a sentence each.

mod config;
mod demo;
mod explain;
mod keygen;
mod merchant;
mod operator;
mod person;
mod restore;
mod sandbox;
mod serve;
mod symbol;
mod till;
mod verify;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// The backend of a mobile-payment wallet.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Which symbol.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum SymbolKind {
    /// ISO/IEC 18004.
    Qr,
    /// Code 128 (ISO/IEC 15417), digits in pairs.
    Barcode,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a server: as its configuration says, or else a sandbox on a data directory of its own.
    Serve(ServeArguments),
    /// Brings the database's schema up to date, and does nothing else. Run it before a new version
    /// serves; once more does no harm.
    Migrate(ConfigArguments),
    /// Reads a configuration and everything that it names, and says whether a server would start on it, or
    /// all that is wrong.
    CheckConfig(CheckArguments),
    /// Re-derives everything from the journal and reports what does not hold; a server may be
    /// running on the same data directory.
    ///
    /// Exit status 0: everything holds. 3: nothing is wrong, but less was looked at than can be, and it says
    /// what. 1: something does not hold.
    Verify(verify::VerifyArguments),
    /// Signs and tags a database as it is with the server's keys: one from before rows were tagged, or one
    /// that was mended by hand. No server may run on it.
    Adopt(verify::AdoptArguments),
    /// Goes on with a database that is older than its checkpoints, such as one from a backup. Nothing but
    /// what stops something is changed for a quarter of an hour then. No server may run on it.
    Restore(restore::RestoreArguments),
    /// Measures a payment's speed against a stated floor.
    #[command(subcommand)]
    Bench(crate::bench::BenchCommand),
    /// Decodes an envelope, and says what is in it and what is wrong with it.
    Explain(explain::ExplainArguments),
    /// Draws a QR code or a barcode as SVG on standard output.
    Symbol {
        /// Which.
        #[arg(value_enum)]
        kind: SymbolKind,
        /// What it says: a shop's EMVCo text or a payment code's 18 digits.
        text: String,
    },
    /// Plays the main job and the attacks on it as a story, on a server of its own.
    Demo(DemoArguments),
    /// Makes keys: a server's, a person's, and what a new key introduces itself with.
    #[command(subcommand)]
    Keygen(keygen::KeygenCommand),
    /// An operator: proposes, reads what waits, approves; suspends, bars, freezes.
    Operator(operator::OperatorArguments),
    /// A merchant's server: its stores, tills and webhooks.
    Merchant(merchant::MerchantArguments),
    /// A till: it charges payment codes, and finds out what became of a call that got no answer.
    Till(till::TillArguments),
    /// The people that a till needs, on a sandbox server: a shop that was let in, a customer with codes.
    Sandbox(sandbox::SandboxArguments),
}

/// What `saifu serve` takes.
#[derive(Debug, clap::Args)]
pub struct ServeArguments {
    /// The configuration file, which then says everything else.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["data_dir", "listen", "seed"])]
    config: Option<PathBuf>,
    /// Everything the server keeps: database, keys, certificate, messages.
    #[arg(long, default_value = "saifu-data")]
    data_dir: PathBuf,
    /// Where it listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8443", value_parser = listening_address)]
    listen: SocketAddr,
    /// The sandbox's merchants and stores, instead of those that come with the program.
    #[arg(long)]
    seed: Option<PathBuf>,
    /// What is logged, by target: for example "info" or "saifu=debug". By itself "warn", and in a sandbox
    /// also why an envelope was refused.
    #[arg(long)]
    log: Option<String>,
    /// How it is logged.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For people, in colours on a terminal.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// What `saifu migrate` takes.
#[derive(Debug, clap::Args)]
pub struct ConfigArguments {
    /// The configuration file.
    #[arg(long, value_name = "PATH")]
    config: PathBuf,
}

/// What `saifu check-config` takes.
#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// The configuration file.
    #[arg(long, value_name = "PATH")]
    config: PathBuf,
    /// Also calls everybody whom a server on it would call: the database and its schema, Redis, the mail
    /// relay, whoever takes messages, Stripe's address. Nothing is sent or charged.
    #[arg(long)]
    connect: bool,
}

/// Where a server is told to listen.
fn listening_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_malformed| "write an address and a port, such as 127.0.0.1:8443".to_owned())
}

/// Whether the binary takes these arguments, the program's name first.
pub fn accepts<'a>(arguments: impl IntoIterator<Item = &'a str>) -> bool {
    Arguments::try_parse_from(arguments).is_ok()
}

/// What `saifu demo` takes.
#[derive(Debug, clap::Args)]
pub struct DemoArguments {
    /// Plays on the sandbox server that listens here, a loopback address; without, on a server of its own.
    /// Its clock stays as it is, and what needs a later time is left out.
    #[arg(long, value_name = "HOST:PORT", requires = "ca")]
    address: Option<SocketAddr>,
    /// The certificate that this server's is signed by; serve prints its path.
    #[arg(long, value_name = "PATH", requires = "address")]
    ca: Option<PathBuf>,
    /// The data directory of this server: its journal is verified at the end, and only read.
    #[arg(long, value_name = "PATH", requires = "address")]
    data_dir: Option<PathBuf>,
    /// Puts that server's clock forward by more than a month, for good, to play all of it. Whoever calls the
    /// server afterwards without going by its time is refused with CLOCK_SKEW.
    #[arg(long, requires = "address")]
    moves_clock: bool,
    /// Where that server listens to operators: with it the till's part is played too.
    #[arg(long, requires = "data_dir")]
    operators: Option<SocketAddr>,
    /// What is logged, by target: for example "info" or "saifu=debug".
    #[arg(long, default_value = "warn")]
    log: String,
}

/// Does what the command line asks for.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Migrate(arguments) => config::migrate(&arguments.config),
        Command::CheckConfig(arguments) => config::check(&arguments),
        Command::Explain(arguments) => return explain::run(&arguments).unwrap_or_else(failed),
        Command::Symbol { kind, text } => symbol::run(kind, &text),
        Command::Verify(arguments) => return verify::verify(arguments).unwrap_or_else(failed),
        Command::Adopt(arguments) => verify::adopt(arguments),
        Command::Restore(arguments) => restore::run(arguments),
        Command::Keygen(command) => keygen::run(command),
        Command::Operator(arguments) => operator::run(arguments),
        Command::Merchant(arguments) => merchant::run(arguments),
        Command::Bench(command) => crate::bench::run(command).map_err(Into::into),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Sandbox(arguments) => sandbox::run(arguments),
        // A till's status, too, says more than whether it could do its work.
        Command::Till(arguments) => return till::run(arguments).unwrap_or_else(failed),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what ends a command is handed on to here, and no further")]
fn failed(error: Failure) -> ExitCode {
    for line in error.to_string().lines() {
        eprintln!("saifu: {line}");
    }
    ExitCode::FAILURE
}

/// Anything that ends a command: said once, in one sentence, or a line for each thing that is wrong.
type Failure = Box<dyn std::error::Error>;

/// Logs go to standard error; standard output belongs to the command.
fn log_to_stderr(filter: &str) -> Result<(), Failure> {
    log_as(filter, LogFormat::Text)
}

fn log_as(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        format!("--log {filter} is not a filter such as \"info\" or \"saifu=debug\": {error}")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        // The call that a line belongs to stands in it once, as `span`.
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).init(),
        // Colours are a terminal's: in a file they would stand between the words that are searched for.
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn every_command_is_one_that_clap_takes() {
        super::Arguments::command().debug_assert();
    }
}

//! The load tool: what a payment costs, next to the least that it could cost.
//!
//! The machine's speed cancels out: two servers run as child processes of one binary, are loaded by one
//! client in turns (A B B A …), and what counts is the ratio of their rates. The floor is a stock tonic
//! server over the same TLS that checks one signature and answers.

pub mod floor;
pub mod load;
pub mod report;

mod accounts;
mod directory;
mod driver;
mod process;
mod serve_pay;
mod subject;

use std::fmt;
use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::client::{ConnectError, EnrolError, Refused};
use crate::door::{CertificateError, TlsError};
use crate::server::StartError;

/// A round's calls are signed before it begins and must not have expired when it ends.
const ROUND_SECONDS_MAX: u64 = 30;

/// What to measure.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// Measure the floor alone: TLS, gRPC and one signature check
    Floor(Load),
    /// Measure payments against something else, in turns
    Pay {
        /// What the payments are compared with
        #[arg(long, value_enum, default_value = "floor")]
        against: Against,
        /// How the load is made
        #[command(flatten)]
        load: Load,
    },
    /// Be the floor, for the process that measures
    #[command(hide = true)]
    ServeFloor {
        /// Where the certificate is kept
        #[arg(long)]
        dir: PathBuf,
        /// The caller's SubjectPublicKeyInfo, base64url
        #[arg(long)]
        key: String,
    },
    /// Be the measured server, for the process that measures
    #[command(hide = true)]
    ServePay {
        /// Where everything is kept
        #[arg(long)]
        dir: PathBuf,
        /// Commands to a commit at most
        #[arg(long)]
        batch_bound: Option<usize>,
        /// Whose database and Redis
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

/// What payments are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// The least that any such call costs
    Floor,
    /// The same server with one durable commit for each payment
    SingleCommit,
}

/// How the load is made.
#[derive(Clone, Debug, Args)]
pub struct Load {
    /// How often each side is measured
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// How long each round is
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=ROUND_SECONDS_MAX))]
    pub seconds: u64,
    /// Calls under way at a time
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub in_flight: u32,
    /// Where the servers keep their data meanwhile; on a disk, if commits are to cost what they cost
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// A sandbox's configuration whose database and Redis are measured, instead of the embedded ones; the
    /// database is empty but for its tables (saifu migrate)
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Does what was asked for, and prints the figures.
pub fn run(command: BenchCommand) -> Result<(), BenchError> {
    match command {
        BenchCommand::Floor(load) => {
            let report = driver::floor(&load)?;
            print(&report, load.json)
        }
        BenchCommand::Pay { against, load } => {
            let report = driver::pay(against, &load)?;
            print(&report, load.json)
        }
        BenchCommand::ServeFloor { dir, key } => process::serve_floor(&dir, &key),
        BenchCommand::ServePay { dir, batch_bound, config } => {
            serve_pay::serve_pay(&dir, batch_bound, config.as_deref())
        }
    }
}

fn print<Report>(report: &Report, as_json: bool) -> Result<(), BenchError>
where
    Report: serde::Serialize + fmt::Display,
{
    if as_json {
        let json = serde_json::to_string(report).map_err(BenchError::Json)?;
        println!("{json}");
    } else {
        println!("{report}");
    }
    Ok(())
}

/// Why there are no figures.
#[derive(Debug)]
pub enum BenchError {
    /// The system refused something.
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A server process ended, or said something else than where it listens.
    NotReady,
    /// The key given to the floor is none.
    BadKey,
    /// The server has no certificate.
    Certificate(CertificateError),
    /// The certificate cannot be used.
    Tls(TlsError),
    /// The configuration.
    Config(crate::config::ConfigError),
    /// The measured server does not start.
    Start(StartError),
    /// The server cannot be reached.
    Connect(ConnectError),
    /// The server stopped by itself.
    Transport(tonic::transport::Error),
    /// An account could not be enrolled.
    Enrol(EnrolError),
    /// A call that prepares the load was refused.
    Refused(Refused),
    /// An account could not be prepared for the load.
    Unprepared(&'static str),
    /// Not one call was answered well.
    NothingDone(Option<Refused>),
    /// The figures cannot be written.
    Json(serde_json::Error),
}

impl BenchError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, source } => write!(f, "cannot {what}: {source}"),
            Self::NotReady => f.write_str("a server process did not start: see what it wrote above"),
            Self::BadKey => f.write_str("--key is not the base64url of a P-256 SubjectPublicKeyInfo"),
            Self::Certificate(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            Self::Transport(error) => write!(f, "the server has stopped: {error}"),
            Self::Enrol(error) => write!(f, "an account for the load cannot be enrolled: {error}"),
            Self::Refused(refused) => write!(f, "the load cannot be prepared: {refused}"),
            Self::Unprepared(what) => write!(f, "the load cannot be prepared: {what}"),
            Self::NothingDone(Some(refused)) => write!(f, "no call was answered well; the first: {refused}"),
            Self::NothingDone(None) => f.write_str("no call was answered within the round"),
            Self::Json(error) => write!(f, "the figures cannot be written as JSON: {error}"),
        }
    }
}

impl std::error::Error for BenchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Certificate(error) => Some(error),
            Self::Tls(error) => Some(error),
            Self::Config(error) => Some(error),
            Self::Start(error) => Some(error),
            Self::Connect(error) => Some(error),
            Self::Transport(error) => Some(error),
            Self::Enrol(error) => Some(error),
            Self::Refused(refused) | Self::NothingDone(Some(refused)) => Some(refused),
            Self::Json(error) => Some(error),
            Self::NotReady | Self::BadKey | Self::Unprepared(_) | Self::NothingDone(None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_a_round_fits_into_the_window() {
        let command = || BenchCommand::augment_subcommands(clap::Command::new("bench"));
        command().debug_assert();
        assert!(command().try_get_matches_from(["bench", "pay", "--against", "single-commit"]).is_ok());
        assert!(command().try_get_matches_from(["bench", "floor", "--seconds", "31"]).is_err());
    }
}

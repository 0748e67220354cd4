//! How a step can go otherwise than it must, and what ends a demonstration.

use std::fmt;
use std::io;
use std::path::PathBuf;

use tonic::Code;

use super::teller::yen;
use crate::client::{ConnectError, EnrolError, Refused};
use crate::pb::Reason;
use crate::server::StartError;
use crate::verify::{Problem, VerifyError};

/// What a step came to, when it should have come to something else.
#[derive(Debug)]
pub enum Otherwise {
    /// The server does not start.
    Start(StartError),
    /// There is no connection.
    Connect(ConnectError),
    /// The enrolment came to nothing.
    Enrol(EnrolError),
    /// What must be done was refused.
    Refused(Refused),
    /// What must be refused was done.
    WentThrough,
    /// What must be refused was refused for another reason.
    RefusedOtherwise {
        /// The code it must have.
        code: Code,
        /// The reason it must have.
        reason: Reason,
        /// What came.
        came: Refused,
    },
    /// The balance is not what it must be.
    Balance {
        /// What must be there.
        expected_minor: i64,
        /// What is there.
        available_minor: i64,
    },
    /// An answer that does not say what it must.
    Answer(&'static str),
    /// The journal cannot be verified.
    Unverifiable(VerifyError),
    /// The journal does not hold.
    Journal(Vec<Problem>),
}

impl fmt::Display for Otherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            Self::Enrol(error) => error.fmt(f),
            Self::Refused(refused) => write!(f, "it was refused, {refused}"),
            Self::WentThrough => f.write_str("it was not refused"),
            Self::RefusedOtherwise { code, reason, came } => {
                write!(
                    f,
                    "it must be refused as {code:?} {}, and the answer was {came}",
                    reason.as_str_name()
                )
            }
            Self::Balance { expected_minor, available_minor } => {
                write!(f, "there must be {}, and there is {}", yen(*expected_minor), yen(*available_minor))
            }
            Self::Answer(what) => f.write_str(what),
            Self::Unverifiable(error) => error.fmt(f),
            Self::Journal(problems) => {
                write!(f, "the journal does not hold")?;
                problems.iter().try_for_each(|problem| write!(f, "; {problem}"))
            }
        }
    }
}

impl From<Refused> for Otherwise {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// Why a demonstration ended before its end. Each is one sentence.
#[derive(Debug)]
pub enum DemoError {
    /// A step went otherwise.
    Step {
        /// Its number.
        number: u32,
        /// What it was.
        title: String,
        /// What it came to.
        otherwise: Otherwise,
    },
    /// The address is not this machine's own.
    NotLoopback(std::net::SocketAddr),
    /// The certificate file cannot be read.
    Authority(PathBuf, io::Error),
    /// There is no temporary folder.
    Folder(io::Error),
    /// Nobody listens to the story any more.
    Output(io::Error),
    /// A signal came.
    Interrupted,
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { number, title, otherwise } => {
                write!(f, "the demo ended at step {number} ({title}): {otherwise}")
            }
            Self::NotLoopback(address) => write!(
                f,
                "the demo moves the server's clock and reads its messages, so it plays \
                 against a sandbox on this machine only: {address} is not a loopback address"
            ),
            Self::Authority(path, error) => write!(
                f,
                "the CA certificate {} cannot be read: {error}; saifu serve prints where its own lies",
                path.display()
            ),
            Self::Folder(error) => {
                write!(f, "a temporary folder cannot be made: {error}; TMPDIR says where they are made")
            }
            Self::Output(error) => write!(f, "the story cannot be written: {error}"),
            Self::Interrupted => f.write_str("the demo was interrupted"),
        }
    }
}

impl std::error::Error for DemoError {}

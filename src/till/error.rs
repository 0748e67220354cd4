//! Why a till cannot work. Each is one sentence that says what to do.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What ends a command of the till without an outcome.
#[derive(Debug)]
pub enum TillError {
    /// The folder holds no till.
    NoTill(PathBuf),
    /// The folder holds a till already.
    ActiveAlready(PathBuf),
    /// The folder's till was registered and not activated.
    NotActive(PathBuf),
    /// Another process works with the folder.
    InUse(PathBuf),
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A file cannot be written.
    Unwritable(PathBuf, io::Error),
    /// A file is not what it must be.
    Damaged(PathBuf, &'static str),
    /// Others may read the key.
    Exposed(PathBuf),
    /// The journal is another till's.
    Foreign(PathBuf),
    /// A till without its journal.
    NoJournal(PathBuf),
    /// A line of the journal is not what was written.
    Corrupt(PathBuf, usize),
    /// The journal's last write failed.
    Broken(PathBuf),
    /// The authority's certificate cannot be used.
    Authority(PathBuf),
    /// Something in the command that no server would take.
    Unsuitable(&'static str),
    /// A fault on somebody else's line.
    NotLoopback(SocketAddr),
    /// The fault's own line cannot be made.
    FaultLine(io::Error),
    /// The activation came to nothing: its reason and text.
    NotActivated(&'static str, String),
    /// Nobody knows whether the activation came to something.
    ActivationUnknown(String),
    /// Orders whose outcome is not known stand in the way.
    Unsettled(Vec<String>),
    /// Asked about, the order is not there.
    NoSuchOrder(String),
    /// The server did not answer a read.
    NoAnswer(String),
}

impl TillError {
    /// The journal could not be written: a call that is in it may have been done.
    pub fn is_of_the_journal(&self) -> bool {
        matches!(self, Self::Unwritable(..) | Self::Broken(_))
    }
}

impl fmt::Display for TillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTill(path) => {
                write!(f, "there is no till in {}: saifu till activate makes one", path.display())
            }
            Self::ActiveAlready(path) => {
                write!(f, "{} holds an active till already: another one wants another --data", path.display())
            }
            Self::NotActive(path) => write!(
                f,
                "the till in {} is not active yet: call saifu till activate again, with the same code",
                path.display()
            ),
            Self::InUse(path) => write!(f, "{} is in use by another saifu till", path.display()),
            Self::Unreadable(path, error) => write!(f, "{} cannot be read: {error}", path.display()),
            Self::Unwritable(path, error) => {
                write!(f, "{} cannot be written: {error}; nothing was sent after that", path.display())
            }
            Self::Damaged(path, what) => {
                write!(f, "{} is damaged or not a till's: {what}; put the right file back", path.display())
            }
            Self::Exposed(path) => {
                write!(f, "others may read the key {}: chmod 600 it, unless they did", path.display())
            }
            Self::Foreign(path) => {
                write!(f, "the journal {} is another till's: put the right one back", path.display())
            }
            Self::NoJournal(path) => write!(
                f,
                "the journal {} is missing, and with it the orders whose outcome is unknown: put it back, or \
                 activate another till and have the merchant's server reverse what this one left",
                path.display()
            ),
            Self::Corrupt(path, line) => write!(
                f,
                "line {line} of the journal {} is not what the till wrote: put the right file back",
                path.display()
            ),
            Self::Broken(path) => write!(f, "{} could not be written before: start again", path.display()),
            Self::Authority(path) => {
                write!(
                    f,
                    "{} holds no certificate to trust: saifu serve prints the path of its CA",
                    path.display()
                )
            }
            Self::NotLoopback(at) => {
                write!(f, "--fault is for a server on this machine, and {at} is not a loopback address")
            }
            Self::FaultLine(error) => write!(f, "the line for --fault cannot be made: {error}"),
            Self::NotActivated(reason, text) => write!(f, "the till was not activated, {reason}: {text}"),
            Self::ActivationUnknown(text) => write!(
                f,
                "no answer ({text}): whether the till is active is not known; call saifu till activate \
                 again, with the same code"
            ),
            Self::Unsettled(orders) => write!(
                f,
                "nothing new before the outcome of {} is known, and the server does not tell: \
                 saifu till settle",
                orders.join(", ")
            ),
            Self::Unsuitable(what) => f.write_str(what),
            Self::NoSuchOrder(order_id) => write!(f, "the server knows no order {order_id} of this till"),
            Self::NoAnswer(text) => write!(f, "the server does not answer: {text}"),
        }
    }
}

impl std::error::Error for TillError {}

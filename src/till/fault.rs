//! Faults on purpose: a line between till and server that really loses what it is told to lose.
//!
//! It is a TCP relay on a loopback address. What goes through it is TLS, so it cannot look inside; it is told
//! when the call that it is for is about to be sent, on a connection that is quiet by then.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::env::pause;

/// An answer is over when nothing more of it came for so long.
const QUIET: Duration = Duration::from_millis(300);

/// No chunk is larger; a call is at most 64 KiB and seldom one.
const CHUNK_BYTES: usize = 16 * 1024;

/// What goes wrong with the command's own call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// The first attempt never arrives at the server.
    LoseRequest,
    /// The first attempt arrives, and its answer is lost.
    LoseAnswer,
    /// No attempt arrives.
    LoseRequests,
    /// Every attempt arrives, and all answers are lost.
    LoseAnswers,
    /// The first attempt arrives; its answer and everything after it, asking and reversing too, is lost.
    LoseAll,
    /// The first attempt arrives, and its answer does not come, while the connection stays.
    Hang,
    /// The process aborts when the call is in the journal, before it is sent.
    CrashBeforeSend,
    /// The process aborts when the call was sent and answered, before it reads the answer.
    CrashAfterSend,
}

/// What is on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The command's own call.
    Call,
    /// What is asked or reversed because of it.
    After,
}

/// What the line does to whatever is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Nothing.
    Pass = 0,
    /// Cuts the connection instead of handing a request on.
    DropRequest = 1,
    /// Hands requests on, and cuts the connection when the answer is there.
    DropAnswer = 2,
    /// Hands requests on, and nothing back.
    Withhold = 3,
    /// Nobody is there.
    Deaf = 4,
    /// Hands requests on, and aborts the process when the answer is there.
    Abort = 5,
}

impl Fault {
    /// What happens to this attempt, counted from 1.
    pub fn mode(self, role: Role, attempt: u32) -> Mode {
        match (self, role, attempt) {
            (Self::LoseRequest, Role::Call, 1) | (Self::LoseRequests, Role::Call, _) => Mode::DropRequest,
            (Self::LoseAnswer | Self::LoseAll, Role::Call, 1) | (Self::LoseAnswers, Role::Call, _) => {
                Mode::DropAnswer
            }
            (Self::LoseAll, _, _) => Mode::Deaf,
            (Self::Hang, Role::Call, 1) => Mode::Withhold,
            (Self::CrashAfterSend, Role::Call, 1) => Mode::Abort,
            (
                Self::LoseRequest
                | Self::LoseAnswer
                | Self::LoseRequests
                | Self::LoseAnswers
                | Self::Hang
                | Self::CrashBeforeSend
                | Self::CrashAfterSend,
                _,
                _,
            ) => Mode::Pass,
        }
    }

    /// Whether the process ends before this attempt is sent.
    pub fn crashes_before(self, role: Role, attempt: u32) -> bool {
        self == Self::CrashBeforeSend && role == Role::Call && attempt == 1
    }
}

/// A relay to a server of this machine, with faults.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    mode: Arc<AtomicU8>,
}

impl Relay {
    /// Starts it, on a free loopback port; it ends with the process.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mode = Arc::new(AtomicU8::new(Mode::Pass as u8));
        let seen = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((till, _)) = listener.accept().await {
                let mode = Arc::clone(&seen);
                tokio::spawn(async move {
                    if let Err(error) = relay(till, server, &mode).await {
                        tracing::debug!(%error, "the line ended");
                    }
                });
            }
        });
        Ok(Self { address, mode })
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }
}

/// One connection, until it ends or is cut: both streams are closed when this returns.
async fn relay(mut till: TcpStream, server: SocketAddr, mode: &AtomicU8) -> io::Result<()> {
    let is = |which: Mode| mode.load(Ordering::SeqCst) == which as u8;
    if is(Mode::Deaf) {
        return Ok(());
    }
    let mut server = TcpStream::connect(server).await?;
    till.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut up, mut down) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    let mut has_swallowed = false;
    loop {
        tokio::select! {
            read = till.read(&mut up) => {
                let count = read?;
                if count == 0 || is(Mode::DropRequest) || is(Mode::Deaf) {
                    return Ok(());
                }
                server.write_all(&up[..count]).await?;
            }
            read = server.read(&mut down) => {
                let count = read?;
                if count == 0 || is(Mode::Deaf) {
                    return Ok(());
                }
                if is(Mode::Pass) || is(Mode::DropRequest) {
                    till.write_all(&down[..count]).await?;
                } else {
                    has_swallowed = true;
                }
            }
            () = pause(QUIET), if has_swallowed && !is(Mode::Withhold) => {
                if is(Mode::Abort) {
                    std::process::abort();
                }
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_the_attempts_that_its_name_says() {
        use Fault as F;
        use Mode as M;
        for (fault, modes) in [
            (F::LoseRequest, [M::DropRequest, M::Pass, M::Pass]),
            (F::LoseAnswer, [M::DropAnswer, M::Pass, M::Pass]),
            (F::LoseRequests, [M::DropRequest, M::DropRequest, M::Pass]),
            (F::LoseAnswers, [M::DropAnswer, M::DropAnswer, M::Pass]),
            (F::LoseAll, [M::DropAnswer, M::Deaf, M::Deaf]),
            (F::Hang, [M::Withhold, M::Pass, M::Pass]),
            (F::CrashBeforeSend, [M::Pass, M::Pass, M::Pass]),
            (F::CrashAfterSend, [M::Abort, M::Pass, M::Pass]),
        ] {
            let found = [fault.mode(Role::Call, 1), fault.mode(Role::Call, 2), fault.mode(Role::After, 1)];
            assert_eq!(found, modes, "{fault:?}");
            assert_eq!(fault.crashes_before(Role::Call, 1), fault == F::CrashBeforeSend, "{fault:?}");
        }
    }
}

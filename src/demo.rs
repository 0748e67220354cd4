//! `saifu demo`: the main job as a story that a person can read, and then what must fail, tried.
//!
//! A step counts as taken only if it came to exactly what it must: an attack has to be refused with
//! the expected code and reason, and no yen may have moved. The first one that goes otherwise ends
//! the story.

mod attacks;
mod customer;
mod folder;
mod main_job;
mod otherwise;
mod picture;
mod recovery;
mod seven_pay;
mod shop;
mod story;
pub mod teller;
mod victim;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub use otherwise::{DemoError, Otherwise};

use crate::server::{Server, Settings};
use folder::TemporaryFolder;
use shop::Operators;
use story::{Place, tell};
use teller::{Teller, Told};

/// Where the story plays.
#[derive(Debug)]
pub enum Stage {
    /// On a server of its own, in this process, over a folder that is removed afterwards.
    Own,
    /// On a sandbox server of this machine that runs already.
    Running(Running),
}

/// A server that runs already.
#[derive(Debug)]
pub struct Running {
    /// Where it listens: a loopback address.
    pub address: SocketAddr,
    /// Its CA's certificate, PEM.
    pub ca: PathBuf,
    /// Where it keeps its data, if its journal is to be verified.
    pub data_dir: Option<PathBuf>,
    /// Where it listens to operators, whose keys are with its data; without, there is no till.
    pub operators: Option<SocketAddr>,
    /// What may become of its clock.
    pub time: Time,
}

/// How the story waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// By putting the sandbox's clock forward, for good.
    Moved,
    /// Not at all: what needs a later time is left out.
    Kept,
}

/// Plays the whole story, until its end or until `interrupted` is ready. Either way the server it
/// started is stopped, and the folder removed.
pub async fn run<W: Write>(
    stage: Stage,
    teller: &mut Teller<W>,
    interrupted: impl Future<Output = ()>,
) -> Result<(), DemoError> {
    match stage {
        Stage::Own => on_own_server(teller, interrupted).await,
        Stage::Running(running) => {
            if !running.address.ip().is_loopback() {
                return Err(DemoError::NotLoopback(running.address));
            }
            let ca_pem = certificate(&running.ca)?;
            head(teller, running.time)?;
            let operators = running.operators.zip(running.data_dir.as_ref());
            let operators =
                operators.map(|(address, data_dir)| Operators { address, keys: data_dir.join("operators") });
            let place = Place {
                address: running.address,
                ca_pem: &ca_pem,
                data_dir: running.data_dir.as_deref(),
                operators: operators.as_ref(),
                time: running.time,
            };
            until(tell(teller, &place), interrupted).await
        }
    }
}

async fn on_own_server<W: Write>(
    teller: &mut Teller<W>,
    interrupted: impl Future<Output = ()>,
) -> Result<(), DemoError> {
    head(teller, Time::Moved)?;
    let folder = TemporaryFolder::create().map_err(DemoError::Folder)?;
    let data_dir = folder.path().join("data");
    let server = Box::pin(teller.step("A server starts", start(&data_dir))).await?;
    let told = async {
        let ca_pem = certificate(server.ca_path())?;
        let keys = data_dir.join("operators");
        let operators = Operators { address: server.operators_address(), keys };
        let place = Place {
            address: server.address(),
            ca_pem: &ca_pem,
            data_dir: Some(&data_dir),
            operators: Some(&operators),
            time: Time::Moved,
        };
        tell(teller, &place).await
    };
    let told = until(told, interrupted).await;
    server.stop().await;
    told
}

fn head<W: Write>(teller: &mut Teller<W>, time: Time) -> Result<(), DemoError> {
    teller.say("A payment wallet at its main job; then what must fail is tried.")?;
    teller.say(match time {
        Time::Moved => "No real money moves, and waiting is done by putting the sandbox's clock forward.",
        Time::Kept => "No real money moves, and the server's clock stays as it is.",
    })?;
    teller.say("Each line: how long the step took, its checks included, and what happened.")
}

fn certificate(path: &Path) -> Result<Vec<u8>, DemoError> {
    std::fs::read(path).map_err(|error| DemoError::Authority(path.to_owned(), error))
}

async fn until(
    told: impl Future<Output = Result<(), DemoError>>,
    interrupted: impl Future<Output = ()>,
) -> Result<(), DemoError> {
    tokio::select! {
        told = told => told,
        () = interrupted => Err(DemoError::Interrupted),
    }
}

async fn start(data_dir: &Path) -> Result<Told<Server>, Otherwise> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let settings = Settings::sandbox(data_dir.to_owned(), listen);
    let server = Server::start(settings).await.map_err(Otherwise::Start)?;
    let happened = format!("gRPC over TLS 1.3 on {}, SQLite in a temporary folder", server.address());
    Ok(Told::done(happened).with(server))
}

//! `saifu serve`: a server until SIGTERM or SIGINT.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, ServeArguments, config, log_as};
use crate::config::Mode;
use crate::gate::explain::TARGET;
use crate::server::{Server, Settings};

/// What is logged by itself: what wants somebody's attention.
const LOG: &str = "warn";

pub(super) fn run(arguments: ServeArguments) -> Result<(), Failure> {
    let settings = match arguments.config {
        Some(path) => config::load(&path)?,
        None => Settings { seed: arguments.seed, ..Settings::sandbox(arguments.data_dir, arguments.listen) },
    };
    let log = arguments.log.unwrap_or_else(|| match settings.mode {
        // Whoever writes a client looks here first.
        Mode::Sandbox => format!("{LOG},{TARGET}=info"),
        Mode::Production => LOG.to_owned(),
    });
    log_as(&log, arguments.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<(), Failure> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let told = Told::of(&settings);
    let mut server = Server::start(settings).await?;
    told.tell(&server);
    let was_told = tokio::select! {
        _ = terminated.recv() => true,
        _ = interrupted.recv() => true,
        () = server.ended() => false,
    };
    server.stop().await;
    if was_told {
        Ok(())
    } else {
        Err("the server could not go on; nothing acknowledged is lost: see the log, and start again".into())
    }
}

/// What is said at the start.
struct Told {
    mode: Mode,
    audience: String,
    data_dir: PathBuf,
}

impl Told {
    fn of(settings: &Settings) -> Self {
        let Settings { mode, audience, data_dir, .. } = settings;
        Self { mode: *mode, audience: audience.clone(), data_dir: data_dir.clone() }
    }

    fn tell(&self, server: &Server) {
        let (address, ca) = (server.address(), server.ca_path().display());
        let (ca_name, call) = match self.mode {
            Mode::Sandbox => {
                println!(
                    "saifu serves a SANDBOX: no real money, its clock can be moved, its messages lie in a \
                     folder."
                );
                ("CA         ", format!("saifu demo --address {address} --ca {ca}\n            or "))
            }
            Mode::Production => {
                println!("saifu serves PRODUCTION.");
                ("certificate", String::new())
            }
        };
        println!("address     https://{address}\n{ca_name} {ca}");
        if let Some(health) = server.health_address() {
            println!("health      http://{health}");
        }
        println!("operators   https://{}", server.operators_address());
        println!(
            "audience    {audience}\n\
             data        {data}\n\
             call it     {call}any gRPC client: proto/saifu/v1 and docs/protocol.md\n\
             stop it     SIGTERM or Ctrl-C; data and keys stay",
            audience = self.audience,
            data = self.data_dir.display(),
        );
    }
}

//! `saifu serve`: a sandbox server until SIGTERM or SIGINT.

use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, ServeArguments, log_to_stderr};
use crate::server::{SANDBOX_AUDIENCE, Server, Settings};

pub(super) fn run(arguments: ServeArguments) -> Result<(), Failure> {
    log_to_stderr(&arguments.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: ServeArguments) -> Result<(), Failure> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let settings =
        Settings { seed: arguments.seed, ..Settings::sandbox(arguments.data_dir.clone(), arguments.listen) };
    let mut server = Server::start(settings).await?;
    println!(
        "saifu serves a SANDBOX: no real money, its clock can be moved, its messages lie in a folder.\n\
         address   https://{address}\n\
         CA        {ca}\n\
         audience  {SANDBOX_AUDIENCE}\n\
         data      {data}\n\
         call it   saifu demo --address {address} --ca {ca}\n\
         \x20         or any gRPC client: proto/saifu/v1 and docs/protocol.md\n\
         stop it   SIGTERM or Ctrl-C; data and keys stay",
        address = server.address(),
        ca = server.ca_path().display(),
        data = arguments.data_dir.display(),
    );
    let told = tokio::select! {
        _ = terminated.recv() => true,
        _ = interrupted.recv() => true,
        () = server.ended() => false,
    };
    server.stop().await;
    if told {
        Ok(())
    } else {
        Err("the server could not go on; nothing acknowledged is lost: see the log, and start again".into())
    }
}

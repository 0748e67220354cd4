//! Certificates that are replaced under connections that stand.

use std::fs;
use std::path::Path;

use super::*;
use crate::door::reload::{Certificates, Reloader};

/// Puts the files of another authority in place.
fn replace(dir: &Path) -> Vec<u8> {
    let other = tempfile::tempdir().unwrap();
    let identity = Sandbox::load_or_create(other.path()).unwrap();
    // The key first: in between, the two don't belong together.
    fs::write(dir.join("server-key.pem"), &*identity.key_pem).unwrap();
    fs::write(dir.join("server.pem"), &identity.chain_pem).unwrap();
    fs::read(identity.ca_path).unwrap()
}

#[tokio::test]
async fn new_handshakes_see_the_new_certificate_and_old_connections_live_on() {
    let dir = tempfile::tempdir().unwrap();
    let identity = Sandbox::load_or_create(dir.path()).unwrap();
    let old_ca = fs::read(&identity.ca_path).unwrap();
    let certificates = Arc::new(Certificates::new(&identity).unwrap());
    let door = Door::bind("127.0.0.1:0".parse().unwrap(), limits()).unwrap();
    let address = door.local_addr();
    let service = Service {
        privacy: Privacy::Tls(server_config(Arc::clone(&certificates)).unwrap()),
        routes: Routes::new(WalletServiceServer::new(PortTeller)),
        refusals: crate::rpc::status::refusals(),
        methods: None,
    };
    tokio::spawn(door.serve(service, Executors::here(NonZeroUsize::MIN), std::future::pending()));
    let files = identity.files.clone();
    tokio::spawn(Reloader::new(certificates, files, identity).run(Duration::from_millis(10)));

    let standing = connect(address, &old_ca).await.unwrap();
    let port = || async {
        let reply: pb::GetBalanceReply =
            unary(&standing, method::GET_BALANCE, pb::Envelope::default()).await.unwrap();
        reply.available_minor
    };
    let before = port().await;
    let new_ca = replace(dir.path());
    let seen = async { while connect(address, &new_ca).await.is_err() {} };
    timeout(PATIENCE, seen).await.expect("the new certificate is in use");
    assert!(connect(address, &old_ca).await.is_err(), "the old one isn't");
    assert_eq!(port().await, before, "the same connection");

    // What cannot be used changes nothing.
    fs::write(dir.path().join("server.pem"), "rubbish").unwrap();
    for _ in 0..10 {
        assert!(connect(address, &new_ca).await.is_ok());
    }
}

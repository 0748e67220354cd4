//! Connections from whatever address of this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use saifu::client::wallet::Wallet;
use saifu::door::tls::client_config;
use saifu::env::clock::Clock;
use saifu::server::SANDBOX_AUDIENCE;
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

use super::World;

impl World {
    /// Where connections come from is the caller's to choose.
    pub fn street(&self) -> Street {
        let ca = std::fs::read(self.server.ca_path()).expect("the server wrote its CA certificate");
        let tls = client_config(&ca).expect("an authority");
        let now = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Street { address: self.server.address(), tls: TlsConnector::from(tls), now }
    }
}

/// The way to the server from any address of this machine.
pub struct Street {
    address: SocketAddr,
    tls: TlsConnector,
    now: Arc<dyn Clock>,
}

impl Street {
    /// A connection from this address.
    pub async fn channel_from(&self, origin: Ipv4Addr) -> Channel {
        let (address, tls) = (self.address, self.tls.clone());
        let connector = tower::service_fn(move |_uri: Uri| {
            let tls = tls.clone();
            async move {
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::from((origin, 0)))?;
                let name = ServerName::try_from("localhost").expect("a name");
                let tcp = socket.connect(address).await?;
                tcp.set_nodelay(true)?;
                Ok::<_, std::io::Error>(TokioIo::new(tls.connect(name, tcp).await?))
            }
        });
        let endpoint = Endpoint::from_shared(format!("https://localhost:{}", address.port()));
        endpoint.expect("a URI").connect_with_connector(connector).await.expect("the server listens")
    }

    /// A new key, on a connection from there.
    pub async fn phone_from(&self, origin: Ipv4Addr) -> Wallet {
        Wallet::new(self.channel_from(origin).await, SANDBOX_AUDIENCE, Arc::clone(&self.now))
    }
}

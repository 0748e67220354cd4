//! Whether somebody is there: TCP, and TLS where it is spoken. Nothing is asked of them.

use std::time::Duration;

use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{tls, url};

/// Connects and is gone, within this time; or why not, without the address.
pub async fn reach(address: &str, ca_pem: Option<&[u8]>, within: Duration) -> Result<(), String> {
    let address = url(address).map_err(|_unusable| "the URL cannot be used".to_owned())?;
    match timeout(within, connect(&address, ca_pem)).await {
        Ok(came_to) => came_to,
        Err(_elapsed) => Err("no answer in time".to_owned()),
    }
}

async fn connect(address: &Url, ca_pem: Option<&[u8]>) -> Result<(), String> {
    let host = address.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = address.port_or_known_default().unwrap_or(443);
    let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
    if address.scheme() != "https" {
        return Ok(());
    }
    let config = tls(ca_pem).map_err(|_unusable| "its authorities cannot be used".to_owned())?;
    let name = ServerName::try_from(host).map_err(|_not_a_name| "the URL names no host".to_owned())?;
    let connecting = TlsConnector::from(std::sync::Arc::new(config)).connect(name, tcp).await;
    connecting.map(drop).map_err(|error| error.to_string())
}

//! One HTTP/2 connection to a server on this machine, over TLS 1.3.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tonic::client::Grpc;
use tonic::codegen::http::Uri;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::door::tls::{TlsError, client_config};
use crate::pb;

/// The name that the server's certificate must be for.
const SERVER_NAME: &str = "localhost";

/// No reply is larger.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// Connects to the server at `address`, which must show a certificate for `localhost` from one of
/// these authorities. A lost connection is made again with the next call.
pub async fn connect(address: SocketAddr, ca_pem: &[u8]) -> Result<Channel, ConnectError> {
    connect_with(None, address, SERVER_NAME, ca_pem).await
}

/// The same, with a certificate for this name.
pub async fn connect_as(address: SocketAddr, name: &str, ca_pem: &[u8]) -> Result<Channel, ConnectError> {
    connect_with(None, address, name, ca_pem).await
}

/// The same, from one of this machine's own addresses.
pub async fn connect_from(
    origin: Option<IpAddr>,
    address: SocketAddr,
    ca_pem: &[u8],
) -> Result<Channel, ConnectError> {
    connect_with(origin, address, SERVER_NAME, ca_pem).await
}

async fn connect_with(
    origin: Option<IpAddr>,
    address: SocketAddr,
    name: &str,
    ca_pem: &[u8],
) -> Result<Channel, ConnectError> {
    let tls = TlsConnector::from(client_config(ca_pem).map_err(ConnectError::Authority)?);
    let name = ServerName::try_from(name.to_owned()).map_err(|_no_name| ConnectError::Name)?;
    let connector = tower::service_fn(move |_uri: Uri| {
        let (tls, name) = (tls.clone(), name.clone());
        async move {
            let tcp = stream(origin, address).await?;
            tcp.set_nodelay(true)?;
            Ok::<_, io::Error>(TokioIo::new(tls.connect(name, tcp).await?))
        }
    });
    // tonic is built without TLS and leaves it to the connector, whatever the scheme says.
    Endpoint::from_shared(format!("https://{SERVER_NAME}:{}", address.port()))
        .expect("a name and a port make a URI")
        .connect_with_connector(connector)
        .await
        .map_err(ConnectError::Connection)
}

async fn stream(origin: Option<IpAddr>, address: SocketAddr) -> io::Result<TcpStream> {
    let Some(origin) = origin else { return TcpStream::connect(address).await };
    let socket = if origin.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(origin, 0))?;
    socket.connect(address).await
}

/// Whether a connection could trust this: certificates, as PEM.
pub fn is_authority(ca_pem: &[u8]) -> bool {
    client_config(ca_pem).is_ok()
}

/// Calls `method`, for example `/saifu.v1.PaymentService/Pay`. Replies are bounded; what is sent is
/// not, for that is the server's to refuse.
pub async fn unary<Reply>(
    channel: &Channel,
    method: &'static str,
    envelope: pb::Envelope,
) -> Result<Reply, Status>
where
    Reply: prost::Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(REPLY_BYTES_MAX);
    grpc.ready().await.map_err(|error| Status::new(Code::Unavailable, error.to_string()))?;
    let codec = ProstCodec::<pb::Envelope, Reply>::default();
    let reply = grpc.unary(Request::new(envelope), PathAndQuery::from_static(method), codec).await?;
    Ok(reply.into_inner())
}

/// Calls `method` whose answer is a stream.
pub async fn watch<Reply>(
    channel: &Channel,
    method: &'static str,
    envelope: pb::Envelope,
) -> Result<Streaming<Reply>, Status>
where
    Reply: prost::Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(REPLY_BYTES_MAX);
    grpc.ready().await.map_err(|error| Status::new(Code::Unavailable, error.to_string()))?;
    let codec = ProstCodec::<pb::Envelope, Reply>::default();
    let path = PathAndQuery::from_static(method);
    Ok(grpc.server_streaming(Request::new(envelope), path, codec).await?.into_inner())
}

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// The authority's certificate cannot be used.
    Authority(TlsError),
    /// No certificate is for such a name.
    Name,
    /// The server cannot be reached, or is not the one that the authority vouches for.
    Connection(tonic::transport::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(error) => write!(f, "the server cannot be trusted: {error}"),
            Self::Name => f.write_str("the server's name is not a DNS name or an address"),
            Self::Connection(error) => {
                write!(f, "the server cannot be reached")?;
                let mut source = std::error::Error::source(error);
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Authority(error) => Some(error),
            Self::Name => None,
            Self::Connection(error) => Some(error),
        }
    }
}

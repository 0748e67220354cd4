//! The floor of a payment: a stock tonic server over the same TLS that checks one signature with one
//! known key, and answers. No caps, no deadlines, no store.

mod stream;

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::bench::floor::stream::Stream;
use crate::client::method;
use crate::crypto::envelope::PublicKey;
use crate::pb;
use crate::pb::payment_service_server::{PaymentService, PaymentServiceServer};

/// Serves until `stop` is ready.
pub async fn serve_floor(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    key: PublicKey,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let acceptor = TlsAcceptor::from(tls);
    let incoming = TcpListenerStream::new(listener).then(move |accepted| {
        let acceptor = acceptor.clone();
        async move {
            let tcp = accepted?;
            tcp.set_nodelay(true)?;
            acceptor.accept(tcp).await.map(Stream::new)
        }
    });
    Server::builder()
        .add_service(PaymentServiceServer::new(Floor { key }))
        .serve_with_incoming_shutdown(incoming, stop)
        .await
}

struct Floor {
    key: PublicKey,
}

#[tonic::async_trait]
impl PaymentService for Floor {
    type WatchStream = futures_util::stream::Empty<Result<pb::WatchPaymentsReply, Status>>;

    async fn watch(&self, _request: Request<pb::Envelope>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("the floor only pays"))
    }

    async fn pay(&self, request: Request<pb::Envelope>) -> Result<Response<pb::PayReply>, Status> {
        let envelope = request.into_inner();
        self.key
            .verify(method::PAY, &envelope.payload, &envelope.signature)
            .map_err(|_unverified| Status::unauthenticated("the signature does not verify"))?;
        // As long as a real reply.
        Ok(Response::new(pb::PayReply {
            payment_id: vec![7; 16],
            paid_at: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 123_456_000 }),
            available_after_minor: 123_456,
        }))
    }

    async fn resolve_payee(
        &self,
        _request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ResolvePayeeReply>, Status> {
        Err(Status::unimplemented("the floor only pays"))
    }

    async fn issue_code(
        &self,
        _request: Request<pb::Envelope>,
    ) -> Result<Response<pb::IssueCodeReply>, Status> {
        Err(Status::unimplemented("the floor only pays"))
    }

    async fn confirm(
        &self,
        _request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ConfirmPaymentReply>, Status> {
        Err(Status::unimplemented("the floor only pays"))
    }

    async fn decline(
        &self,
        _request: Request<pb::Envelope>,
    ) -> Result<Response<pb::DeclinePaymentReply>, Status> {
        Err(Status::unimplemented("the floor only pays"))
    }

    async fn get_payment(
        &self,
        _request: Request<pb::Envelope>,
    ) -> Result<Response<pb::GetPaymentReply>, Status> {
        Err(Status::unimplemented("the floor only pays"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tonic::Code;

    use super::*;
    use crate::client::{Signer, connect, unary};
    use crate::crypto::device_key::DeviceKey;
    use crate::crypto::envelope::SignatureForm;
    use crate::door::{Sandbox, fixed_server_config};

    #[tokio::test]
    async fn the_floor_pays_for_its_key_alone() {
        let directory = tempfile::tempdir().unwrap();
        let identity = Sandbox::load_or_create(directory.path()).unwrap();
        let ca_pem = std::fs::read(&identity.ca_path).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let signer = Signer::new(DeviceKey::generate(SignatureForm::Der), "test.example");
        let (stop, stopped) = oneshot::channel::<()>();
        let tls = fixed_server_config(&identity).unwrap();
        let serving = serve_floor(listener, tls, signer.key().public(), async { drop(stopped.await) });
        let serving = tokio::spawn(serving);

        let channel = connect(address, &ca_pem).await.unwrap();
        let envelope = signer.draft(method::PAY, &pb::PayRequest::default()).seal(&signer);
        let reply: pb::PayReply = unary(&channel, method::PAY, envelope.clone()).await.unwrap();
        assert_eq!(reply.payment_id.len(), 16);
        let altered = pb::Envelope { payload: vec![1], ..envelope };
        let status = unary::<pb::PayReply>(&channel, method::PAY, altered).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);

        drop(stop);
        drop(channel);
        serving.await.unwrap().unwrap();
    }
}

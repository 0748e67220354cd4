//! The tonic services: payload to command or query, outcome to reply. They own a gate and nothing
//! else, and know no SQL.

pub mod catalogue;
pub mod health;
pub mod status;

mod admin;
mod convert;
mod device;
mod enrolment;
mod merchant;
mod page;
mod payment;
mod pos;
mod recovery;
mod sandbox;
mod security;
mod top_up;
mod wallet;
mod watched;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

pub use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::door::Methods;
use crate::door::peer::Peer;
use crate::env::clock::MovableClock;
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::gate::rejection::Rejection;
use crate::notify::folder::Folder;
use crate::pb;

/// Messages are at most so large, both ways.
pub const MESSAGE_BYTES: usize = 64 * 1024;

/// What only a sandbox offers.
pub struct Sandbox {
    /// Its clock, which can be moved.
    pub clock: Arc<dyn MovableClock>,
    /// Its messages.
    pub folder: Folder,
    /// Its shops, in the order of the seed file.
    pub shops: Vec<pb::SandboxShop>,
}

/// Every operation's policy, for tests and documentation: an RPC of the proto files that is not
/// here fails the guard matrix.
pub fn declared() -> Vec<Declared> {
    [
        enrolment::declared().as_slice(),
        &device::declared(),
        &security::declared(),
        &recovery::declared(),
        &wallet::declared(),
        &top_up::declared(),
        &payment::declared(),
        &pos::declared(),
        &merchant::declared(),
        &admin::declared(),
        &sandbox::declared(),
    ]
    .concat()
}

/// Every method, as the log calls it.
pub fn methods() -> Methods {
    Arc::new(declared().into_iter().map(|declared| declared.method).collect())
}

/// A service whose messages are bounded both ways.
macro_rules! service {
    ($server:path, $service:expr) => {
        <$server>::new($service)
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
    };
}

/// The operators' services, for their own listener.
pub fn operators_routes(gate: &Arc<Gate>) -> Routes {
    Routes::new(service!(
        pb::admin_service_server::AdminServiceServer<_>,
        admin::Admin { gate: Arc::clone(gate) }
    ))
}

/// All services but the operators' over one gate; the sandbox's only where there is one.
pub fn routes(gate: &Arc<Gate>, sandbox: Option<Sandbox>) -> Routes {
    let mut routes = Routes::builder();
    routes
        .add_service(service!(
            pb::enrolment_service_server::EnrolmentServiceServer<_>,
            enrolment::Enrolment { gate: Arc::clone(gate) }
        ))
        .add_service(service!(
            pb::device_service_server::DeviceServiceServer<_>,
            device::Device { gate: Arc::clone(gate) }
        ))
        .add_service(service!(
            pb::security_service_server::SecurityServiceServer<_>,
            security::Security { gate: Arc::clone(gate) }
        ))
        .add_service(service!(
            pb::recovery_service_server::RecoveryServiceServer<_>,
            recovery::Recovery { gate: Arc::clone(gate) }
        ))
        .add_service(service!(
            pb::wallet_service_server::WalletServiceServer<_>,
            wallet::Wallet { gate: Arc::clone(gate) }
        ))
        .add_service(service!(
            pb::top_up_service_server::TopUpServiceServer<_>,
            top_up::TopUp { gate: Arc::clone(gate) }
        ))
        .add_service(service!(
            pb::payment_service_server::PaymentServiceServer<_>,
            payment::Payment { gate: Arc::clone(gate) }
        ))
        .add_service(service!(
            pb::pos_service_server::PosServiceServer<_>,
            pos::Pos { gate: Arc::clone(gate) }
        ))
        .add_service(service!(
            pb::merchant_service_server::MerchantServiceServer<_>,
            merchant::Merchant { gate: Arc::clone(gate) }
        ));
    if let Some(sandbox) = sandbox {
        routes.add_service(service!(
            pb::sandbox_service_server::SandboxServiceServer<_>,
            sandbox::SandboxCalls { gate: Arc::clone(gate), sandbox }
        ));
    }
    routes.routes()
}

/// Where a call comes from. Only the accept loop's word counts; headers are not looked at.
fn peer<T>(request: &Request<T>) -> IpAddr {
    request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address.ip())
}

/// Does a call's work. The front door sees to a handler that panics.
async fn answer<T>(work: impl Future<Output = Result<T, Rejection>>) -> Result<Response<T>, Status> {
    match work.await {
        Ok(reply) => Ok(Response::new(reply)),
        Err(rejection) => Err(status::of(&rejection)),
    }
}

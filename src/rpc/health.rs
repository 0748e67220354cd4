//! gRPC health (grpc.health.v1), as probes know it: one bit for the whole process. It has a listener of
//! its own and stands behind no gate.

use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

/// The name that stands for the whole process.
const ALL: &str = "";

/// What is told.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
}

/// A health service that says SERVING.
pub fn serving() -> (Health, Routes) {
    // The empty name is SERVING from the beginning.
    let (reporter, service) = health_reporter();
    (Health { reporter }, Routes::new(service.max_decoding_message_size(super::MESSAGE_BYTES)))
}

impl Health {
    /// Says SERVING from now on, or NOT_SERVING.
    pub async fn set(&self, serves: bool) {
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.reporter.set_service_status(ALL, status).await;
    }
}

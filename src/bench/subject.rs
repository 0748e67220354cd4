//! One measured server with what it takes to load it: connections, and keys that sign.

use std::time::Duration;

use tonic::transport::Channel;

use crate::bench::load::{Call, Round, run};
use crate::bench::process::ServerProcess;
use crate::bench::{BenchError, Load};
use crate::client::{Refused, Signer, connect, method};
use crate::pb;

/// Connections that the load is spread over.
pub(super) const CONNECTIONS: usize = 4;

/// How many more calls are signed than the last round had, so that a faster one doesn't run out.
const SPARE: (u64, u64) = (5, 4);

/// The first, uncounted round: it warms everything up and says how many calls a round needs.
const WARM_UP: Duration = Duration::from_secs(2);
const WARM_UP_CALLS: u64 = 20_000;

/// A key and the payment that it signs over and over, each time under a new request id.
pub(super) struct Payer {
    pub(super) signer: Signer,
    pub(super) request: pb::PayRequest,
}

/// A server under load.
pub(super) struct Subject {
    process: ServerProcess,
    channels: Vec<Channel>,
    payers: Vec<Payer>,
    load: Load,
    expected_per_s: u64,
    pub(super) total: Round,
    pub(super) cpu_us: u64,
}

impl Subject {
    /// Connects to the server and warms it up.
    pub(super) async fn prepare(
        process: ServerProcess,
        payers: Vec<Payer>,
        load: Load,
    ) -> Result<Self, BenchError> {
        let channels = channels(&process).await?;
        let mut subject =
            Self { process, channels, payers, load, expected_per_s: 0, total: Round::empty(), cpu_us: 0 };
        let warm_up =
            run(&subject.channels, sign(&subject.payers, WARM_UP_CALLS), subject.load.in_flight, WARM_UP)
                .await;
        subject.expect_like(&warm_up);
        if warm_up.ok == 0 {
            return Err(BenchError::NothingDone(warm_up.first_error.map(Refused::from)));
        }
        Ok(subject)
    }

    /// One round. Returns its rate and adds it to the total.
    pub(super) async fn round(&mut self) -> Result<f64, BenchError> {
        let calls = sign(&self.payers, self.expected_per_s * self.load.seconds * SPARE.0 / SPARE.1);
        let before_us = self.process.cpu_us()?;
        let duration = Duration::from_secs(self.load.seconds);
        let round = run(&self.channels, calls, self.load.in_flight, duration).await;
        self.cpu_us += self.process.cpu_us()?.saturating_sub(before_us);
        if round.ok == 0 {
            return Err(BenchError::NothingDone(round.first_error.map(Refused::from)));
        }
        self.expect_like(&round);
        let per_s = round.per_s();
        self.total.add(round);
        Ok(per_s)
    }

    pub(super) fn accounts(&self) -> usize {
        self.payers.len()
    }

    fn expect_like(&mut self, round: &Round) {
        self.expected_per_s = (round.ok + round.errors) * 1_000_000 / round.elapsed_us.max(1) + 1;
    }
}

/// So many payments, by one payer after the other, issued now.
pub(super) fn sign(payers: &[Payer], count: u64) -> Vec<Call> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let sign =
        |Payer { signer, request }: &Payer| (method::PAY, signer.draft(method::PAY, request).seal(signer));
    payers.iter().cycle().take(count).map(sign).collect()
}

/// Connections to a server, to be used in turn.
pub(super) async fn channels(process: &ServerProcess) -> Result<Vec<Channel>, BenchError> {
    let ca_pem = std::fs::read(&process.ready.ca).map_err(BenchError::io("read the server's authority"))?;
    let mut channels = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        channels.push(connect(process.ready.address, &ca_pem).await.map_err(BenchError::Connect)?);
    }
    Ok(channels)
}

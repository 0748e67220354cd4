//! The measured server: a whole sandbox server, with rules and rate limits out of the load's way.

use std::net::SocketAddr;
use std::path::Path;

use crate::bench::BenchError;
use crate::bench::process::{Ready, announce, end_of_input, runtime};
use crate::config::Config;
use crate::domain::policy::{Caps, CardRules, Limits, Policy, StepUp};
use crate::domain::time::DAY_US;
use crate::env::environment::Environment;
use crate::gate::limit::LimitTable;
use crate::server::{Server, Settings};

/// More than any measurement moves, and far from where sums of it would overflow.
const PLENTY: i64 = 1_000_000_000_000_000;

/// Runs a server in this process. Without a bound, commits are shared as they always are.
pub(super) fn serve_pay(
    dir: &Path,
    batch_bound: Option<usize>,
    config: Option<&Path>,
) -> Result<(), BenchError> {
    let mut settings = settings(dir, batch_bound);
    if let Some(path) = config {
        let config = Config::load(path, &Environment::of_the_process()).map_err(BenchError::Config)?;
        let theirs = Settings::try_from(config).map_err(BenchError::Start)?;
        settings = Settings { store: theirs.store, redis: theirs.redis, ..settings };
    }
    runtime()?.block_on(async {
        let server = Server::start(settings).await.map_err(BenchError::Start)?;
        announce(&Ready { address: server.address(), ca: server.ca_path().to_owned() })?;
        end_of_input().await;
        server.stop().await;
        Ok(())
    })
}

fn settings(dir: &Path, batch_bound: Option<usize>) -> Settings {
    let standard = Settings::sandbox(dir.to_owned(), SocketAddr::from(([127, 0, 0, 1], 0)));
    Settings { policy: policy(), limits: LimitTable::unlimited(), batch_bound, ..standard }
}

// Every rule is still asked; none says no.
fn policy() -> Policy {
    let unlimited = Caps {
        payment_minor: None,
        day_minor: None,
        month_minor: None,
        balance_minor: None,
        top_up_day_minor: None,
        top_up_day_count: None,
    };
    let standard = Policy::standard();
    Policy {
        step_up: StepUp { fresh_us: DAY_US, amount_minor: PLENTY, sum_minor: PLENTY, payments: PLENTY },
        limits: Limits {
            standard: unlimited,
            young_device: unlimited,
            top_up_pause_us: 0,
            ..standard.limits
        },
        cards: CardRules { day_minor: PLENTY, new_day_minor: PLENTY, ..standard.cards },
        ..standard
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::accounts::payers;
    use crate::bench::load::run;
    use crate::bench::subject::sign;
    use crate::client::connect;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_load_pays_and_is_never_refused() {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(settings(directory.path(), None)).await.unwrap();
        let ca_pem = std::fs::read(server.ca_path()).unwrap();
        let channels = [connect(server.address(), &ca_pem).await.unwrap()];
        let payers = payers(&channels).await.unwrap();
        let round = run(&channels, sign(&payers, 400), 8, Duration::from_mins(1)).await;
        assert_eq!((round.ok, round.errors), (400, 0), "{:?}", round.first_error);
        server.stop().await;
    }
}

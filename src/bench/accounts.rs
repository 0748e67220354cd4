//! Accounts for the load: enrolled and funded through gRPC, like anybody's.

use std::sync::Arc;

use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::bench::BenchError;
use crate::bench::subject::Payer;
use crate::client::Wallet;
use crate::env::SystemClock;
use crate::pb;
use crate::server::SANDBOX_AUDIENCE;

/// Enough that payments of one account seldom meet.
const ACCOUNTS_PER_CONNECTION: usize = 16;

/// More than one account pays in a measurement, at ¥1 each.
const BALANCE_MINOR: i64 = 100_000_000;

/// Enrols and funds accounts over each of these connections.
pub(super) async fn payers(channels: &[Channel]) -> Result<Vec<Payer>, BenchError> {
    let mut enrolling = JoinSet::new();
    for (at, channel) in channels.iter().enumerate() {
        enrolling.spawn(payers_over(channel.clone(), at));
    }
    let enrolled: Result<Vec<_>, _> = enrolling.join_all().await.into_iter().collect();
    Ok(enrolled?.into_iter().flatten().collect())
}

async fn payers_over(channel: Channel, at: usize) -> Result<Vec<Payer>, BenchError> {
    let mut payers = Vec::with_capacity(ACCOUNTS_PER_CONNECTION);
    for number in 0..ACCOUNTS_PER_CONNECTION {
        let mut wallet = Wallet::new(channel.clone(), SANDBOX_AUDIENCE, Arc::new(SystemClock));
        let email = format!("payer-{at}-{number}@bench.example");
        wallet.enrol(&email, "bench: kagi wa doko ni mo nai").await.map_err(BenchError::Enrol)?;
        fund(&wallet).await?;
        let shops = wallet.list_shops().await.map_err(BenchError::Refused)?.shops;
        let shop = shops.into_iter().next().ok_or(BenchError::Unprepared("the server has no shop"))?;
        let request = pb::PayRequest {
            store_id: shop.store_id,
            payee_name: shop.name,
            amount_minor: 1,
            currency: "JPY".to_owned(),
            order_id: String::new(),
        };
        payers.push(Payer { signer: wallet.signer, request });
    }
    Ok(payers)
}

async fn fund(wallet: &Wallet) -> Result<(), BenchError> {
    let linked = wallet.link_funding("sandbox-bench", "Bench").await.map_err(BenchError::Refused)?;
    let request = pb::TopUpRequest {
        funding_id: linked.funding_id,
        amount_minor: BALANCE_MINOR,
        currency: "JPY".to_owned(),
    };
    let top_up = wallet.top_up(request, None, None).await.map_err(BenchError::Refused)?.top_up;
    if top_up.is_some_and(|top_up| top_up.state() == pb::TopUpState::Succeeded) {
        Ok(())
    } else {
        Err(BenchError::Unprepared("a top-up did not succeed"))
    }
}

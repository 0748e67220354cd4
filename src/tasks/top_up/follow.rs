//! One turn of one top-up: what is asked of its provider, and what is booked of the answer.

use super::{
    Answer, Funding, Gate, Query, Reply, RowKey, StoreError, SystemAction, Timestamp, TopUp, TopUpState,
};
use crate::domain::money::Amount;
use crate::domain::outcome::Outcome;
use crate::domain::top_up::{Answer as Said, Step, step};
use crate::funding::{Charge, Opened};
use prost::Message as _;

/// When a top-up is asked about next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// As its state has it.
    ByItsState,
    /// Soon, although its state is over: something is owed to its owner.
    Again,
}

/// Asks, and books the answer.
pub(super) async fn on(gate: &Gate, row: &TopUp) -> Result<Next, StoreError> {
    let provider = &gate.tools().provider;
    let fetched = gate.fetch(Query::row(RowKey::Funding(row.funding_id))).await?;
    if fetched.get::<Funding>().is_none_or(|source| source.provider != provider.number()) {
        // Its provider is not the configured one: only that one knows what became of it.
        tracing::error!("a top-up's provider is not configured: it waits for [funding] to name it again");
        return Ok(Next::ByItsState);
    }
    let late = is_late(gate, row);
    let Some(reference) = row.provider_reference.as_deref() else {
        let begun = if late { unnamed(gate, row).await } else { begin(gate, row).await };
        return begun.map(|()| Next::ByItsState);
    };
    let reply = if late { provider.cancel(reference).await } else { provider.query(reference).await };
    let confirms = reply == Reply::Unconfirmed && row.state.is_open() && !late;
    let reply = if confirms { provider.confirm(reference).await } else { reply };
    book(gate, row, reference, reply).await
}

/// Past its deadline an open top-up is not waited for any longer.
fn is_late(gate: &Gate, row: &TopUp) -> bool {
    let tools = gate.tools();
    let deadline = row.requested_at.plus_us(tools.policy.top_ups.deadline_us);
    row.state.is_open() && Timestamp(tools.clock.now_us()) >= deadline
}

/// What has no name was never confirmed, since only a stored name is, and never will be: by the commit of
/// this, a name that still comes is not stored.
async fn unnamed(gate: &Gate, row: &TopUp) -> Result<(), StoreError> {
    settle(gate, row, "", Settled::Failed).await
}

/// Opens the charge, stores its name, and only then confirms it.
async fn begin(gate: &Gate, row: &TopUp) -> Result<(), StoreError> {
    // Whatever keeps it from being opened may be over by the next turn.
    let opened = gate.tools().open_document(row.account_id).await.map_err(|_| StoreError::Unavailable)?;
    let source = opened.iter().flat_map(|opened| &opened.document.funding);
    let token =
        source.clone().find(|source| source.funding_id == row.funding_id.0).map(|source| &source.token);
    let (Some(token), Some(amount)) = (token, Amount::new(row.amount_minor)) else {
        // A source cannot be unlinked while it is asked: its token is gone by a defect.
        tracing::error!("a top-up's source has no token; it is not charged");
        return Ok(());
    };
    let charge = Charge {
        top_up_id: row.top_up_id,
        token,
        amount,
        requested_at: row.requested_at,
        // This turn was counted already.
        asked_before: row.attempts > 1,
        wants_challenge: row.wants_challenge,
    };
    let provider = &gate.tools().provider;
    match provider.open(charge).await {
        Opened::Named(reference) => {
            let waits = await_it(gate, row, false, Some(reference.clone()), None).await?;
            if !matches!(waits, Answer::Final(Outcome::TopUpWaits { .. })) {
                return Ok(());
            }
            let row = TopUp {
                state: TopUpState::Unknown,
                turn: row.turn + 1,
                provider_reference: Some(reference.clone()),
                ..row.clone()
            };
            let reply = provider.confirm(&reference).await;
            book(gate, &row, &reference, reply).await.map(drop)
        }
        Opened::Refused => settle(gate, row, "", Settled::Failed).await,
        Opened::Silent if step(row.state, Said::Unknown) == Step::Pass => Ok(()),
        Opened::Silent => await_it(gate, row, false, None, None).await.map(drop),
    }
}

async fn book(gate: &Gate, row: &TopUp, reference: &str, reply: Reply) -> Result<Next, StoreError> {
    let moves = |said| step(row.state, said) != Step::Pass;
    match reply {
        Reply::RequiresAction(action) if moves(Said::RequiresAction) => {
            let sealed = gate.tools().seal("top-up-action", &row.top_up_id.0, &action.encode_to_vec());
            await_it(gate, row, true, Some(reference.to_owned()), Some(sealed)).await?;
        }
        Reply::Processing if moves(Said::Unknown) => {
            await_it(gate, row, false, Some(reference.to_owned()), None).await?;
        }
        Reply::Succeeded { challenged } if moves(Said::Succeeded) && (challenged || !row.wants_challenge) => {
            settle(gate, row, reference, Settled::Succeeded { challenged }).await?;
        }
        Reply::Succeeded { .. } if moves(Said::Succeeded) => {
            // Whoever's card it is, he did not say yes to this.
            tracing::warn!("a provider charged without the 3-D Secure that was asked for: it is given back");
            return given_back_or_again(gate, row, reference, true).await;
        }
        Reply::Failed if moves(Said::Failed) => settle(gate, row, reference, Settled::Failed).await?,
        Reply::Refunded if moves(Said::Refunded) => take_back(gate, row, false).await?,
        Reply::ChargedBack if moves(Said::ChargedBack) => take_back(gate, row, true).await?,
        Reply::Succeeded { .. } if row.state == TopUpState::Failed => {
            // It said before that this cannot be. Whoever was not credited is not charged.
            tracing::error!("a provider charged for a top-up that had failed: it is given back");
            return given_back_or_again(gate, row, reference, false).await;
        }
        Reply::Failed if row.state == TopUpState::Succeeded => {
            tracing::error!("a provider says that a top-up which it confirmed has failed");
        }
        Reply::Unconfirmed
        | Reply::Silent
        | Reply::Processing
        | Reply::RequiresAction(_)
        | Reply::Succeeded { .. }
        | Reply::Failed
        | Reply::Refunded
        | Reply::ChargedBack => {}
    }
    Ok(Next::ByItsState)
}

async fn await_it(
    gate: &Gate,
    row: &TopUp,
    requires_action: bool,
    provider_reference: Option<String>,
    sealed_action: Option<Vec<u8>>,
) -> Result<Answer, StoreError> {
    let (top_up_id, turn) = (row.top_up_id, row.turn);
    gate.system(SystemAction::AwaitTopUp {
        top_up_id,
        turn,
        requires_action,
        provider_reference,
        sealed_action,
    })
    .await
}

/// Gives a charge back, and fails its top-up if it is open; both are tried until they are done.
async fn given_back_or_again(
    gate: &Gate,
    row: &TopUp,
    reference: &str,
    fails: bool,
) -> Result<Next, StoreError> {
    let given_back = gate.tools().provider.refund(row.top_up_id, reference).await;
    if !matches!(given_back, Reply::Refunded | Reply::ChargedBack) {
        return Ok(Next::Again);
    }
    if fails {
        settle(gate, row, reference, Settled::Failed).await?;
    }
    Ok(Next::ByItsState)
}

/// How a provider ends a top-up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    Succeeded { challenged: bool },
    Failed,
}

async fn settle(gate: &Gate, row: &TopUp, reference: &str, how: Settled) -> Result<(), StoreError> {
    let (top_up_id, provider_reference) = (row.top_up_id, reference.to_owned());
    let challenged = how == Settled::Succeeded { challenged: true };
    let succeeded = how != Settled::Failed;
    gate.system(SystemAction::SettleTopUp { top_up_id, succeeded, challenged, provider_reference })
        .await
        .map(drop)
}

async fn take_back(gate: &Gate, row: &TopUp, charged_back: bool) -> Result<(), StoreError> {
    gate.system(SystemAction::TakeBackTopUp { top_up_id: row.top_up_id, charged_back }).await.map(drop)
}

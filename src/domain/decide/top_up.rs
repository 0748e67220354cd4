//! Money in: the request reserves the limit, the provider's answer books it exactly once.

use super::Traceless;
use super::device::{Done, Halt, Turn};
use super::funding;
use super::ruling::Ruling;
use crate::domain::id::{FundingId, LotId, TopUpId};
use crate::domain::journal::Versions;
use crate::domain::ledger::{PROVIDER_CLEARING, Postings, Transfer};
use crate::domain::limits;
use crate::domain::lots::Lot;
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, TopUp, TopUpState};
use crate::domain::view::View;
use crate::domain::write::Write;

/// Records a top-up and reserves its limit; the provider is asked after the commit.
pub(super) fn request(
    turn: &mut Turn<'_>,
    top_up_id: TopUpId,
    funding_id: FundingId,
    amount: Amount,
    currency: &str,
) -> Result<Done, Halt> {
    funding::chargeable(turn.view, &turn.account, funding_id)?;
    if Asset::of_code(currency) != Some(turn.account.asset) {
        return Err(Refusal::WrongCurrency.into());
    }
    limits::check_top_up(turn.policy, &turn.account, &turn.device, amount, turn.now)
        .map_err(|no| Halt::Refuse { refusal: no.refusal, retry_at: no.retry_at })?;

    turn.account.incoming_minor += amount.minor();
    turn.account.last_top_up_at = Some(turn.now);
    turn.account.top_ups.add(turn.now, amount.minor());
    let top_up = TopUp {
        top_up_id,
        tenant_id: turn.account.tenant_id,
        account_id: turn.account.account_id,
        funding_id,
        asset: turn.account.asset,
        amount_minor: amount.minor(),
        state: TopUpState::Requested,
        requested_at: turn.now,
        settled_at: None,
        provider_reference: None,
    };
    turn.writes.push(Write::Insert(top_up.into_row()));
    Ok(Done::plain(Outcome::TopUpRequested { top_up_id }))
}

/// Books the provider's answer. Another answer to a settled top-up changes nothing.
pub(super) fn settle(
    view: &View,
    top_up_id: TopUpId,
    succeeded: bool,
    provider_reference: &str,
) -> Result<Ruling, Traceless> {
    let top_up = view.get::<TopUp>((top_up_id,)).ok_or(Traceless::NothingToDo)?;
    let account = view.get::<Account>((top_up.account_id,)).ok_or(Traceless::NothingToDo)?;
    let amount = Amount::new(top_up.amount_minor).ok_or(Traceless::NothingToDo)?;
    if top_up.state != TopUpState::Requested {
        return Err(Traceless::NothingToDo);
    }
    let now = view.now().max(account.last_at);
    let mut account = Account { version: account.version + 1, last_at: now, ..account.clone() };
    let settled = TopUp {
        state: if succeeded { TopUpState::Succeeded } else { TopUpState::Failed },
        settled_at: Some(now),
        provider_reference: Some(provider_reference.to_owned()),
        ..top_up.clone()
    };
    account.incoming_minor -= amount.minor();
    let mut done = Ruling {
        writes: vec![Write::Update(settled.into_row())],
        outcome: Outcome::TopUpSettled {
            top_up_id,
            credited_minor: if succeeded { amount.minor() } else { 0 },
            available_after_minor: 0,
        },
        entry_account_id: None,
        postings: Postings::default(),
        versions: Versions { accounts: vec![(account.account_id, account.version)], keys: Vec::new() },
    };
    if succeeded {
        credit(&mut account, &mut done, top_up_id, amount);
    } else {
        account.top_ups.give_back(top_up.requested_at, amount.minor());
    }
    if let Outcome::TopUpSettled { available_after_minor, .. } = &mut done.outcome {
        *available_after_minor = account.available_minor();
    }
    done.writes.push(Write::Update(account.into_row()));
    Ok(done)
}

fn credit(account: &mut Account, done: &mut Ruling, top_up_id: TopUpId, amount: Amount) {
    account.credits_posted_minor += amount.minor();
    account.lots.add(Lot { lot_id: LotId(top_up_id.0), remaining_minor: amount.minor(), expires_at: None });
    done.entry_account_id = Some(account.account_id);
    done.postings = Postings(vec![Transfer {
        debit: PROVIDER_CLEARING,
        credit: account.ledger_account_id,
        asset: account.asset,
        amount,
    }]);
    done.writes.push(Write::Credit {
        ledger_account_id: PROVIDER_CLEARING,
        debits_minor: amount.minor(),
        credits_minor: 0,
    });
}

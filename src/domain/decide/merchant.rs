//! A merchant's server: its tills, and reversals for those that cannot.

use super::order::{self, Counter};
use super::reverse::{self, Subject};
use super::ruling::Ruling;
use super::step::{self, Asking};
use super::{Decision, Stale, keys, webhook};
use crate::domain::command::{MerchantAction, MerchantCall, OrderDraft};
use crate::domain::id::{CodeTag, CommandId, OwnerId, StoreId, TerminalId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{
    Activation, KeyState, Merchant, Principal, SecretReply, SigningKey, Standing, Store, Terminal,
    TerminalState,
};
use crate::domain::standing::{Deed, Shop};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Decides a merchant's call whose request id is new.
pub(super) fn decide(
    command_id: CommandId,
    call: &MerchantCall,
    action: &MerchantAction,
    view: &View,
    policy: &Policy,
) -> Decision {
    let Some(merchant) = caller(call, view) else { return Decision::Stale(Stale::Key) };
    if let Err(refusal) = Shop::of(merchant).allows(action.deed()) {
        return Ruling::from(refusal).decision(action.kind(), &call.signed, view);
    }
    if let MerchantAction::Webhook(action) = action {
        return webhook::decide(call, action, merchant, view, policy);
    }
    let ruling = act(command_id, call, action, merchant, view, policy).unwrap_or_else(Ruling::from);
    ruling.decision(action.kind(), &call.signed, view)
}

fn caller<'a>(call: &MerchantCall, view: &'a View) -> Option<&'a Merchant> {
    let key = view.get::<SigningKey>((call.signed.key_id,))?;
    let good = key.state == KeyState::Active
        && key.principal == Principal::Merchant
        && key.owner_id == OwnerId(call.merchant_id.0);
    view.get::<Merchant>((call.merchant_id,))
        .filter(|merchant| good && merchant.key_id == Some(call.signed.key_id))
}

fn act(
    command_id: CommandId,
    call: &MerchantCall,
    action: &MerchantAction,
    merchant: &Merchant,
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Refusal> {
    let own = |terminal_id: TerminalId| {
        view.get::<Terminal>((terminal_id,))
            .filter(|terminal| terminal.merchant_id == merchant.merchant_id)
            .ok_or(Refusal::NotFound)
    };
    match action {
        MerchantAction::RegisterTerminal { terminal_id, store_id, label, activation_tag, secret } => {
            let new = NewTerminal { terminal_id: *terminal_id, store_id: *store_id, label };
            register(call, merchant, &new, (*activation_tag, secret), view, policy)
        }
        MerchantAction::SuspendTerminal { terminal_id } => {
            let suspended = Terminal { state: TerminalState::Suspended, ..own(*terminal_id)?.clone() };
            Ok(set(suspended, Standing::Suspended))
        }
        MerchantAction::ResumeTerminal { terminal_id } => {
            let terminal = own(*terminal_id)?;
            let store = view.get::<Store>((terminal.store_id,));
            Shop { merchant, store, terminal: Some(terminal) }.no_bar(action.deed())?;
            if terminal.state != TerminalState::Suspended {
                return Err(Refusal::TerminalNotSuspended);
            }
            let state =
                if terminal.key_id.is_some() { TerminalState::Active } else { TerminalState::Registered };
            Ok(set(Terminal { state, ..terminal.clone() }, Standing::Active))
        }
        // Decided where its document may be found to be another by now.
        MerchantAction::Webhook(_) => Err(Refusal::NotFound),
        MerchantAction::Step { order_id, step } => {
            step::by_shop(&Asking { command_id, merchant, terminal: None, order_id }, *step, view, policy)
        }
        MerchantAction::Reverse { terminal_id, order_id } => {
            let terminal = own(*terminal_id)?;
            let subject = Subject { command_id, merchant, terminal, order_id, by_till: false };
            reverse::decide(&subject, view, policy)
        }
        MerchantAction::CreateOrder { terminal_id, order } => {
            create_order(merchant, own(*terminal_id)?, order, view)
        }
        MerchantAction::CancelOrder { order_id } => order::cancel(merchant, None, order_id, view),
        MerchantAction::RotateKey(key) => keys::rotate_merchants(merchant, key, view),
    }
}

fn create_order(
    merchant: &Merchant,
    terminal: &Terminal,
    order: &OrderDraft,
    view: &View,
) -> Result<Ruling, Refusal> {
    match terminal.state {
        TerminalState::Active => {}
        TerminalState::Registered => return Err(Refusal::TerminalNotActive),
        TerminalState::Suspended => return Err(Refusal::TerminalSuspended),
    }
    let store = view.get::<Store>((terminal.store_id,)).ok_or(Refusal::NotFound)?;
    Shop { merchant, store: Some(store), terminal: Some(terminal) }.no_bar(Deed::CreateOrder)?;
    order::create(&Counter { merchant, store, terminal }, order, view)
}

fn set(terminal: Terminal, standing: Standing) -> Ruling {
    let outcome = Outcome::TerminalStanding { terminal_id: terminal.terminal_id, standing };
    Ruling::plain(vec![Write::Update(terminal.into_row())], outcome)
}

struct NewTerminal<'a> {
    terminal_id: TerminalId,
    store_id: StoreId,
    label: &'a str,
}

fn register(
    call: &MerchantCall,
    merchant: &Merchant,
    new: &NewTerminal<'_>,
    (activation_tag, secret): (CodeTag, &[u8]),
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Refusal> {
    let store = view
        .get::<Store>((new.store_id,))
        .filter(|store| store.merchant_id == merchant.merchant_id)
        .ok_or(Refusal::NotFound)?;
    Shop { store: Some(store), ..Shop::of(merchant) }.no_bar(Deed::OpenTerminal)?;
    let now = view.now();
    let expires_at = now.plus_us(policy.staff.activation_us);
    let terminal = Terminal {
        terminal_id: new.terminal_id,
        tenant_id: merchant.tenant_id,
        merchant_id: merchant.merchant_id,
        store_id: store.store_id,
        label: new.label.to_owned(),
        key_id: None,
        state: TerminalState::Registered,
        misses_until: Timestamp(0),
        refund_day: 0,
        refunded_today_minor: 0,
        registered_at: now,
        activated_at: None,
        business_day: 1,
        cash_day: 0,
        cash_today_minor: 0,
        day_began_at: None,
        alarmed_at: None,
        alarms: 0,
        barred_at: None,
    };
    let activation = Activation {
        activation_tag,
        tenant_id: merchant.tenant_id,
        terminal_id: new.terminal_id,
        expires_at,
    };
    let secret = SecretReply {
        request_id: call.signed.request_id,
        key_id: call.signed.key_id,
        sealed: secret.to_vec(),
        expires_at: now.plus_us(policy.secret_us),
    };
    let writes = vec![
        Write::Insert(terminal.into_row()),
        Write::Insert(activation.into_row()),
        Write::Insert(secret.into_row()),
    ];
    let outcome =
        Outcome::TerminalRegistered { terminal_id: new.terminal_id, store_id: new.store_id, expires_at };
    Ok(Ruling::plain(writes, outcome))
}

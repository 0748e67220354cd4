//! A till's call: is it a till, may it, is the order its own; then the customer's code, and what stands
//! behind it. Whatever concerns the customer is `Declined` to the till, and the reason goes to him.

use super::cash::{self, Deposit};
use super::day;
use super::order::{self, Counter};
use super::pay::{self, Sale, Till};
use super::reverse::{self, Subject};
use super::ruling::Ruling;
use super::step::{self, Asking};
use super::{Decision, Stale};
use crate::domain::command::{CandidateCall, CashDraft, SaleDraft, TerminalAction, TerminalCall};
use crate::domain::id::{CodeTag, CommandId, EventId, FIRST_TENANT, OwnerId};
use crate::domain::journal::{Versions, side_id};
use crate::domain::live_codes::LiveCode;
use crate::domain::money::Asset;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::payment::{Intent, Sums};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{
    Account, AccountState, Activation, CodePurpose, Device, Event, EventKind, KeyState, Merchant, OrderSlot,
    PaymentCode, Principal, RowKey, SigningKey, Store, Terminal, TerminalState,
};
use crate::domain::standing::{Deed, Shop};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// A till's call under decision.
struct Turn<'a> {
    command_id: CommandId,
    view: &'a View,
    policy: &'a Policy,
    terminal: &'a Terminal,
    merchant: &'a Merchant,
    store: &'a Store,
}

/// A usable code, and whose it is.
struct Payer<'a> {
    live: LiveCode,
    account: &'a Account,
    device: &'a Device,
    now: Timestamp,
}

/// Decides a till's call whose request id is new.
pub(super) fn decide(
    command_id: CommandId,
    call: &TerminalCall,
    action: &TerminalAction,
    view: &View,
    policy: &Policy,
) -> Decision {
    let Some(terminal) = caller(call, view) else { return Decision::Stale(Stale::Key) };
    let (Some(merchant), Some(store)) =
        (view.get::<Merchant>((call.merchant_id,)), view.get::<Store>((call.store_id,)))
    else {
        return Decision::Stale(Stale::Key);
    };
    let turn = Turn { command_id, view, policy, terminal, merchant, store };
    turn.act(action).unwrap_or_else(Ruling::from).decision(action.kind(), &call.signed, view)
}

/// The till's row, when key and till are still what the gate saw.
fn caller<'a>(call: &TerminalCall, view: &'a View) -> Option<&'a Terminal> {
    let key = view.get::<SigningKey>((call.signed.key_id,))?;
    let terminal = view.get::<Terminal>((call.terminal_id,))?;
    let good = key.state == KeyState::Active
        && key.principal == Principal::Terminal
        && key.owner_id == OwnerId(call.terminal_id.0)
        && terminal.key_id == Some(call.signed.key_id)
        && terminal.merchant_id == call.merchant_id
        && terminal.store_id == call.store_id;
    good.then_some(terminal)
}

impl Turn<'_> {
    fn act(&self, action: &TerminalAction) -> Result<Ruling, Refusal> {
        let shop = Shop { merchant: self.merchant, store: Some(self.store), terminal: Some(self.terminal) };
        shop.no_bar(action.deed())?;
        if self.terminal.state != TerminalState::Active {
            return Err(Refusal::TerminalSuspended);
        }
        match action {
            TerminalAction::Charge(sale) => self.sell(sale, Intent::Sale),
            TerminalAction::Authorize { sale, hold_us } => {
                self.sell(sale, Intent::Hold { until: self.view.now().plus_us(*hold_us) })
            }
            TerminalAction::Step { order_id, step } => {
                let asking = Asking {
                    command_id: self.command_id,
                    merchant: self.merchant,
                    terminal: Some(self.terminal),
                    order_id,
                };
                step::by_shop(&asking, *step, self.view, self.policy)
            }
            // A till with too many misses, or a suspended merchant's, may still give back.
            TerminalAction::Reverse { order_id } => reverse::decide(
                &Subject {
                    command_id: self.command_id,
                    merchant: self.merchant,
                    terminal: self.terminal,
                    order_id,
                    by_till: true,
                },
                self.view,
                self.policy,
            ),
            TerminalAction::CreateOrder(wanted) => {
                let (merchant, store, terminal) = (self.merchant, self.store, self.terminal);
                order::create(&Counter { merchant, store, terminal }, wanted, self.view)
            }
            TerminalAction::CancelOrder { order_id } => {
                order::cancel(self.merchant, Some(self.terminal), order_id, self.view)
            }
            TerminalAction::CashTopUp(wanted) => self.deposit(wanted),
            TerminalAction::CloseDay { business_day } => day::close(self.terminal, *business_day, self.view),
        }
    }

    /// A till that sent too many unusable codes waits for a moment, whatever code comes next: so nobody
    /// guesses live ones faster, and no shop stops. Neither a good code nor its merchant ends the wait, or
    /// whoever has both would guess without end.
    fn waits(&self) -> Option<Ruling> {
        let retry_at = self.policy.payment_codes.looked_at_from(self.terminal.misses_until);
        let refused = Outcome::Refused { refusal: Refusal::TerminalBlocked, retry_at };
        (self.view.now() < retry_at).then(|| Ruling::plain(Vec::new(), refused))
    }

    /// What is asked before any customer: may this till, and may its shop, take this.
    fn may_take(&self, currency: &str) -> Result<(), Refusal> {
        if !self.merchant.takes_part() || !self.store.takes_part() {
            return Err(Refusal::MerchantSuspended);
        }
        // A customer's account holds this one asset; which customer it is, no answer may depend on.
        if Asset::of_code(currency) != Some(Asset::PrepaidJpy) {
            return Err(Refusal::WrongCurrency);
        }
        Ok(())
    }

    /// Cash for the account behind a code that is for topping up.
    fn deposit(&self, wanted: &CashDraft) -> Result<Ruling, Refusal> {
        if let Some(waits) = self.waits() {
            return Ok(waits);
        }
        self.may_take(&wanted.currency)?;
        let slot = order::free_slot(self.terminal, &wanted.order_id, self.view)?;
        let (desk, terminal) = cash::ceilings(self.terminal, self.merchant, wanted.amount, self.view)?;
        let Some(payer) = self.payer(wanted.code_tag, CodePurpose::TopUp) else {
            return Ok(self.miss(&wanted.order_id, slot));
        };
        if wanted.amount.minor() > payer.live.cap_minor {
            return Ok(self.declined(&wanted.order_id, &payer, Refusal::LimitPerPayment, slot));
        }
        let mut account = Account { last_at: payer.now, ..payer.account.clone() };
        let deposit = Deposit { wanted, device: payer.device, desk, terminal: self.terminal, now: payer.now };
        let (postings, mut writes) = match cash::credit(&deposit, &mut account, self.policy) {
            Ok(credited) => credited,
            Err(refusal) => return Ok(self.declined(&wanted.order_id, &payer, refusal, slot)),
        };
        account.live_codes.remove(payer.live.code_id);
        account.version += 1;
        let named = OrderSlot {
            cash_top_up_id: Some(wanted.cash_top_up_id),
            account_id: Some(account.account_id),
            ..self.named(&wanted.order_id, slot)
        };
        let outcome = Outcome::CashToppedUp {
            cash_top_up_id: wanted.cash_top_up_id,
            code_id: payer.live.code_id,
            at: payer.now,
            amount_minor: wanted.amount.minor(),
            available_after_minor: account.available_minor(),
        };
        let versions = Versions { accounts: vec![(account.account_id, account.version)], keys: Vec::new() };
        let entry_account_id = Some(account.account_id);
        writes.extend([
            written(named, slot),
            Write::Update(day::with_entry(&terminal, payer.now).into_row()),
            Write::Update(account.into_row()),
        ]);
        Ok(Ruling { entry_account_id, postings, versions, ..Ruling::plain(writes, outcome) })
    }

    fn sell(&self, wanted: &SaleDraft, intent: Intent) -> Result<Ruling, Refusal> {
        if let Some(waits) = self.waits() {
            return Ok(waits);
        }
        self.may_take(&wanted.currency)?;
        let slot = order::free_slot(self.terminal, &wanted.order_id, self.view)?;
        let Some(payer) = self.payer(wanted.code_tag, CodePurpose::Pay) else {
            return Ok(self.miss(&wanted.order_id, slot));
        };
        let mut account = Account { last_at: payer.now, ..payer.account.clone() };
        let sale = self.sale(wanted, intent);
        if wanted.amount.minor() > payer.live.cap_minor {
            return Ok(if wanted.ask {
                self.asked(&sale, &payer, account, slot)
            } else {
                self.declined(&wanted.order_id, &payer, Refusal::LimitPerPayment, slot)
            });
        }
        match pay::take(self.policy, &mut account, payer.device, wanted.amount, payer.now) {
            Ok(legs) => {
                let (postings, writes) =
                    pay::authorise(&mut account, payer.device.device_id, &sale, legs, payer.now);
                let outcome = authorised(&sale, &payer, &account);
                let ruling = Ruling { postings, ..Ruling::plain(writes, outcome) };
                Ok(self.accepted(&sale, &payer, account, ruling, slot))
            }
            Err(refusal) => Ok(self.declined(&wanted.order_id, &payer, refusal, slot)),
        }
    }

    /// More than the code's cap: his devices are asked, and nothing is held until one of them says yes.
    /// Neither his limits nor his balance are looked at before: no till finds them out by asking.
    fn asked(
        &self,
        sale: &Sale<'_>,
        payer: &Payer<'_>,
        account: Account,
        slot: Option<&OrderSlot>,
    ) -> Ruling {
        let awaiting_until = payer.now.plus_us(self.policy.payments.ask_us);
        let sums = Sums::awaiting(sale.amount.minor(), sale.intent, awaiting_until);
        let payment = pay::begun(&account, payer.device.device_id, sale, &sums, payer.now);
        let outcome = Outcome::PaymentAsked {
            payment_id: sale.payment_id,
            code_id: payer.live.code_id,
            amount_minor: sale.amount.minor(),
            awaiting_until,
            hold_until: sums.hold_until,
        };
        let ruling = Ruling::plain(vec![Write::Insert(payment.into_row())], outcome);
        self.accepted(sale, payer, account, ruling, slot)
    }

    /// The account behind a code that is good now, for this.
    fn payer(&self, code_tag: CodeTag, purpose: CodePurpose) -> Option<Payer<'_>> {
        let code = self.view.get::<PaymentCode>((code_tag,))?;
        let account = self.view.get::<Account>((code.account_id,))?;
        let device = self.view.get::<Device>((code.device_id,))?;
        let now = self.view.now().max(account.last_at);
        let live = account.live_codes.find(code.code_id, now)?;
        let good = live.purpose == purpose
            && live.device_id == device.device_id
            && device.state == KeyState::Active
            && account.state == AccountState::Active
            && account.stopped(now).is_none()
            && !account.renewal_due
            && device.lost_at.is_none();
        good.then_some(Payer { live, account, device, now })
    }

    fn sale<'a>(&'a self, wanted: &'a SaleDraft, intent: Intent) -> Sale<'a> {
        Sale {
            payment_id: wanted.payment_id,
            store: self.store,
            merchant: self.merchant,
            amount: wanted.amount,
            intent,
            till: Some(Till {
                terminal: self.terminal,
                order_id: &wanted.order_id,
                receipt_line: wanted.receipt_line.as_deref(),
                external_reference: wanted.external_reference.as_deref(),
            }),
        }
    }

    /// The code is used, and the order has its payment.
    fn accepted(
        &self,
        sale: &Sale<'_>,
        payer: &Payer<'_>,
        mut account: Account,
        mut ruling: Ruling,
        slot: Option<&OrderSlot>,
    ) -> Ruling {
        account.live_codes.remove(payer.live.code_id);
        account.version += 1;
        let order_id = sale.till.as_ref().map_or("", |till| till.order_id);
        let named = OrderSlot {
            payment_id: Some(sale.payment_id),
            account_id: Some(account.account_id),
            ..self.named(order_id, slot)
        };
        ruling.writes.push(written(named, slot));
        // What is held or asked for is no entry of its day yet.
        if let Outcome::Charged { at, .. } = ruling.outcome {
            let till = day::with_entry(self.terminal, at);
            if till != *self.terminal {
                ruling.writes.push(Write::Update(till.into_row()));
            }
        }
        ruling.entry_account_id = ruling.outcome.is_entry().then_some(account.account_id);
        ruling.versions =
            Versions { accounts: vec![(account.account_id, account.version)], keys: Vec::new() };
        ruling.writes.push(Write::Update(account.into_row()));
        ruling
    }

    /// The customer's account says no: he is told why, the till is not.
    fn declined(
        &self,
        order_id: &str,
        payer: &Payer<'_>,
        refusal: Refusal,
        slot: Option<&OrderSlot>,
    ) -> Ruling {
        let event = Event {
            account_id: payer.account.account_id,
            event_id: EventId(side_id(self.command_id, 1)),
            at: payer.now,
            kind: EventKind::ChargeDeclined,
            device_id: Some(payer.device.device_id),
            reason: Some(refusal.number()),
            subject_id: None,
        };
        let mut writes = vec![Write::Insert(event.into_row())];
        if slot.is_none() {
            writes.push(Write::Insert(self.named(order_id, None).into_row()));
        }
        Ruling::plain(writes, Outcome::refused(Refusal::Declined))
    }

    /// An unusable code is counted, whatever is wrong with it.
    fn miss(&self, order_id: &str, slot: Option<&OrderSlot>) -> Ruling {
        let codes = &self.policy.payment_codes;
        let misses_until = codes.with_miss(self.terminal.misses_until, self.view.now());
        let terminal = Terminal { misses_until, ..self.terminal.clone() };
        let mut writes = vec![Write::Update(terminal.into_row())];
        if slot.is_none() {
            writes.push(Write::Insert(self.named(order_id, None).into_row()));
        }
        Ruling::plain(writes, Outcome::refused(Refusal::CodeNotUsable))
    }

    /// The order's row; the first call that names an order makes its till the owner.
    fn named(&self, order_id: &str, slot: Option<&OrderSlot>) -> OrderSlot {
        slot.cloned().unwrap_or_else(|| {
            reverse::slot(self.merchant.merchant_id, self.terminal.terminal_id, order_id, self.view.now())
        })
    }
}

fn authorised(sale: &Sale<'_>, payer: &Payer<'_>, account: &Account) -> Outcome {
    let (payment_id, code_id, at) = (sale.payment_id, payer.live.code_id, payer.now);
    let (amount_minor, available_after_minor) = (sale.amount.minor(), account.available_minor());
    match sale.intent {
        Intent::Sale => Outcome::Charged { payment_id, code_id, at, amount_minor, available_after_minor },
        Intent::Hold { until } => Outcome::Authorized {
            payment_id,
            code_id,
            at,
            amount_minor,
            hold_until: until,
            available_after_minor,
        },
    }
}

/// A new row, or a change of the one there was.
pub(super) fn written(row: OrderSlot, before: Option<&OrderSlot>) -> Write {
    match before {
        Some(_) => Write::Update(row.into_row()),
        None => Write::Insert(row.into_row()),
    }
}

/// Whether a bar stands against opening it: its own, its store's or its merchant's.
fn is_barred(terminal: &Terminal, view: &View) -> bool {
    let store = view.get::<Store>((terminal.store_id,));
    let merchant = view.get::<Merchant>((terminal.merchant_id,));
    merchant.is_none_or(|merchant| {
        Shop { merchant, store, terminal: Some(terminal) }.is_barred_for(Deed::OpenTerminal)
    })
}

/// A till enrols its key with its merchant's activation code. Every code that is not good, is not good
/// in the same words.
pub(super) fn activate(
    call: &CandidateCall,
    activation_tag: CodeTag,
    view: &View,
) -> (Vec<Write>, Outcome, Versions) {
    let now = view.now();
    let terminal = view
        .get::<Activation>((activation_tag,))
        .filter(|activation| now < activation.expires_at)
        .and_then(|activation| view.get::<Terminal>((activation.terminal_id,)))
        .filter(|terminal| terminal.state == TerminalState::Registered && !is_barred(terminal, view));
    let Some(terminal) = terminal else {
        return (Vec::new(), Outcome::refused(Refusal::ActivationOver), Versions::default());
    };
    let key_id = call.signed.key_id;
    let key = SigningKey {
        key_id,
        tenant_id: FIRST_TENANT,
        principal: Principal::Terminal,
        owner_id: OwnerId(terminal.terminal_id.0),
        account_id: None,
        point: call.point.to_vec(),
        form: call.form,
        state: KeyState::Active,
        version: 1,
    };
    let active = Terminal {
        key_id: Some(key_id),
        state: TerminalState::Active,
        activated_at: Some(now),
        ..terminal.clone()
    };
    let outcome = Outcome::TerminalActivated {
        terminal_id: active.terminal_id,
        merchant_id: active.merchant_id,
        store_id: active.store_id,
    };
    let writes = vec![
        Write::Insert(key.into_row()),
        Write::Update(active.into_row()),
        Write::Delete(RowKey::Activation(activation_tag)),
    ];
    (writes, outcome, Versions { accounts: Vec::new(), keys: vec![(key_id, 1)] })
}

//! Payments, step by step: what each moved must be what the state table makes of what was signed, and
//! what was posted must be what it moved.

use super::keys::ShopReplay;
use super::{Checked, Entry, MovementReplay, Replay, nothing_posted};
use crate::domain::day::parts;
use crate::domain::id::{AccountId, MerchantId, MovementId, PaymentCodeId, PaymentId, StoreId, TerminalId};
use crate::domain::journal::{Kind, side_id};
use crate::domain::ledger::{SUSPENSE, Transfer};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::Outcome;
use crate::domain::payment::{Intent, Moved, Sums, Verb, Wanted};
use crate::domain::rows::{AccountState, CodePurpose, MovementKind};
use crate::domain::standing::Deed;
use crate::domain::time::{SECOND_US, Timestamp};
use crate::pb;
use crate::verify::evidence;

/// What a payment must be.
pub struct PaymentReplay {
    pub account_id: AccountId,
    pub store_id: StoreId,
    pub merchant_id: MerchantId,
    pub sums: Sums,
    /// The till's business day that it belongs to.
    pub business_day: Option<i64>,
    /// The till that asked for it.
    pub terminal_id: Option<TerminalId>,
    /// The version of its merchant's fees.
    pub fee_rule_version: i64,
    /// When something of it was captured first.
    pub captured_at: Option<Timestamp>,
}

/// What a till signed for, and what it came to.
struct Sold<'a> {
    body: &'a pb::ChargeRequest,
    payment_id: PaymentId,
    code_id: PaymentCodeId,
    at: Timestamp,
    amount_minor: i64,
    sums: Sums,
    /// What it moved, and what the customer could spend after it; absent when he is asked first.
    taken: Option<(Moved, i64)>,
}

impl Replay {
    /// A payment, or an answer to a till that asked.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is no payment of a device's")]
    pub(super) fn payment_by_device(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        account_id: AccountId,
    ) -> Checked {
        match entry.kind {
            Kind::Pay => self.paid(entry, call, account_id),
            Kind::ConfirmPayment => self.answered(entry, call, account_id, Verb::Confirm),
            Kind::DeclinePayment => self.answered(entry, call, account_id, Verb::Decline),
            _ => Err("its outcome does not fit its kind"),
        }
    }

    /// A payment's posting must be what its owner's device signed.
    fn paid(&mut self, entry: &Entry<'_>, call: &pb::Call, account_id: AccountId) -> Checked {
        let Outcome::Paid { payment_id, at, amount_minor, available_after_minor } = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        let body: pb::PayRequest = evidence::body(call)?;
        let store_id = StoreId::from_slice(&body.store_id).ok_or("the signed store is no store")?;
        let store = self.stores.get(&store_id).ok_or("the signed store was never registered")?;
        if store.name != body.payee_name {
            return Err("the signed name is not the store's");
        }
        let merchant_id = store.merchant_id;
        signed_amount(amount_minor, body.amount_minor, &body.currency)?;
        let moved = Sums::authorised(amount_minor, Intent::Sale, at);
        let business_day = self.order_paid(&body, (merchant_id, store_id), payment_id, at)?;
        let order = self.orders.get(&(merchant_id, body.order_id)).filter(|_| business_day.is_some());
        let terminal_id = order.map(|order| order.terminal_id);
        self.is_done_for(
            ShopReplay { merchant: merchant_id, store: Some(store_id), terminal: terminal_id },
            Deed::Pay,
        )?;
        let sums = moved.after;
        let fee_rule_version = self.merchants.get(&merchant_id).map_or(0, |merchant| merchant.owed.version);
        let payment = PaymentReplay {
            account_id,
            store_id,
            merchant_id,
            sums,
            business_day,
            terminal_id,
            fee_rule_version,
            captured_at: Some(at),
        };
        self.begun(payment_id, payment)?;
        self.booked(entry, payment_id, &moved, available_after_minor)
    }

    /// A charge stands on two signatures: the till's here, and that of the device which issued the code
    /// for a cap, in a row before it.
    pub(super) fn charged(&mut self, entry: &Entry<'_>, call: &pb::Call, terminal_id: TerminalId) -> Checked {
        let body: pb::ChargeRequest = evidence::body(call)?;
        self.sold(entry, terminal_id, &body, None)
    }

    /// A hold, as a charge.
    pub(super) fn authorized(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        terminal_id: TerminalId,
    ) -> Checked {
        let body: pb::AuthorizeRequest = evidence::body(call)?;
        let waits = &self.policy.as_ref().ok_or("there are no rules")?.payments;
        let hold_us = match body.hold_seconds {
            0 => waits.hold_us,
            seconds => i64::from(seconds).saturating_mul(SECOND_US).min(waits.hold_longest_us),
        };
        let sale = pb::ChargeRequest {
            order_id: body.order_id,
            amount_minor: body.amount_minor,
            currency: body.currency,
            receipt_line: body.receipt_line,
            external_reference: body.external_reference,
            ask: body.ask,
        };
        self.sold(entry, terminal_id, &sale, Some(entry.row.at.plus_us(hold_us)))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a sale comes to these three alone")]
    fn sold(
        &mut self,
        entry: &Entry<'_>,
        terminal_id: TerminalId,
        body: &pb::ChargeRequest,
        hold: Option<Timestamp>,
    ) -> Checked {
        let sold = match entry.outcome {
            Outcome::Charged { payment_id, code_id, at, amount_minor, available_after_minor }
                if hold.is_none() =>
            {
                let moved = Sums::authorised(amount_minor, Intent::Sale, at);
                let taken = Some((moved, available_after_minor));
                Sold { body, payment_id, code_id, at, amount_minor, sums: moved.after, taken }
            }
            Outcome::Authorized {
                payment_id,
                code_id,
                at,
                amount_minor,
                hold_until,
                available_after_minor,
            } if hold == Some(hold_until) => {
                let moved = Sums::authorised(amount_minor, Intent::Hold { until: hold_until }, at);
                let taken = Some((moved, available_after_minor));
                Sold { body, payment_id, code_id, at, amount_minor, sums: moved.after, taken }
            }
            Outcome::PaymentAsked { payment_id, code_id, amount_minor, awaiting_until, hold_until }
                if hold == hold_until && body.ask =>
            {
                let intent = hold_until.map_or(Intent::Sale, |until| Intent::Hold { until });
                let sums = Sums::awaiting(amount_minor, intent, awaiting_until);
                let longest_us = self.policy.as_ref().ok_or("there are no rules")?.payments.ask_us;
                if awaiting_until.since_us(entry.row.at) > longest_us + SECOND_US {
                    return Err("its customer is asked for longer than he may be");
                }
                let at = entry.row.at;
                Sold { body, payment_id, code_id, at, amount_minor, sums, taken: None }
            }
            _ => return Err("its outcome does not fit its kind"),
        };
        self.take_in(entry, terminal_id, &sold)
    }

    fn take_in(&mut self, entry: &Entry<'_>, terminal_id: TerminalId, sold: &Sold<'_>) -> Checked {
        let terminal = self.charging(terminal_id)?;
        let (merchant_id, store_id) = (terminal.merchant_id, terminal.store_id);
        let business_day = Some(terminal.business_day);
        let merchant = self.merchants.get(&merchant_id).ok_or("its merchant has no account")?;
        let fee_rule_version = merchant.owed.version;
        let [(account_id, _)] = entry.versions.accounts[..] else {
            return Err("a sale touches one account");
        };
        self.step_account(entry, account_id)?;
        let live = self.account(account_id)?.live_codes.find(sold.code_id, sold.at);
        let live = live.ok_or("its payment code was not live")?;
        self.code_used(account_id, live)?;
        let is_above = sold.amount_minor > live.cap_minor;
        if live.purpose != CodePurpose::Pay || is_above != sold.taken.is_none() {
            return Err("it takes more than its payment code was signed for, or asks for less");
        }
        signed_amount(sold.amount_minor, sold.body.amount_minor, &sold.body.currency)?;
        let order = self.free_order(merchant_id, terminal_id, sold.body.order_id.clone())?;
        order.payment_id = Some(sold.payment_id);
        let payment = PaymentReplay {
            account_id,
            store_id,
            merchant_id,
            sums: sold.sums,
            business_day,
            terminal_id: Some(terminal_id),
            fee_rule_version,
            captured_at: (sold.sums.captured_minor > 0).then_some(sold.at),
        };
        if payment.captured_at.is_some() {
            self.entered(terminal_id, sold.at);
        }
        self.begun(sold.payment_id, payment)?;
        let Some((moved, available_after_minor)) = sold.taken else {
            return nothing_posted(entry);
        };
        self.booked(entry, sold.payment_id, &moved, available_after_minor)
    }

    fn begun(&mut self, payment_id: PaymentId, payment: PaymentReplay) -> Checked {
        if self.paid.insert(payment_id, payment).is_some() {
            return Err("a payment's id is used a second time");
        }
        Ok(())
    }

    /// Yes or no to a till that asked, signed for the shop and the amount that it asked for.
    fn answered(&mut self, entry: &Entry<'_>, call: &pb::Call, account_id: AccountId, verb: Verb) -> Checked {
        let payment_id = if verb == Verb::Confirm {
            let body: pb::ConfirmPaymentRequest = evidence::body(call)?;
            let payment_id = PaymentId::from_slice(&body.payment_id).ok_or("the signed payment is none")?;
            let payment = self.paid.get(&payment_id).ok_or("it answers for no payment")?;
            signed_amount(payment.sums.amount_minor, body.amount_minor, &body.currency)?;
            if self.stores.get(&payment.store_id).map(|store| &store.name) != Some(&body.payee_name) {
                return Err("the signed name is not the store's");
            }
            let (merchant_id, store_id) = (payment.merchant_id, Some(payment.store_id));
            let shop = ShopReplay { merchant: merchant_id, store: store_id, terminal: payment.terminal_id };
            self.is_done_for(shop, Deed::Pay)?;
            payment_id
        } else {
            let body: pb::DeclinePaymentRequest = evidence::body(call)?;
            PaymentId::from_slice(&body.payment_id).ok_or("the signed payment is none")?
        };
        if self.paid.get(&payment_id).map(|payment| payment.account_id) != Some(account_id) {
            return Err("it answers for another account's payment");
        }
        self.payment_stepped(entry, payment_id, verb, &Wanted::all(at(entry)?))
    }

    /// A capture, a void or a refund, by a till for its own order or by its merchant's server.
    pub(super) fn shop_step(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        (merchant_id, terminal_id): (MerchantId, Option<TerminalId>),
        verb: Verb,
    ) -> Checked {
        let now = at(entry)?;
        let (order_id, wanted) = shop_wanted(call, verb, now)?;
        let order = self.orders.get(&(merchant_id, order_id)).copied().ok_or("it is about no order")?;
        if terminal_id.is_some_and(|terminal_id| terminal_id != order.terminal_id) {
            return Err("it is about another till's order");
        }
        let payment_id = order.payment_id.ok_or("its order has no payment")?;
        let [(account_id, _)] = entry.versions.accounts[..] else {
            return Err("a step touches one account");
        };
        if self.paid.get(&payment_id).map(|payment| payment.account_id) != Some(account_id) {
            return Err("it touches another account than its payment's");
        }
        self.step_account(entry, account_id)?;
        self.payment_stepped(entry, payment_id, verb, &wanted)?;
        if let Outcome::PaymentStepped { moved, at, .. } = &entry.outcome {
            self.moved(*at, entry, payment_id, moved, terminal_id);
        }
        match terminal_id {
            Some(terminal_id) => self.refunded_by(entry, terminal_id),
            None => Ok(()),
        }
    }

    /// A till gives back up to a ceiling a day.
    fn refunded_by(&mut self, entry: &Entry<'_>, terminal_id: TerminalId) -> Checked {
        let ceiling_minor = self.policy.as_ref().ok_or("there are no rules")?.staff.refund_day_minor;
        let Outcome::PaymentStepped { moved, .. } = entry.outcome else { return Ok(()) };
        if moved.refunded_minor == 0 {
            return Ok(());
        }
        let terminal = self.terminals.get_mut(&terminal_id).ok_or("its till was never registered")?;
        let today = entry.row.at.day();
        if terminal.refund_day != today {
            (terminal.refund_day, terminal.refunded_today_minor) = (today, 0);
        }
        terminal.refunded_today_minor += moved.refunded_minor;
        if terminal.refunded_today_minor > ceiling_minor {
            return Err("its till gave back more than it may in a day");
        }
        Ok(())
    }

    /// Time ended a payment.
    pub(super) fn expired(&mut self, entry: &Entry<'_>, payment_id: PaymentId) -> Checked {
        let account_id = self.paid.get(&payment_id).ok_or("it ends no payment")?.account_id;
        self.step_account(entry, account_id)?;
        self.payment_stepped(entry, payment_id, Verb::Expire, &Wanted::all(at(entry)?))
    }

    fn payment_stepped(
        &mut self,
        entry: &Entry<'_>,
        payment_id: PaymentId,
        verb: Verb,
        wanted: &Wanted,
    ) -> Checked {
        let Outcome::PaymentStepped { payment_id: told_id, moved: told, available_after_minor, .. } =
            entry.outcome
        else {
            return Err("its outcome does not fit its kind");
        };
        let payment = self.paid.get_mut(&payment_id).ok_or("it is about no payment")?;
        let Ok(moved) = payment.sums.step(verb, wanted) else {
            return Err("its payment was in no state for it");
        };
        if told_id != payment_id || told != moved {
            return Err("it moved something else than was signed for");
        }
        payment.sums = moved.after;
        if moved.captured_minor > 0 {
            payment.captured_at.get_or_insert(wanted.now);
        }
        if let Some(terminal_id) = payment.terminal_id.filter(|_| verb == Verb::Confirm) {
            payment.business_day = self.terminals.get(&terminal_id).map(|terminal| terminal.business_day);
            if moved.captured_minor > 0 {
                self.entered(terminal_id, wanted.now);
            }
        }
        self.booked(entry, payment_id, &moved, available_after_minor)
    }

    /// What a step of a payment that is there moved, when, and in which till's day.
    pub(super) fn moved(
        &mut self,
        at: Timestamp,
        entry: &Entry<'_>,
        payment_id: PaymentId,
        moved: &Moved,
        by: Option<TerminalId>,
    ) {
        let till = by.and_then(|id| self.terminals.get(&id).map(|terminal| (id, terminal.business_day)));
        let mut net_after_minor =
            moved.after.captured_minor - moved.after.refunded_minor - moved.captured_minor
                + moved.refunded_minor;
        for (kind, amount_minor, number) in parts(moved) {
            if let Some((terminal_id, _)) = till {
                self.entered(terminal_id, at);
            }
            net_after_minor += match kind {
                MovementKind::Capture => amount_minor,
                MovementKind::Refund | MovementKind::Reversal => -amount_minor,
            };
            let movement_id = MovementId(side_id(entry.row.command_id, number));
            let movement = MovementReplay { payment_id, kind, amount_minor, till, at, net_after_minor };
            self.movements.insert(movement_id, movement);
        }
    }

    /// What was posted is what the step moved, and the balance after it is the one told.
    pub(super) fn booked(
        &mut self,
        entry: &Entry<'_>,
        payment_id: PaymentId,
        moved: &Moved,
        available_after_minor: i64,
    ) -> Checked {
        let payment = self.paid.get(&payment_id).ok_or("it is about no payment")?;
        let (account_id, merchant_id) = (payment.account_id, payment.merchant_id);
        let authorised_at = payment.sums.authorised_at;
        let payable =
            self.merchants.get(&merchant_id).ok_or("its merchant has no account")?.ledger_account_id;
        let account = self.account_mut(account_id)?;
        let own = account.ledger_account_id;
        let into = if account.state == AccountState::Closed { SUSPENSE } else { own };
        account.held_minor += moved.authorised_minor - moved.captured_minor - moved.released_minor;
        account.counted.paid(moved, authorised_at);
        if moved.authorised_minor > 0 {
            account.spent_total_minor += moved.authorised_minor;
            account.payments_total += 1;
        }
        let transfer = |debit, credit, minor| {
            Amount::new(minor).map(|amount| Transfer { debit, credit, asset: Asset::PrepaidJpy, amount })
        };
        let expected =
            [transfer(own, payable, moved.captured_minor), transfer(payable, into, moved.refunded_minor)];
        self.posted(entry, account_id, expected.into_iter().flatten())?;
        self.lined(entry, payment_id, moved)?;
        Self::entry_of(entry, account_id)?;
        let available_minor = self.available(account_id)?;
        if available_minor < 0 {
            Err("more is held than the account has")
        } else if available_minor != available_after_minor {
            Err("the balance after it is another")
        } else {
            Ok(())
        }
    }
}

/// When a step was decided, which its outcome says.
fn at(entry: &Entry<'_>) -> Result<Timestamp, &'static str> {
    let Outcome::PaymentStepped { at, .. } = entry.outcome else {
        return Err("its outcome does not fit its kind");
    };
    Ok(at)
}

pub(super) fn signed_amount(told_minor: i64, signed_minor: i64, currency: &str) -> Checked {
    Asset::of_code(currency).ok_or("the signed currency is none of ours")?;
    let signed = Amount::new(signed_minor).ok_or("the signed amount is no amount")?;
    if signed.minor() == told_minor { Ok(()) } else { Err("what was posted is not what was signed") }
}

fn shop_wanted(call: &pb::Call, verb: Verb, now: Timestamp) -> Result<(String, Wanted), &'static str> {
    Ok(match verb {
        Verb::Capture => {
            let body: pb::CaptureRequest = evidence::body(call)?;
            let amount_minor = Some(body.amount_minor).filter(|minor| *minor != 0);
            (body.order_id, Wanted { amount_minor, is_final: !body.more_follows, now })
        }
        Verb::Void => (evidence::body::<pb::VoidRequest>(call)?.order_id, Wanted::all(now)),
        Verb::Refund => {
            let body: pb::RefundRequest = evidence::body(call)?;
            (body.order_id, Wanted { amount_minor: Some(body.amount_minor), is_final: false, now })
        }
        Verb::Confirm | Verb::Decline | Verb::Reverse | Verb::Expire => {
            return Err("it is no step of a shop's");
        }
    })
}

//! Orders that customers pay, cash over the counter, and business days.

use super::keys::ShopReplay;
use super::payments::signed_amount;
use super::settlement::is_end_of_day;
use super::{Checked, Entry, OrderReplay, Replay, nothing_moved};
use crate::domain::id::{
    AccountId, CashTopUpId, LedgerAccountId, MerchantId, PaymentId, StoreId, TerminalId,
};
use crate::domain::journal::Kind;
use crate::domain::ledger::Transfer;
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::Outcome;
use crate::domain::policy::StaffRules;
use crate::domain::rows::{CodePurpose, MovementKind, Standing};
use crate::domain::standing::Deed;
use crate::domain::time::{DAY_US, SECOND_US, Timestamp};
use crate::pb;
use crate::verify::evidence;

/// What a store's cash must be.
pub struct DeskReplay {
    pub ledger_account_id: LedgerAccountId,
    pub ceiling_minor: i64,
    pub till_day_minor: i64,
    pub held_minor: i64,
}

/// What a closed day must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DayReplay {
    pub closed_at: Timestamp,
    pub by_system: bool,
}

/// What a movement must be.
pub struct MovementReplay {
    pub payment_id: PaymentId,
    pub kind: MovementKind,
    pub amount_minor: i64,
    /// The till that did it, and its business day.
    pub till: Option<(TerminalId, i64)>,
    pub at: Timestamp,
    pub net_after_minor: i64,
}

/// What cash over the counter must be.
pub struct CashReplay {
    pub account_id: AccountId,
    pub terminal_id: TerminalId,
    pub store_id: StoreId,
    pub amount_minor: i64,
    pub business_day: i64,
    pub credited_at: Timestamp,
    pub reversed: bool,
}

impl Replay {
    /// An order made payable, or cancelled: by its till, or by its merchant's server for one of its tills.
    pub(super) fn order(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        merchant_id: MerchantId,
        terminal_id: Option<TerminalId>,
    ) -> Checked {
        nothing_moved(entry)?;
        match (entry.kind, &entry.outcome) {
            (Kind::CreateOrder, Outcome::OrderCreated { .. }) => {
                let body: pb::CreateOrderRequest = evidence::body(call)?;
                let terminal_id = terminal_id.ok_or("no till signed it")?;
                self.order_created(entry, &body, (merchant_id, terminal_id))
            }
            (Kind::CreateOrderByMerchant, Outcome::OrderCreated { .. }) => {
                let body: pb::MerchantCreateOrderRequest = evidence::body(call)?;
                let terminal_id =
                    TerminalId::from_slice(&body.terminal_id).ok_or("the signed till is none")?;
                let order = body.order.ok_or("there is no signed order")?;
                self.order_created(entry, &order, (merchant_id, terminal_id))
            }
            (Kind::CancelOrder | Kind::CancelOrderByMerchant, Outcome::OrderCancelled) => {
                let body: pb::CancelOrderRequest = evidence::body(call)?;
                let order = self.orders.get_mut(&(merchant_id, body.order_id));
                let order = order.ok_or("it cancels an order that nobody made")?;
                if terminal_id.is_some_and(|terminal_id| terminal_id != order.terminal_id) {
                    return Err("it cancels another till's order");
                }
                if order.payment_id.is_some() || order.cash_top_up_id.is_some() {
                    return Err("it cancels an order that was paid");
                }
                order.reversed = true;
                Ok(())
            }
            (_, _) => Err("its outcome does not fit its kind"),
        }
    }

    fn order_created(
        &mut self,
        entry: &Entry<'_>,
        body: &pb::CreateOrderRequest,
        (merchant_id, terminal_id): (MerchantId, TerminalId),
    ) -> Checked {
        let Outcome::OrderCreated { terminal_id: told, asked_minor, payable_until } = &entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        let terminal = self.charging(terminal_id)?;
        if *told != terminal_id || terminal.merchant_id != merchant_id {
            return Err("its till is not the one that was signed for");
        }
        signed_amount(*asked_minor, body.amount_minor, &body.currency)?;
        let payable_us = match body.payable_seconds {
            0 => self.policy.as_ref().ok_or("there are no rules")?.payments.order_us,
            seconds => i64::from(seconds) * SECOND_US,
        };
        if *payable_until != entry.row.at.plus_us(payable_us) {
            return Err("it may be paid for another time than was signed for");
        }
        let store_id = Some(terminal.store_id);
        let shop = ShopReplay { merchant: merchant_id, store: store_id, terminal: Some(terminal_id) };
        self.is_done_for(shop, Deed::CreateOrder)?;
        let order =
            OrderReplay { asked: Some((*asked_minor, *payable_until)), ..OrderReplay::of(terminal_id) };
        if self.orders.insert((merchant_id, body.order_id.clone()), order).is_some() {
            return Err("its order was made, paid or reversed before");
        }
        Ok(())
    }

    /// An order of this till's that nothing came of yet; made now, if nobody made it payable.
    pub(super) fn free_order(
        &mut self,
        merchant_id: MerchantId,
        terminal_id: TerminalId,
        order_id: String,
    ) -> Result<&mut OrderReplay, &'static str> {
        let order = self.orders.entry((merchant_id, order_id)).or_insert(OrderReplay::of(terminal_id));
        if order.terminal_id == terminal_id && !order.is_taken() {
            Ok(order)
        } else {
            Err("its order is another till's, or was paid or reversed before")
        }
    }

    /// A payment of an order: for its amount, in time, and once. The business day that it belongs to.
    pub(super) fn order_paid(
        &mut self,
        body: &pb::PayRequest,
        (merchant_id, store_id): (MerchantId, StoreId),
        payment_id: PaymentId,
        at: Timestamp,
    ) -> Result<Option<i64>, &'static str> {
        if body.order_id.is_empty() {
            return Ok(None);
        }
        let order = self.orders.get_mut(&(merchant_id, body.order_id.clone()));
        let order = order.ok_or("it pays an order that nobody made")?;
        let (asked_minor, payable_until) = order.asked.ok_or("it pays an order that no customer pays")?;
        if order.is_taken() {
            return Err("its order was paid or reversed before");
        }
        if asked_minor != body.amount_minor || at >= payable_until {
            return Err("it pays another amount than its order's, or too late");
        }
        order.payment_id = Some(payment_id);
        let terminal_id = order.terminal_id;
        let terminal = self.charging(terminal_id)?;
        if terminal.store_id != store_id {
            return Err("its order is another store's");
        }
        let business_day = terminal.business_day;
        self.entered(terminal_id, at);
        Ok(Some(business_day))
    }

    /// Cash for a customer's account: on his code, and within what two operators allowed.
    pub(super) fn cash_taken(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        terminal_id: TerminalId,
    ) -> Checked {
        let Outcome::CashToppedUp { cash_top_up_id, code_id, at, amount_minor, available_after_minor } =
            entry.outcome
        else {
            return Err("its outcome does not fit its kind");
        };
        let body: pb::CashTopUpRequest = evidence::body(call)?;
        let terminal = self.charging(terminal_id)?;
        let (merchant_id, store_id, business_day) =
            (terminal.merchant_id, terminal.store_id, terminal.business_day);
        let [(account_id, _)] = entry.versions.accounts[..] else {
            return Err("cash goes into one account");
        };
        self.step_account(entry, account_id)?;
        let live = self.account(account_id)?.live_codes.find(code_id, at);
        let live = live.ok_or("its payment code was not live")?;
        self.code_used(account_id, live)?;
        if live.purpose != CodePurpose::TopUp || amount_minor > live.cap_minor {
            return Err("it takes more than its payment code was signed for");
        }
        signed_amount(amount_minor, body.amount_minor, &body.currency)?;
        self.account_mut(account_id)?.counted.topped_up(amount_minor);
        self.cash_counted(terminal_id, store_id, amount_minor, entry.row.at)?;
        self.entered(terminal_id, at);
        let order = self.free_order(merchant_id, terminal_id, body.order_id)?;
        order.cash_top_up_id = Some(cash_top_up_id);
        let cash = CashReplay {
            account_id,
            terminal_id,
            store_id,
            amount_minor,
            business_day,
            credited_at: at,
            reversed: false,
        };
        if self.cash.insert(cash_top_up_id, cash).is_some() {
            return Err("cash's id is used a second time");
        }
        self.cash_owed(store_id, cash_top_up_id)?;
        self.cash_posted(entry, cash_top_up_id, amount_minor, available_after_minor)
    }

    /// Within the ceilings of its store and of its till's calendar day. What its merchant owes of today is
    /// not looked at: other lanes' rows of the same moments have no place before or after this one.
    fn cash_counted(
        &mut self,
        terminal_id: TerminalId,
        store_id: StoreId,
        amount_minor: i64,
        at: Timestamp,
    ) -> Checked {
        let merchant = self.stores.get(&store_id).and_then(|store| self.merchants.get(&store.merchant_id));
        let debt_minor = merchant.map_or(0, |merchant| merchant.owed.payable.debt_minor());
        let desk = self.desks.get_mut(&store_id).ok_or("nobody allowed its store to take cash")?;
        desk.held_minor += amount_minor;
        if desk.held_minor + debt_minor > desk.ceiling_minor {
            return Err("its store holds more cash than it may");
        }
        let till_day_minor = desk.till_day_minor;
        let terminal = self.terminals.get_mut(&terminal_id).ok_or("its till was never registered")?;
        if terminal.cash_day != at.day() {
            (terminal.cash_day, terminal.cash_today_minor) = (at.day(), 0);
        }
        terminal.cash_today_minor += amount_minor;
        if terminal.cash_today_minor > till_day_minor {
            return Err("its till took more cash than it may in a day");
        }
        Ok(())
    }

    /// Cash goes back over the counter that took it, on its day and within minutes.
    pub(super) fn cash_reversed(&mut self, entry: &Entry<'_>, own: CashTopUpId) -> Checked {
        let Outcome::CashReversed { cash_top_up_id, at, amount_minor, available_after_minor } = entry.outcome
        else {
            return Err("its outcome does not fit its kind");
        };
        let cash = self.cash.get_mut(&own).ok_or("it reverses no cash")?;
        if cash_top_up_id != own || cash.reversed || cash.amount_minor != amount_minor {
            return Err("it gives back another amount than was taken");
        }
        cash.reversed = true;
        let (account_id, terminal_id, store_id, day) =
            (cash.account_id, cash.terminal_id, cash.store_id, cash.business_day);
        let credited_at = cash.credited_at;
        if entry.kind != Kind::Reverse {
            return Err("it gives cash back elsewhere than at the till that took it");
        }
        self.entered(terminal_id, at);
        let terminal = self.terminals.get_mut(&terminal_id).ok_or("its till was never registered")?;
        // How long, each deployment says, and no longer than this.
        if terminal.business_day != day || at.since_us(credited_at) > StaffRules::CASH_BACK_LONGEST_US {
            return Err("it changes a business day that is closed, or comes too late");
        }
        if terminal.cash_day == credited_at.day() {
            terminal.cash_today_minor = (terminal.cash_today_minor - amount_minor).max(0);
        }
        let merchant = self.merchants.get(&terminal.merchant_id).ok_or("its merchant has no account")?;
        if merchant.standing != Standing::Active || credited_at < merchant.owed.payable.cash_until {
            return Err("its merchant was suspended, or was settled with it before");
        }
        self.desks.get_mut(&store_id).ok_or("nobody allowed its store to take cash")?.held_minor -=
            amount_minor;
        self.step_account(entry, account_id)?;
        self.account_mut(account_id)?.counted.not_topped_up(credited_at, amount_minor);
        self.cash_posted(entry, own, amount_minor, available_after_minor)
    }

    fn cash_posted(
        &mut self,
        entry: &Entry<'_>,
        cash_top_up_id: CashTopUpId,
        amount_minor: i64,
        available_after_minor: i64,
    ) -> Checked {
        let cash = self.cash.get(&cash_top_up_id).ok_or("it is about no cash")?;
        let (account_id, given_back) = (cash.account_id, cash.reversed);
        let desk = self.desks.get(&cash.store_id).ok_or("nobody allowed its store to take cash")?;
        let (held, own) = (desk.ledger_account_id, self.account(account_id)?.ledger_account_id);
        let (debit, credit) = if given_back { (own, held) } else { (held, own) };
        let amount = Amount::new(amount_minor).ok_or("its amount is none")?;
        let transfer = Transfer { debit, credit, asset: Asset::PrepaidJpy, amount };
        self.posted(entry, account_id, [transfer])?;
        Self::entry_of(entry, account_id)?;
        match self.available(account_id)? {
            minor if minor < 0 => Err("more is held than the account has"),
            minor if minor != available_after_minor => Err("the balance after it is another"),
            _ => Ok(()),
        }
    }

    /// Something is in the day that a till is in.
    pub(super) fn entered(&mut self, terminal_id: TerminalId, at: Timestamp) {
        if let Some(terminal) = self.terminals.get_mut(&terminal_id) {
            terminal.day_began_at = Some(terminal.day_began_at.map_or(at, |began_at| began_at.min(at)));
        }
    }

    /// A day that its till left open was closed for it, some hours after the calendar day in which it began.
    /// The time zone may have been another then, and the hours.
    pub(super) fn day_closed_for(
        &mut self,
        entry: &Entry<'_>,
        terminal_id: TerminalId,
        business_day: i64,
        ended_at: Timestamp,
    ) -> Checked {
        nothing_moved(entry)?;
        let terminal = self.terminals.get(&terminal_id).ok_or("its till was never registered")?;
        let began_at = terminal.day_began_at.ok_or("it closes a day in which nothing was")?;
        let is_its_end =
            began_at < ended_at && ended_at.since_us(began_at) <= DAY_US && is_end_of_day(ended_at);
        let is_over = entry.row.at >= ended_at.plus_us(*StaffRules::CLOSE_DAY_US.start());
        if business_day != terminal.business_day || !is_its_end || !is_over {
            return Err("it closes another day than the till is in, or too early");
        }
        self.next_day(entry, terminal_id, true)
    }

    fn next_day(&mut self, entry: &Entry<'_>, terminal_id: TerminalId, by_system: bool) -> Checked {
        let Outcome::DayClosed { business_day, closed_at } = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        if closed_at != entry.row.at {
            return Err("it closes a day at another time than its own");
        }
        self.closed_days.insert((terminal_id, business_day), DayReplay { closed_at, by_system });
        let terminal = self.terminals.get_mut(&terminal_id).ok_or("its till was never registered")?;
        terminal.business_day += 1;
        terminal.day_began_at = None;
        Ok(())
    }

    /// A business day is closed once, in its turn.
    pub(super) fn day_closed(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        terminal_id: TerminalId,
    ) -> Checked {
        nothing_moved(entry)?;
        self.charging(terminal_id)?;
        let body: pb::CloseDayRequest = evidence::body(call)?;
        let terminal = self.terminals.get(&terminal_id).ok_or("its till was never registered")?;
        if let Outcome::DayWasClosed { business_day, closed_at } = entry.outcome {
            let told = DayReplay { closed_at, by_system: true };
            let is_so = self.closed_days.get(&(terminal_id, business_day)) == Some(&told);
            return if is_so && business_day == body.business_day {
                Ok(())
            } else {
                Err("the system did not close that day before")
            };
        }
        let Outcome::DayClosed { business_day, .. } = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        if business_day != body.business_day || business_day != terminal.business_day {
            return Err("it closes another day than the till is in, or was signed for");
        }
        self.next_day(entry, terminal_id, false)
    }

    /// Two operators let a store take cash.
    pub(super) fn cash_allowed(
        &mut self,
        entry: &Entry<'_>,
        proposed: &pb::AllowCash,
        (store_id, ledger_account_id): (StoreId, LedgerAccountId),
    ) -> Checked {
        nothing_moved(entry)?;
        if proposed.store_id != store_id.0 || !self.stores.contains_key(&store_id) {
            return Err("its store is not the proposed one");
        }
        let known = self.desks.get(&store_id);
        if known.is_some_and(|desk| desk.ledger_account_id != ledger_account_id) {
            return Err("a store's cash has two accounts");
        }
        let desk = DeskReplay {
            ledger_account_id,
            ceiling_minor: proposed.ceiling_minor,
            till_day_minor: proposed.till_day_minor,
            held_minor: known.map_or(0, |desk| desk.held_minor),
        };
        self.desks.insert(store_id, desk);
        Ok(())
    }
}

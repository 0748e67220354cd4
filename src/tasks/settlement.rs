//! Settles merchants' days that are over. What their lines amount to is added up here, from rows of times
//! gone by, which nobody adds to any more; whether it is a day's turn, and what is paid, is decided in the
//! commit.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::command::{SettlementDraft, SystemAction};
use crate::domain::id::{MerchantId, WorkerId};
use crate::domain::record::Corrupt;
use crate::domain::rows::{FeeRule, Merchant, Payable, Row, RowKey};
use crate::domain::settlement::{FeeRules, Line, Span, Sums};
use crate::domain::time::{MINUTE_US, Timestamp};
use crate::gate::Gate;
use crate::store::query::{LinesOf, Query, Scan, SettlementScan};
use crate::store::{Answer, StoreError};

/// The name of this work's turn.
pub(super) const TURN: &str = "settlement";
/// As many lines are read at a time.
const LINES: i64 = 1_000;

/// After so many in a row that could not be read or stored, no other is tried in that round.
const SILENT: usize = 3;
/// What could not be decided is tried again after so long.
const PAUSE_US: i64 = MINUTE_US;

/// How far this process got.
pub(super) struct Done {
    // The last day that all merchants were settled for.
    day: AtomicI64,
    // It is not looked again before then.
    pause_until: AtomicI64,
}

impl Done {
    pub(super) fn new() -> Self {
        Self { day: AtomicI64::new(i64::MIN), pause_until: AtomicI64::new(0) }
    }
}

/// Why a merchant was not settled.
enum Halt {
    /// The database is away, or does not give its rows.
    Store,
    /// It was not its turn by then, or its rows do not add up.
    Undecided,
    /// Its rows cannot be read: somebody has to look.
    Corrupt,
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Unavailable => Self::Store,
            StoreError::Defect => Self::Undecided,
        }
    }
}

impl From<Corrupt> for Halt {
    fn from(_: Corrupt) -> Self {
        Self::Corrupt
    }
}

/// Once for each day that is over for long enough, all merchants.
pub(super) async fn run(gate: &Gate, done: &Done, worker_id: WorkerId) {
    let (now, last) = (gate.tools().clock.now_us(), last_day(gate));
    if done.day.load(Ordering::Relaxed) >= last || now < done.pause_until.load(Ordering::Relaxed) {
        return;
    }
    let (mut after, mut is_all, mut silent) = (None, true, 0);
    loop {
        if !super::lease::hold(gate, TURN, worker_id).await {
            return;
        }
        let scan = SettlementScan::Merchants { after, limit: super::PAGE };
        let Ok(fetched) = gate.fetch(Query::scan(Scan::Settlement(scan))).await else { return };
        let mut merchant_id = None;
        for merchant in fetched.scanned::<Merchant>() {
            merchant_id = Some(merchant.merchant_id);
            match settle(gate, merchant.merchant_id, last).await {
                Ok(()) => silent = 0,
                Err(halt) => {
                    is_all = false;
                    silent = if matches!(halt, Halt::Store) { silent + 1 } else { 0 };
                    complain(merchant.merchant_id, &halt);
                }
            }
        }
        // One merchant's rows keep no other waiting; a database that is away does.
        if merchant_id.is_none() || silent >= SILENT {
            if is_all {
                done.day.store(last, Ordering::Relaxed);
            } else {
                done.pause_until.store(now.saturating_add(PAUSE_US), Ordering::Relaxed);
            }
            return;
        }
        after = merchant_id;
    }
}

/// Of one merchant; all others go on.
fn complain(merchant_id: MerchantId, halt: &Halt) {
    let merchant = crate::domain::id::hex(&merchant_id.0);
    match halt {
        Halt::Store | Halt::Undecided => {
            tracing::warn!(merchant, "a merchant's day was not settled; that is tried again");
        }
        Halt::Corrupt => tracing::error!(
            merchant,
            "a merchant cannot be settled: its fees or lines cannot be read; saifu verify says more"
        ),
    }
}

/// The last day that may be settled by now.
fn last_day(gate: &Gate) -> i64 {
    let rules = &gate.tools().policy.settlement;
    rules.day(Timestamp(gate.tools().clock.now_us()).plus_us(-rules.after_us)) - 1
}

/// All days of a merchant's up to the last, one after the other.
async fn settle(gate: &Gate, merchant_id: MerchantId, last: i64) -> Result<(), Halt> {
    let rules = fee_rules(gate, merchant_id).await?;
    loop {
        let fetched = gate.fetch(Query::row(RowKey::Payable(merchant_id))).await?;
        let known = fetched.get::<Payable>();
        let known = known.cloned().unwrap_or_else(|| Payable::unsettled(merchant_id));
        let Some(draft) = draft(gate, &known, last, &rules).await? else { return Ok(()) };
        let has_lines = draft.sums.has_lines();
        let answer = gate.system(SystemAction::SettleMerchant(Box::new(draft))).await?;
        if matches!(answer, Answer::Nothing(_)) {
            // Another process may have been first; what is owed to whoever is suspended waits.
            return if has_lines { Err(Halt::Undecided) } else { Ok(()) };
        }
    }
}

async fn fee_rules(gate: &Gate, merchant_id: MerchantId) -> Result<FeeRules, StoreError> {
    let scan = SettlementScan::FeeRules(merchant_id);
    Ok(FeeRules::of_rows(gate.fetch(Query::scan(Scan::Settlement(scan))).await?.scanned::<FeeRule>()))
}

/// The next day that has lines, or the last when something is owed all the same.
async fn draft(
    gate: &Gate,
    before: &Payable,
    last: i64,
    rules: &FeeRules,
) -> Result<Option<SettlementDraft>, Halt> {
    let Payable { merchant_id, settled_until: from, cash_until: cash_from, .. } = *before;
    let policy = &gate.tools().policy;
    let end = policy.settlement.end_of(last);
    if end <= from {
        return Ok(None);
    }
    let span_until = |until| Span::after(from, cash_from, until, policy.staff.cash_back_us);
    let mut day = last;
    for of in LinesOf::ALL {
        let first = lines(gate, merchant_id, of, &span_until(end), None, 1).await?;
        let moment = first.first().and_then(|row| match (of, LinesOf::sorted(row)?.0) {
            (LinesOf::Sales | LinesOf::Movements, at) => Some(at.max(from)),
            (LinesOf::Cash, at) => Some(at.plus_us(policy.staff.cash_back_us).max(from)),
        });
        day = moment.map_or(day, |moment| day.min(policy.settlement.day(moment)));
    }
    // A sale that was begun on one day may have been captured on the next.
    for day in day.max(before.day.saturating_add(1))..=last {
        let span = span_until(policy.settlement.end_of(day));
        let sums = sums(gate, merchant_id, &span, rules).await?;
        if sums.has_lines() || (day == last && before.carried_minor > 0) {
            return Ok(Some(SettlementDraft { merchant_id, day, span, sums }));
        }
    }
    Ok(None)
}

async fn sums(gate: &Gate, merchant_id: MerchantId, span: &Span, rules: &FeeRules) -> Result<Sums, Halt> {
    let mut sums = Sums::default();
    for of in LinesOf::ALL {
        let mut after = None;
        loop {
            let rows = lines(gate, merchant_id, of, span, after, LINES).await?;
            for row in &rows {
                if let Some(line) = Line::of(row, rules)? {
                    sums.add(&line);
                }
            }
            after = rows.last().and_then(LinesOf::sorted);
            if i64::try_from(rows.len()).unwrap_or(i64::MAX) < LINES {
                break;
            }
        }
    }
    Ok(sums)
}

async fn lines(
    gate: &Gate,
    merchant_id: MerchantId,
    of: LinesOf,
    span: &Span,
    after: Option<(Timestamp, [u8; 16])>,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let (from, until) = of.between(span);
    let asked_us = gate.tools().policy.payments.ask_us;
    let scan = SettlementScan::Lines { of, merchant_id, from, until, asked_us, after, limit };
    Ok(gate.fetch(Query::scan(Scan::Settlement(scan))).await?.scanned)
}

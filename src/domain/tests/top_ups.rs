//! A top-up's life: the table of states and answers, and that no order of answers credits, fails or takes
//! back twice.

use super::fixture::{
    Attempt, Ledger, NOW, STEP, Said, account_id, card_tag, entry, funding_id, ledger_account_id, written,
};
use super::settlement::top_up_id;
use crate::domain::command::{Chore, Order, SystemAction};
use crate::domain::decide::Traceless;
use crate::domain::id::{TopUpId, WorkerId, hex};
use crate::domain::ledger::{LOSSES, PROVIDER_CLEARING, Transfer};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::rows::{Card, Event, EventKind, Funding, HaltReason, RowKey, TopUp, TopUpState};
use crate::domain::time::{DAY_US, SECOND_US, Timestamp};
use crate::domain::top_up::{Answer, Step, TABLE, step};

const NOTHING: Said = Said::Nothing(Traceless::NothingToDo);

/// So much is topped up here, beside the 100 that are there.
const AMOUNT: i64 = 9_000;

fn requested() -> (Ledger, TopUpId) {
    let mut ledger = Ledger::parse("alice 100 jpy fresh card | bakery");
    let request = ledger.top_up("alice", AMOUNT);
    assert_eq!(ledger.say(&request), Said::Done);
    (ledger, top_up_id(&request))
}

fn state(ledger: &Ledger, id: TopUpId) -> TopUpState {
    ledger.get::<TopUp>((id,)).state
}

/// The answer, as whoever asked just now books it.
fn answer(ledger: &mut Ledger, id: TopUpId, answer: Answer) -> Attempt {
    let turn = ledger.get::<TopUp>((id,)).turn;
    match answer {
        Answer::RequiresAction => ledger.await_top_up(id, turn, true),
        Answer::Unknown => ledger.await_top_up(id, turn, false),
        Answer::Succeeded => ledger.settle(id, true),
        Answer::Failed => ledger.settle(id, false),
        Answer::Refunded => ledger.take_back(id, false),
        Answer::ChargedBack => ledger.take_back(id, true),
    }
}

/// A top-up in this state.
fn at(wanted: TopUpState) -> (Ledger, TopUpId) {
    let (mut ledger, id) = requested();
    let way: &[Answer] = match wanted {
        TopUpState::Requested => &[],
        TopUpState::RequiresAction => &[Answer::RequiresAction],
        TopUpState::Unknown => &[Answer::Unknown],
        TopUpState::Succeeded => &[Answer::Succeeded],
        TopUpState::Failed => &[Answer::Failed],
        TopUpState::Refunded => &[Answer::Succeeded, Answer::Refunded],
        TopUpState::ChargedBack => &[Answer::Succeeded, Answer::ChargedBack],
    };
    for one in way {
        let attempt = answer(&mut ledger, id, *one);
        assert_eq!(ledger.say(&attempt), Said::Done, "{one:?}");
    }
    assert_eq!(state(&ledger, id), wanted);
    (ledger, id)
}

const STATES: [TopUpState; 7] = [
    TopUpState::Requested,
    TopUpState::RequiresAction,
    TopUpState::Unknown,
    TopUpState::Succeeded,
    TopUpState::Failed,
    TopUpState::Refunded,
    TopUpState::ChargedBack,
];

/// Where each answer leads from each state, as `STATES` and `Answer::ALL` order them; `.` is nowhere.
const LEADS: [[char; 6]; 7] = [
    ['a', 'u', 's', 'f', 'f', 'f'],
    ['.', 'u', 's', 'f', 'f', 'f'],
    ['a', '.', 's', 'f', 'f', 'f'],
    ['.', '.', '.', '.', 'r', 'c'],
    ['.', '.', '.', '.', '.', '.'],
    ['.', '.', '.', '.', '.', '.'],
    ['.', '.', '.', '.', '.', '.'],
];

fn letter(state: TopUpState) -> char {
    match state {
        TopUpState::Requested => 'q',
        TopUpState::RequiresAction => 'a',
        TopUpState::Unknown => 'u',
        TopUpState::Succeeded => 's',
        TopUpState::Failed => 'f',
        TopUpState::Refunded => 'r',
        TopUpState::ChargedBack => 'c',
    }
}

#[test]
fn every_answer_leads_from_every_state_where_the_table_says() {
    assert_eq!(TABLE.map(|(state, _)| state), STATES, "every state has its row");
    for (from, leads) in STATES.into_iter().zip(LEADS) {
        for (said, lead) in Answer::ALL.into_iter().zip(leads) {
            let in_table = match step(from, said) {
                Step::Pass => '.',
                Step::Wait(state) | Step::TakeBack(state) => letter(state),
                Step::Credit => 's',
                Step::Fail => 'f',
            };
            assert_eq!(in_table, lead, "{from:?}, {said:?}");
            let (mut ledger, id) = at(from);
            // A request id of its own, so that it is the table that answers.
            let attempt = answer(&mut ledger, id, said).other_request(1);
            let told = ledger.say(&attempt);
            let expected = if lead == '.' { (NOTHING, letter(from)) } else { (Said::Done, lead) };
            assert_eq!((told, letter(state(&ledger, id))), expected, "{from:?}, {said:?}");
        }
    }
}

#[test]
fn no_order_of_answers_credits_or_fails_twice_or_takes_back_what_was_not_credited() {
    let (start, id) = requested();
    let mut ends = 0;
    for number in 0..6_usize.pow(5) {
        let mut ledger = start.clone();
        let (mut credited, mut failed, mut taken_back) = (0, 0, 0);
        for place in 0..5_u32 {
            let said = Answer::ALL[number / 6_usize.pow(place) % 6];
            let attempt = answer(&mut ledger, id, said).other_request(u64::from(place) + 1);
            let decision = ledger.act(&attempt);
            let Some(entry) = entry(&decision) else { continue };
            let count = |is_it: bool| i32::from(is_it);
            failed += count(matches!(entry.outcome, Outcome::TopUpSettled { credited_minor: 0, .. }));
            credited += count(matches!(entry.outcome, Outcome::TopUpSettled { credited_minor: 1.., .. }));
            taken_back += count(matches!(entry.outcome, Outcome::TopUpTakenBack { .. }));
        }
        let account = ledger.account_of("alice");
        let is_open = state(&ledger, id).is_open();
        assert_eq!(credited + failed, i32::from(!is_open), "{number}");
        assert!(taken_back <= credited, "{number}");
        assert_eq!(account.incoming_minor, if is_open { AMOUNT } else { 0 }, "{number}");
        let expected = 100 + i64::from(credited - taken_back) * AMOUNT;
        assert_eq!(account.available_minor(), expected, "{number}");
        assert_eq!(account.lots.total_minor(), expected, "{number}");
        ends += credited + failed;
    }
    assert!(ends > 7_000, "most of them end: {ends}");
}

fn settled(top_up_id: TopUpId, succeeded: bool, provider_reference: String) -> SystemAction {
    SystemAction::SettleTopUp { top_up_id, succeeded, challenged: succeeded, provider_reference }
}

/// The first top-up from a source, or one of an amount for which its owner must do 3-D Secure.
#[test]
fn what_wants_3_d_secure_is_credited_only_when_it_was_done() {
    for (first, amount_minor, wants) in
        [(false, 9_999, false), (true, 9_999, true), (false, 10_000, true), (true, 10_000, true)]
    {
        let mut ledger = Ledger::parse("alice 100 jpy fresh card | bakery");
        if first {
            ledger.change::<Funding>((funding_id("alice"),), |source| source.topped_up_at = None);
        }
        let request = ledger.top_up("alice", amount_minor).code(STEP);
        assert_eq!(ledger.say(&request), Said::Done);
        let id = top_up_id(&request);
        assert_eq!(ledger.get::<TopUp>((id,)).wants_challenge, wants, "{amount_minor}, first: {first}");
        let mut unchallenged = settled(id, true, hex(&id.0));
        if let SystemAction::SettleTopUp { challenged, .. } = &mut unchallenged {
            *challenged = false;
        }
        let attempt = ledger.system(unchallenged);
        assert_eq!(ledger.ask(&attempt), if wants { NOTHING } else { Said::Done });
        let attempt = ledger.system(settled(id, true, hex(&id.0)));
        assert_eq!(ledger.say(&attempt), Said::Done);
        let source = ledger.get::<Funding>((funding_id("alice"),));
        assert_eq!(source.topped_up_at, Some(if first { NOW } else { NOW.plus_us(-DAY_US) }));
    }
}

#[test]
fn a_card_is_counted_when_it_is_asked_for_and_less_when_it_fails() {
    let (mut ledger, id) = requested();
    let card = |ledger: &Ledger| ledger.get::<Card>((card_tag("alice"),)).top_ups.last_day(NOW);
    assert_eq!((card(&ledger).amount_minor, card(&ledger).count), (AMOUNT, 1));
    let attempt = ledger.settle(id, false);
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!((card(&ledger).amount_minor, card(&ledger).count), (0, 1), "the attempt stays counted");
    assert_eq!(ledger.get::<Funding>((funding_id("alice"),)).topped_up_at, Some(NOW.plus_us(-DAY_US)));
}

#[test]
fn an_answer_to_an_earlier_question_or_about_another_charge_is_nobodys() {
    let (mut ledger, id) = at(TopUpState::Unknown);
    for (what, action) in [
        ("an earlier turn", (0, true, Some(hex(&id.0)))),
        ("a later turn", (2, true, Some(hex(&id.0)))),
        ("another charge", (1, true, Some("another".into()))),
    ] {
        let (turn, requires_action, provider_reference) = action;
        let attempt = ledger.system(SystemAction::AwaitTopUp {
            top_up_id: id,
            turn,
            requires_action,
            provider_reference,
            sealed_action: None,
        });
        assert_eq!(ledger.ask(&attempt.other_request(1)), NOTHING, "{what}");
    }
    for succeeded in [true, false] {
        let provider_reference = "another".to_owned();
        let attempt = ledger.system(settled(id, succeeded, provider_reference));
        assert_eq!(ledger.ask(&attempt), NOTHING, "another charge");
    }
    let good = ledger.await_top_up(id, 1, true);
    assert_eq!(ledger.say(&good), Said::Done);
    assert_eq!(ledger.get::<TopUp>((id,)).sealed_action, Some(vec![7]));
}

#[test]
fn money_without_a_name_is_not_credited_and_a_failure_needs_none() {
    let (mut ledger, id) = requested();
    let unnamed = |ledger: &mut Ledger, succeeded| {
        let provider_reference = String::new();
        ledger.system(settled(id, succeeded, provider_reference))
    };
    let attempt = unnamed(&mut ledger, true);
    assert_eq!(ledger.ask(&attempt), NOTHING);
    let attempt = unnamed(&mut ledger, false);
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<TopUp>((id,)).provider_reference, None);
    // A name that comes now is not stored, so what it names is never confirmed.
    let late = ledger.await_top_up(id, 1, false);
    assert_eq!(ledger.ask(&late), NOTHING);
}

#[test]
fn what_an_owner_has_to_do_is_kept_only_while_he_has_to() {
    for said in [Answer::Unknown, Answer::Succeeded, Answer::Failed] {
        let (mut ledger, id) = at(TopUpState::RequiresAction);
        assert!(ledger.get::<TopUp>((id,)).sealed_action.is_some());
        let attempt = answer(&mut ledger, id, said);
        assert_eq!(ledger.say(&attempt), Said::Done);
        assert_eq!(ledger.get::<TopUp>((id,)).sealed_action, None, "{said:?}");
    }
}

fn transfer(debit: crate::domain::id::LedgerAccountId, minor: i64) -> Transfer {
    let amount = Amount::new(minor).expect("an amount");
    Transfer { debit, credit: PROVIDER_CLEARING, asset: Asset::PrepaidJpy, amount }
}

#[test]
fn what_is_taken_back_is_what_is_left_and_the_rest_is_lost() {
    let customer = ledger_account_id("alice");
    for (spent, taken, lost) in [(0, 9_000, 0), (100, 9_000, 0), (101, 8_999, 1), (9_099, 1, 8_999)] {
        for charged_back in [false, true] {
            let (mut ledger, id) = at(TopUpState::Succeeded);
            if spent > 0 {
                let pay = ledger.pay(&format!("alice → bakery {spent}"));
                assert_eq!(ledger.say(&pay), Said::Done);
            }
            let take_back = ledger.take_back(id, charged_back);
            let decision = ledger.act(&take_back);
            let entry = entry(&decision).expect("it is journalled");
            let mut expected = vec![transfer(customer, taken)];
            expected.extend((lost > 0).then(|| transfer(LOSSES, lost)));
            assert_eq!(entry.postings.0, expected, "{spent} spent");
            assert_eq!(entry.entry_account_id, Some(account_id("alice")));
            let account = ledger.account_of("alice");
            assert_eq!(account.available_minor(), 9_100 - spent - taken);
            assert_eq!(account.lots.total_minor(), account.available_minor());
            // 100 at first, and this came in and went out again.
            assert_eq!(ledger.credits[&PROVIDER_CLEARING], (9_100, 9_000));
            assert_eq!(ledger.credits.get(&LOSSES).copied().unwrap_or_default(), (lost, 0));
        }
    }
}

#[test]
fn the_next_top_up_pays_for_the_one_that_was_taken_back() {
    let (mut ledger, id) = at(TopUpState::Succeeded);
    let pay = ledger.pay("alice → bakery 8100");
    assert_eq!(ledger.say(&pay), Said::Done);
    let take_back = ledger.take_back(id, false);
    assert_eq!(ledger.say(&take_back), Said::Done);
    assert_eq!(ledger.account_of("alice").debt_minor, 8_000);
    for (credited, paid) in [(5_000, 5_000), (4_000, 3_000), (100, 0)] {
        ledger.pass(DAY_US);
        ledger.device("alice", |device| device.last_code_at = Some(Timestamp(i64::MAX)));
        let request = ledger.top_up("alice", credited);
        assert_eq!(ledger.say(&request), Said::Done);
        let settle = ledger.settle(top_up_id(&request), true);
        let before = ledger.account_of("alice").available_minor();
        let decision = ledger.act(&settle);
        let entry = entry(&decision).expect("journalled");
        assert_eq!(entry.postings.debt_paid_minor(), paid);
        let available_after_minor = before + credited - paid;
        let told = Outcome::TopUpSettled {
            top_up_id: top_up_id(&request),
            credited_minor: credited,
            available_after_minor,
        };
        assert_eq!(entry.outcome, told);
        assert_eq!(ledger.account_of("alice").available_minor(), available_after_minor);
    }
    assert_eq!(ledger.account_of("alice").debt_minor, 0);
    assert_eq!(ledger.credits[&LOSSES], (8_000, 8_000));
}

#[test]
fn nobody_falls_below_zero_and_whoever_has_nothing_left_sees_no_movement() {
    let (mut ledger, id) = at(TopUpState::Succeeded);
    for minor in [9_000, 100] {
        let pay = ledger.pay(&format!("alice → bakery {minor}"));
        assert_eq!(ledger.say(&pay), Said::Done);
    }
    let take_back = ledger.take_back(id, true);
    let decision = ledger.act(&take_back);
    let entry = entry(&decision).expect("it is journalled");
    assert_eq!(entry.postings.0, [transfer(LOSSES, 9_000)]);
    assert_eq!(entry.entry_account_id, None);
    assert_eq!(ledger.account_of("alice").available_minor(), 0);
}

#[test]
fn what_is_held_for_a_shop_is_not_taken_back() {
    let (mut ledger, id) = at(TopUpState::Succeeded);
    let amount_minor = ledger.get::<TopUp>((id,)).amount_minor;
    ledger.account("alice", |account| {
        // As a hold leaves it: out of what can be spent, and out of the lots.
        let held_minor = account.available_minor() - 1;
        account.lots.take(held_minor).expect("it is there");
        account.debits_pending_minor = held_minor;
    });
    let take_back = ledger.take_back(id, false);
    let decision = ledger.act(&take_back);
    let told = &entry(&decision).expect("journalled").outcome;
    let Outcome::TopUpTakenBack { taken_minor, lost_minor, .. } = told else { panic!("{told:?}") };
    assert_eq!((*taken_minor, *lost_minor), (1, amount_minor - 1));
    let account = ledger.account_of("alice");
    assert_eq!((account.available_minor(), account.lots.total_minor()), (0, 0));
}

#[test]
fn a_charge_back_stops_all_outflow_and_a_refund_does_not() {
    for (charged_back, kinds) in [
        (true, vec![EventKind::TopUpChargedBack, EventKind::AccountHalted]),
        (false, vec![EventKind::TopUpRefunded]),
    ] {
        let (mut ledger, id) = at(TopUpState::Succeeded);
        ledger.account("alice", |account| account.frozen_until = Some(NOW.plus_us(DAY_US)));
        let take_back = ledger.take_back(id, charged_back);
        let decision = ledger.act(&take_back);
        let told: Vec<_> = written::<Event>(&decision).iter().map(|event| event.kind).collect();
        assert_eq!(told, kinds);
        let account = ledger.account_of("alice");
        assert_eq!(account.halted_at, charged_back.then_some(NOW));
        assert_eq!(account.halt_reason, charged_back.then_some(HaltReason::ChargeBack));
        assert_eq!(account.frozen_until, Some(NOW.plus_us(DAY_US)), "its owner's freeze is his own");
        let pay = ledger.pay("alice → bakery 10");
        let expected = if charged_back { Said::No(Refusal::AccountHalted) } else { Said::Done };
        assert_eq!(ledger.ask(&pay), expected);
    }
}

#[test]
fn an_account_that_is_stopped_already_is_not_told_so_again() {
    let (mut ledger, id) = at(TopUpState::Succeeded);
    let since = NOW.plus_us(-DAY_US);
    ledger.account("alice", |account| account.halt(since, HaltReason::Operator));
    let take_back = ledger.take_back(id, true);
    let decision = ledger.act(&take_back);
    let told: Vec<_> = written::<Event>(&decision).iter().map(|event| event.kind).collect();
    assert_eq!(told, [EventKind::TopUpChargedBack]);
    let account = ledger.account_of("alice");
    assert_eq!((account.halted_at, account.halt_reason), (Some(since), Some(HaltReason::Operator)));
}

#[test]
fn a_source_from_before_cards_were_known_tops_up_as_one_of_no_card() {
    let mut ledger = Ledger::parse("alice 100 jpy fresh card");
    ledger.change((funding_id("alice"),), |source: &mut Funding| source.card_tag = None);
    ledger.remove(RowKey::Card(card_tag("alice")));
    let request = ledger.top_up("alice", 9_000);
    let decision = ledger.act(&request);
    assert_eq!(Said::of(&decision), Said::Done);
    assert_eq!(written::<Card>(&decision), Vec::<&Card>::new());
    let [top_up] = written::<TopUp>(&decision)[..] else { panic!("one top-up") };
    assert_eq!(top_up.card_tag, None);
    let settle = ledger.settle(top_up_id(&request), false);
    assert_eq!(ledger.say(&settle), Said::Done, "nor is one looked for when it fails");
}

#[test]
fn a_source_stays_linked_until_its_top_up_has_its_end() {
    for (wanted, expected) in [
        (TopUpState::RequiresAction, Said::No(Refusal::TopUpUnderWay)),
        (TopUpState::Unknown, Said::No(Refusal::TopUpUnderWay)),
        (TopUpState::Succeeded, Said::Done),
        (TopUpState::Failed, Said::Done),
    ] {
        let (mut ledger, _) = at(wanted);
        let unlink = ledger.unlink("alice");
        assert_eq!(ledger.ask(&unlink), expected, "{wanted:?}");
    }
}

const ONE: WorkerId = WorkerId([1; 16]);
const OTHER: WorkerId = WorkerId([2; 16]);

fn chore(ledger: &mut Ledger, chore: Chore) -> TopUp {
    let Some(id) = top_up_of(&chore) else { panic!("of a top-up") };
    let attempt = ledger.command(Order::Chore(chore));
    assert_eq!(ledger.say(&attempt), Said::Kept);
    ledger.get::<TopUp>((id,)).clone()
}

fn top_up_of(chore: &Chore) -> Option<TopUpId> {
    match chore {
        Chore::ClaimTopUp { top_up_id, .. }
        | Chore::DelayTopUp { top_up_id, .. }
        | Chore::HintTopUp(top_up_id) => Some(*top_up_id),
        Chore::Expire(_)
        | Chore::MessageDelivered(_)
        | Chore::MessageDelayed(..)
        | Chore::MessageFailed(_)
        | Chore::AlarmTerminal(_)
        | Chore::Lease { .. }
        | Chore::Webhook(_)
        | Chore::Reconciliation(_) => None,
    }
}

fn claim(top_up_id: TopUpId, worker_id: WorkerId) -> Chore {
    Chore::ClaimTopUp { top_up_id, worker_id, until: NOW.plus_us(60 * SECOND_US) }
}

fn delay(top_up_id: TopUpId, worker_id: WorkerId, seen: Timestamp) -> Chore {
    Chore::DelayTopUp { top_up_id, worker_id, seen_due_at: seen, due_at: Some(NOW.plus_us(9)) }
}

#[test]
fn one_asks_at_a_time_until_he_lets_go_or_his_time_is_over() {
    let (mut ledger, id) = requested();
    let holder = |row: TopUp| (row.claimed_by, row.attempts);
    assert_eq!(holder(chore(&mut ledger, claim(id, ONE))), (Some(ONE), 1));
    assert_eq!(holder(chore(&mut ledger, claim(id, OTHER))), (Some(ONE), 1), "not before");
    assert_eq!(holder(chore(&mut ledger, delay(id, OTHER, NOW))), (Some(ONE), 1), "not his to let go");
    assert_eq!(holder(chore(&mut ledger, claim(id, ONE))), (Some(ONE), 2), "after a crash");
    ledger.pass(60 * SECOND_US);
    assert_eq!(holder(chore(&mut ledger, claim(id, OTHER))), (Some(OTHER), 3), "its time is over");
    let row = chore(&mut ledger, delay(id, OTHER, NOW));
    assert_eq!((row.claimed_by, row.claimed_until, row.due_at), (None, Timestamp(0), Some(NOW.plus_us(9))));
    // What is not due is nobody's.
    let later = Chore::DelayTopUp {
        top_up_id: id,
        worker_id: ONE,
        seen_due_at: NOW.plus_us(9),
        due_at: Some(NOW.plus_us(DAY_US)),
    };
    chore(&mut ledger, claim(id, ONE));
    chore(&mut ledger, later);
    assert_eq!(holder(chore(&mut ledger, claim(id, ONE))), (None, 4));
}

#[test]
fn news_that_comes_while_it_is_asked_about_is_asked_about_again() {
    // At the very moment for which it was found due, too.
    for (later_us, due_us) in [(5, 5), (0, -1)] {
        let (mut ledger, id) = requested();
        chore(&mut ledger, claim(id, ONE));
        ledger.pass(later_us);
        assert_eq!(chore(&mut ledger, Chore::HintTopUp(id)).due_at, Some(NOW.plus_us(due_us)));
        let row = chore(&mut ledger, delay(id, ONE, NOW));
        assert_eq!((row.due_at, row.claimed_by), (Some(NOW.plus_us(due_us)), None));
    }
}

#[test]
fn news_wakes_everything_but_what_was_taken_back() {
    for (wanted, wakes) in [
        (TopUpState::Succeeded, true),
        (TopUpState::Failed, true),
        (TopUpState::Refunded, false),
        (TopUpState::ChargedBack, false),
    ] {
        let (mut ledger, id) = at(wanted);
        let row = chore(&mut ledger, Chore::HintTopUp(id));
        assert_eq!(row.due_at == Some(NOW), wakes, "{wanted:?}");
    }
}

//! What the limits keep apart, and what is drawn on together.

use super::*;
use crate::contact::Contact;
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::SignatureForm;
use crate::domain::id::{AccountId, CaseId, CodeTag, ContactIndex, DeviceId, TargetId};
use crate::domain::policy::Policy;
use crate::domain::recovery::begun::Begin;
use crate::domain::recovery::factor::Kind;
use crate::domain::rows::RecoveryCase;
use crate::ratelimit::gcra::Limit;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn limits(table: LimitTable) -> Limits {
    Limits::new(table, Sources::new(None), MacKey::new([7; 32]))
}

/// Whoever calls from there, without a stamp.
fn from(limits: &Limits, ip: IpAddr) -> Stranger<'_> {
    Stranger::new(limits, ip, 0)
}

/// A case that was begun by this contact, of this target.
fn case_of(target: u8, contact: u8) -> RecoveryCase {
    let begin = Begin {
        case_id: CaseId([1; 16]),
        key_id: KeyId([1; 32]),
        target_id: TargetId([target; 16]),
        contact_index: ContactIndex([contact; 32]),
        account: Some((AccountId([target; 16]), 1)),
        with_proofing: false,
        cancel_tag: CodeTag([0; 32]),
        sealed: Vec::new(),
    };
    RecoveryCase::begun(begin, &Policy::standard().recovery, NOW)
}

/// More names than there are buckets, in every class of strangers', then an owner and a newcomer.
#[tokio::test]
async fn strangers_fill_no_buckets_but_their_own() {
    let limits = limits(LimitTable::standard());
    let charge = |name: u32| {
        let key = BucketKey::new("flood", &name.to_be_bytes());
        Charge { key, limit: Limit::per_day(1, 1), cost: 1 }
    };
    for cost in [Cost::Enrolment, Cost::Recovery] {
        let class = limits.sources.of(cost);
        for name in 0..100_000 {
            assert_eq!(class.origins.take_now(NOW.0, &[charge(name)]), Taken::Allowed);
            assert_eq!(class.own.take_now(NOW.0, &[charge(name)]), Taken::Allowed);
        }
    }
    let ip = IpAddr::from([203, 0, 113, 7]);
    for cost in Cost::ALL {
        assert_eq!(limits.peer(cost, ip, NOW).await, Ok(()), "{cost:?}");
        let key = DeviceKey::generate(SignatureForm::Der).public();
        assert_eq!(limits.own(cost, &Caller::Candidate(key), ip, NOW).await, Ok(()), "{cost:?}");
    }
    for contact in 0..300_000_u32 {
        let index = crate::crypto::hash::sha256(&[&contact.to_be_bytes()]);
        assert_eq!(from(&limits, ip).recovery_target(&index, NOW).await, Ok(()), "{contact}");
    }
    let contact = Contact::email("new@example.jp").expect("an address");
    assert_eq!(from(&limits, ip).message(&contact, &[9; 32], NOW).await, Ok(()));
}

#[tokio::test]
async fn whoever_proved_something_needs_no_stamp_for_two_weeks() {
    let mut table = LimitTable::unlimited();
    table.anonymous = AnonymousLimits {
        free: Limit::per_day(1, 1),
        stamped: Limit::per_day(1, 1),
        stamp_bits: 18,
        heavy_bits: 22,
    };
    let limits = limits(table);
    let (proved, other) = (KeyId([1; 32]), KeyId([2; 32]));
    limits.proved_by(proved, NOW);
    assert_eq!(limits.anonymous(other, 0, NOW).await, Ok(()), "the free one");
    assert_eq!(limits.anonymous(other, 17, NOW).await, Err(Rejection::StampNeeded { bits: 18 }));
    assert_eq!(limits.anonymous(other, 18, NOW).await, Ok(()), "the stamped one");
    assert_eq!(limits.anonymous(other, 21, NOW).await, Err(Rejection::StampNeeded { bits: 22 }));
    assert_eq!(limits.anonymous(other, 22, NOW).await, Ok(()), "heavy ones without end");
    for _ in 0..10 {
        assert_eq!(limits.anonymous(proved, 0, NOW).await, Ok(()));
    }
    let later = NOW.plus_us(PROVED_FOR_US);
    limits.anonymous(other, 0, later).await.expect("free again");
    let answer = limits.anonymous(proved, 0, later).await;
    assert_eq!(answer, Err(Rejection::StampNeeded { bits: 18 }));
}

/// One call a day of each origin and of each key.
fn narrow() -> LimitTable {
    let once = Limit::per_day(1, 1);
    let class = ClassLimits { origin: once, own: once, when_away: WhenAway::FallBack };
    let wide = LimitTable::unlimited();
    LimitTable { enrolment: class, recovery: class, money_out: class, ..wide }
}

fn is_throttled(answer: &Result<(), Rejection>) -> bool {
    matches!(answer, Err(Rejection::Throttled { .. }))
}

/// Calls from more addresses than there are buckets, and as many keys as there are for strangers.
async fn flood(limits: &Limits, cost: Cost) {
    for name in 0..100_000_u32 {
        let ip = IpAddr::from((0x0a00_0000 + name).to_be_bytes());
        assert_eq!(limits.peer(cost, ip, NOW).await, Ok(()), "{name}");
        let key = BucketKey::new("flood", &name.to_be_bytes());
        let own = Charge { key, limit: Limit::per_day(1, 1), cost: 1 };
        assert_eq!(limits.sources.of(cost).own.take_now(NOW.0, &[own]), Taken::Allowed, "{name}");
    }
}

#[tokio::test]
async fn what_an_owner_spent_is_washed_out_by_no_other_class_and_by_no_stranger_of_his_own() {
    let limits = limits(narrow());
    let (here, elsewhere) = (HERE, ELSEWHERE);
    let owner = |number: u8| Caller::Device {
        account_id: AccountId([number; 16]),
        device_id: DeviceId([number + 100; 16]),
        epoch: 1,
    };
    assert_eq!(limits.peer(Cost::MoneyOut, elsewhere, NOW).await, Ok(()), "whose call goes no further");
    for cost in [Cost::Enrolment, Cost::Recovery] {
        flood(&limits, cost).await;
    }
    assert!(is_throttled(&limits.peer(Cost::MoneyOut, elsewhere, NOW).await), "other classes' are others");
    assert_eq!(limits.peer(Cost::MoneyOut, here, NOW).await, Ok(()));
    assert_eq!(limits.own(Cost::MoneyOut, &owner(1), here, NOW).await, Ok(()), "vouches for his origin");
    flood(&limits, Cost::MoneyOut).await;
    assert!(is_throttled(&limits.peer(Cost::MoneyOut, here, NOW).await), "his origin");
    assert!(is_throttled(&limits.own(Cost::MoneyOut, &owner(1), here, NOW).await), "his own");
    assert_eq!(limits.peer(Cost::MoneyOut, elsewhere, NOW).await, Ok(()), "nobody vouched for that one");
}

#[tokio::test]
async fn what_a_candidate_spent_who_proved_something_is_washed_out_by_no_stranger() {
    let limits = limits(narrow());
    let (here, elsewhere) = (HERE, ELSEWHERE);
    let keys = [(); 2].map(|()| DeviceKey::generate(SignatureForm::Der).public());
    limits.proved_by(KeyId(keys[0].key_id()), NOW);
    let [proved, stranger] = keys.map(Caller::Candidate);
    for (caller, ip) in [(&proved, here), (&stranger, elsewhere)] {
        assert_eq!(limits.peer(Cost::Recovery, ip, NOW).await, Ok(()));
        assert_eq!(limits.own(Cost::Recovery, caller, ip, NOW).await, Ok(()));
    }
    flood(&limits, Cost::Recovery).await;
    assert!(is_throttled(&limits.peer(Cost::Recovery, here, NOW).await), "the origin");
    assert!(is_throttled(&limits.own(Cost::Recovery, &proved, here, NOW).await), "the key");
    assert_eq!(limits.peer(Cost::Recovery, elsewhere, NOW).await, Ok(()), "nobody vouched for a stranger");
    assert_eq!(limits.own(Cost::Recovery, &stranger, elsewhere, NOW).await, Ok(()));
}

/// Two texts an hour to a prefix at once, three in all, one to a contact.
fn few_texts() -> LimitTable {
    let mut table = LimitTable::unlimited();
    table.messages = Limit::per_day(1, 1);
    table.budgets.prefix_day = Limit::at_most(4, 24);
    table.budgets.texts_hour = Limit::at_most(6, 1);
    table
}

async fn text(limits: &Limits, number: &str, now: Timestamp) -> Result<(), Rejection> {
    let contact = Contact::phone(number).expect("a number");
    let index = crate::crypto::hash::sha256(&[contact.address().as_bytes()]);
    from(limits, HERE).message(&contact, &index, now).await
}

#[tokio::test]
async fn a_message_that_a_budget_refuses_is_none_of_its_contacts_own() {
    let limits = limits(few_texts());
    for number in ["+819012340001", "+819012340002"] {
        assert_eq!(text(&limits, number, NOW).await, Ok(()));
    }
    let (newcomer, other) = ("+819012340003", "+818012340001");
    assert!(is_throttled(&text(&limits, newcomer, NOW).await), "the prefix is used up");
    assert_eq!(text(&limits, other, NOW).await, Ok(()), "the third in all");
    assert!(is_throttled(&text(&limits, "+817012340001", NOW).await), "all texts are used up");
    // Half of the prefix' four come in the course of the day; the one in all, in 20 minutes.
    let later = NOW.plus_us(DAY_US / 2);
    assert_eq!(text(&limits, newcomer, later).await, Ok(()));
    assert_eq!(text(&limits, "+817012340001", later).await, Ok(()));
}

#[tokio::test]
async fn a_contact_that_has_its_messages_uses_up_nobody_elses() {
    let limits = limits(few_texts());
    assert_eq!(text(&limits, "+819012340001", NOW).await, Ok(()));
    for _ in 0..10 {
        assert!(is_throttled(&text(&limits, "+819012340001", NOW).await));
    }
    assert_eq!(text(&limits, "+819012340002", NOW).await, Ok(()), "the second of its prefix");
    assert_eq!(text(&limits, "+818012340001", NOW).await, Ok(()), "the third in all");
    assert!(is_throttled(&text(&limits, "+817012340001", NOW).await));
}

#[tokio::test]
async fn a_used_up_budget_is_told_by_its_name_and_a_contact_is_no_budget() {
    let limits = limits(few_texts());
    let told = || {
        let mut told: Vec<_> = limits.told.lock().expect("nobody panics with it").keys().copied().collect();
        told.sort_unstable();
        told
    };
    let refused = async |number| is_throttled(&text(&limits, number, NOW).await);
    assert!(!refused("+819012340001").await);
    assert!(refused("+819012340001").await);
    assert!(!refused("+819012340002").await);
    assert_eq!(told(), [""; 0]);
    assert!(refused("+819012340003").await);
    assert_eq!(told(), ["text messages to one prefix"]);
    assert!(!refused("+818012340001").await);
    assert!(refused("+817012340001").await);
    assert_eq!(told(), ["text messages", "text messages to one prefix"]);
}

#[tokio::test]
async fn codes_of_one_target_use_up_no_budget_above_its_own_nor_those_of_whoever_proved_something() {
    let mut table = LimitTable::unlimited();
    table.codes_of = Limit::per_day(2, 2);
    table.budgets.texts_hour = Limit::at_most(8, 1);
    let limits = limits(table);
    let code = async |case: &RecoveryCase| from(&limits, HERE).code_of(case, true, NOW).await;
    // Another contact of an account is another one, and told of nothing.
    let (one, two, three) = (case_of(1, 1), case_of(1, 2), case_of(3, 3));
    for _ in 0..2 {
        assert_eq!(code(&one).await, Ok(()));
    }
    for _ in 0..10 {
        assert!(is_throttled(&code(&one).await));
    }
    let proved = RecoveryCase { saved_code_at: Some(NOW), ..one };
    assert_eq!(code(&proved).await, Ok(()), "who proved a possession has his own");
    assert_eq!(code(&two).await, Ok(()), "the fourth in all");
    assert!(is_throttled(&code(&three).await));
    assert_eq!(from(&limits, HERE).code_of(&three, false, NOW).await, Ok(()), "e-mail has its own");
    let later = NOW.plus_us(HOUR_US);
    assert_eq!(from(&limits, HERE).code_of(&three, true, later).await, Ok(()), "it was none of its own");
}

#[tokio::test]
async fn one_origin_uses_up_its_share_of_a_contacts_and_leaves_the_rest() {
    let limits = limits(LimitTable::standard());
    let contact = Contact::email("new@example.jp").expect("an address");
    let case = case_of(1, 1);
    let (day_us, minute_us) = (DAY_US, 60_000_000);
    // At full rate for three days: what one origin gets, and what is left of each day's to another one.
    let (mut messages, mut codes, mut attempts) = ([0; 3], [0; 3], [0; 3]);
    let midnight = Timestamp(NOW.day() * DAY_US);
    for minute in 0..3 * 24 * 60 {
        let now = midnight.plus_us(minute * minute_us);
        let day = usize::try_from(now.since_us(midnight) / day_us).expect("three days");
        let stranger = from(&limits, HERE);
        messages[day] += i64::from(stranger.message(&contact, &[9; 32], now).await.is_ok());
        codes[day] += i64::from(stranger.code_of(&case, false, now).await.is_ok());
        attempts[day] += i64::from(stranger.attempt(&case, Kind::Passphrase, now).await.is_ok());
        assert_eq!(stranger.attempt(&case, Kind::SavedCode, now).await, Ok(()), "it is not guessed");
        assert_eq!(stranger.attempt(&case, Kind::EmailCode, now).await, Ok(()), "it was sent");
        if now.0 % day_us == day_us / 2 {
            let owner = from(&limits, ELSEWHERE);
            assert_eq!(owner.message(&contact, &[9; 32], now).await, Ok(()), "day {day}");
            assert_eq!(owner.code_of(&case, false, now).await, Ok(()), "day {day}");
        }
    }
    let figures = Policy::standard().recovery;
    assert!(codes.iter().all(|codes| *codes < figures.messages_day), "{codes:?}");
    assert!(attempts.iter().all(|attempts| *attempts + 4 <= figures.attempts_day), "{attempts:?}");
    assert!(messages.iter().all(|messages| *messages <= 3), "{messages:?}");
    // Of the places for phones that ask to join one is left at any time.
    for second in 0..3_600 {
        let now = NOW.plus_us(second * 1_000_000);
        let joined = from(&limits, HERE).joining(&[1; 32], now).await.is_ok();
        assert_eq!(joined, second < 2 || second % 600 == 0, "{second}");
    }
    assert_eq!(from(&limits, ELSEWHERE).joining(&[1; 32], NOW).await, Ok(()));
}

#[tokio::test]
async fn above_what_is_usual_a_recovery_of_a_contact_costs_a_heavy_stamp_and_nobody_is_kept_out() {
    let mut table = LimitTable::unlimited();
    table.recovery_target = Limit::per_minute(6, 60);
    let limits = limits(table);
    for _ in 0..60 {
        assert_eq!(from(&limits, HERE).recovery_target(&[1; 32], NOW).await, Ok(()));
    }
    for bits in [0, 18, 21] {
        let answer = Stranger::new(&limits, ELSEWHERE, bits).recovery_target(&[1; 32], NOW).await;
        assert_eq!(answer, Err(Rejection::StampNeeded { bits: 22 }), "{bits}");
    }
    for _ in 0..100 {
        assert_eq!(Stranger::new(&limits, ELSEWHERE, 22).recovery_target(&[1; 32], NOW).await, Ok(()));
    }
    assert_eq!(from(&limits, HERE).recovery_target(&[2; 32], NOW).await, Ok(()), "another contact");
}

#[test]
fn as_many_codes_of_one_target_are_let_through_as_the_policy_has_sent() {
    let figures = Policy::standard().recovery;
    assert_eq!(figures.messages_day, figures.reserve_messages_day);
    // Those of two days may come one after the other.
    assert_eq!(i64::from(LimitTable::standard().codes_of.burst()), 2 * figures.messages_day);
}

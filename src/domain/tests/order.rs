//! The order of the checks is a contract: every table starts with a call that breaks all rules, is
//! answered by the first, mends that one, and goes on to the next.

use super::fixture::{
    Attempt, Ledger, NOW, STEP, Said, account_id, card_tag, device_id, funding_id, key_id, store_id,
};
use crate::domain::command::DeviceAction;
use crate::domain::decide::{Stale, Traceless};
use crate::domain::id::RequestId;
use crate::domain::lots::{Lot, Lots};
use crate::domain::money::Amount;
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::periods::Periods;
use crate::domain::proof::{Factor, Proof};
use crate::domain::rows::{
    AccountState, Card, Device, Finished, Funding, KeyState, Merchant, OpenRequest, RowKey, SigningKey,
    Standing, Store,
};
use crate::domain::time::{DAY_US, MINUTE_US, SECOND_US, Timestamp};

const BLOCKED_UNTIL: Timestamp = Timestamp(NOW.0 + MINUTE_US);

struct Scene {
    ledger: Ledger,
    attempt: Attempt,
}

type Row = (Said, fn(&mut Scene));
type Break = (&'static str, fn(&mut Scene));
type Call = (&'static str, fn(&mut Ledger) -> Attempt);

/// By descending precedence.
fn walk(scene: &mut Scene, table: &[Row], what: &str) {
    for (place, (expected, mend)) in table.iter().enumerate() {
        assert_eq!(scene.ledger.ask(&scene.attempt), *expected, "{what}, row {place}");
        mend(scene);
    }
}

fn is_done(scene: &mut Scene, what: &str) {
    assert_eq!(scene.ledger.ask(&scene.attempt), Said::Done, "{what}, with all mended");
}

fn request(scene: &mut Scene) -> (RequestId, crate::domain::id::KeyId) {
    let signed = scene.attempt.signed();
    (signed.request_id, signed.key_id)
}

/// Request id used twice over, key, device and epoch not what they were.
fn break_the_caller(scene: &mut Scene) {
    let (request_id, key_id) = request(scene);
    scene.ledger.put(Finished { request_id, key_id, digest: [1; 32], outcome: Outcome::Activated.encode() });
    scene.ledger.put(OpenRequest {
        request_id,
        key_id,
        digest: [2; 32],
        payload_hash: [3; 32],
        answer: OpenAnswer::CodeNeeded.encode(),
        expires_at: NOW.plus_us(1),
    });
    scene.attempt.epoch(2);
    scene.ledger.change::<SigningKey>((key_id,), |key| {
        key.state = KeyState::Revoked;
        key.account_id = Some(account_id("bob"));
    });
    scene.ledger.device("alice", |device| {
        device.state = KeyState::Revoked;
        device.revoked_at = Some(NOW);
        device.account_id = account_id("bob");
        device.key_id = super::fixture::key_id("bob");
    });
}

fn alice_key(scene: &mut Scene, change: fn(&mut SigningKey)) {
    scene.ledger.change((key_id("alice"),), change);
}

const CALLER: [Row; 8] = [
    (Said::Nothing(Traceless::RequestIdReused), |scene| {
        let (request_id, key_id) = request(scene);
        scene.ledger.remove(RowKey::Finished(request_id, key_id));
    }),
    (Said::Nothing(Traceless::RequestIdReused), |scene| {
        let (request_id, key_id) = request(scene);
        scene.ledger.remove(RowKey::OpenRequest(request_id, key_id));
    }),
    (Said::Stale(Stale::Key), |scene| alice_key(scene, |key| key.state = KeyState::Active)),
    (Said::Stale(Stale::Key), |scene| alice_key(scene, |key| key.account_id = Some(account_id("alice")))),
    (Said::Stale(Stale::Key), |scene| {
        scene.ledger.device("alice", |device| {
            device.state = KeyState::Active;
            device.revoked_at = None;
        });
    }),
    (Said::Stale(Stale::Key), |scene| {
        scene.ledger.device("alice", |device| device.account_id = account_id("alice"));
    }),
    (Said::Stale(Stale::Key), |scene| {
        scene.ledger.device("alice", |device| device.key_id = key_id("alice"));
    }),
    (Said::Stale(Stale::Key), |scene| scene.attempt.epoch(1)),
];

#[test]
fn a_call_is_stale_when_any_one_of_key_device_account_and_epoch_is_not_what_was_signed() {
    let breaks: [Break; 10] = [
        ("revoked key", |scene| alice_key(scene, |key| key.state = KeyState::Revoked)),
        ("another account's key", |scene| {
            alice_key(scene, |key| key.account_id = Some(account_id("bob")));
        }),
        ("nobody's key", |scene| alice_key(scene, |key| key.account_id = None)),
        ("no key", |scene| scene.ledger.remove(RowKey::SigningKey(key_id("alice")))),
        ("revoked device", |scene| {
            scene.ledger.device("alice", |device| device.state = KeyState::Revoked);
        }),
        ("another account's device", |scene| {
            scene.ledger.device("alice", |device| device.account_id = account_id("bob"));
        }),
        ("another key's device", |scene| {
            scene.ledger.device("alice", |device| device.key_id = key_id("bob"));
        }),
        ("no account", |scene| scene.ledger.remove(RowKey::Account(account_id("alice")))),
        ("an older epoch", |scene| scene.attempt.epoch(0)),
        ("a newer epoch", |scene| scene.attempt.epoch(2)),
    ];
    for (what, break_it) in breaks {
        let mut ledger = Ledger::parse("alice 500 jpy fresh | bob 0 jpy | bakery");
        let attempt = ledger.pay("alice → bakery 100");
        let mut scene = Scene { ledger, attempt };
        is_done(&mut scene, what);
        break_it(&mut scene);
        assert_eq!(scene.ledger.ask(&scene.attempt), Said::Stale(Stale::Key), "{what}");
    }
}

/// The document moved, codes are exhausted and blocked, and this one is wrong.
fn break_the_code(scene: &mut Scene) {
    scene.attempt = scene.attempt.clone().proof(Some(Proof::new(Factor::Totp, 2, None)));
    scene.ledger.account("alice", |account| {
        account.code_failures = 100;
        account.code_blocked_until = BLOCKED_UNTIL;
    });
}

const CODE: [Row; 5] = [
    (Said::Stale(Stale::Document), |scene| scene.attempt = scene.attempt.clone().wrong_code()),
    (Said::Open(OpenAnswer::CodeExhausted), |scene| {
        scene.ledger.account("alice", |account| account.code_failures = 99);
    }),
    (Said::Open(OpenAnswer::CodeBlocked { until: BLOCKED_UNTIL }), |scene| {
        scene.ledger.account("alice", |account| account.code_blocked_until = NOW);
    }),
    (Said::Open(OpenAnswer::CodeWrong), |scene| scene.attempt = scene.attempt.clone().code(STEP - 10)),
    // The right code, but used before.
    (Said::Open(OpenAnswer::CodeWrong), |scene| scene.attempt = scene.attempt.clone().code(STEP)),
];

const CLOSED: Row = (Said::No(Refusal::AccountClosed), |scene| {
    scene.ledger.account("alice", |account| {
        account.state = AccountState::Pending;
        account.created_at = NOW.plus_us(-DAY_US);
    });
});
/// 24 hours are over without an activation.
const NEVER_ACTIVATED: Row = (Said::No(Refusal::AccountClosed), |scene| {
    scene.ledger.account("alice", |account| account.created_at = NOW.plus_us(-DAY_US + 1));
});
const NOT_ACTIVE: Row = (Said::No(Refusal::AccountNotActive), |scene| {
    scene.ledger.account("alice", |account| account.state = AccountState::Active);
});
const FROZEN: Row = (Said::No(Refusal::AccountFrozen), |scene| {
    scene.ledger.account("alice", |account| account.frozen_at = None);
});
const NOT_FROZEN: Row = (Said::No(Refusal::AccountNotFrozen), |scene| {
    scene.ledger.account("alice", |account| account.frozen_at = Some(NOW));
});

fn closed_and_frozen(scene: &mut Scene) {
    scene.ledger.account("alice", |account| {
        account.state = AccountState::Closed;
        account.frozen_at = Some(NOW);
    });
}

/// A scene that breaks everything of its front: request id, caller, state and code.
fn broken(words: &str, call: impl FnOnce(&mut Ledger) -> Attempt) -> Scene {
    let mut ledger = Ledger::parse(&format!("alice {words} | bob 0 jpy | bakery | mill suspended"));
    let attempt = call(&mut ledger);
    let mut scene = Scene { ledger, attempt };
    break_the_caller(&mut scene);
    closed_and_frozen(&mut scene);
    break_the_code(&mut scene);
    scene
}

fn walk_front(scene: &mut Scene, states: &[Row], what: &str) {
    walk(scene, &CALLER, what);
    walk(scene, states, what);
    walk(scene, &CODE, what);
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("an amount")
}

fn balance(scene: &mut Scene, minor: i64) {
    scene.ledger.account("alice", |account| {
        account.credits_posted_minor = minor;
        account.lots = Lots::default();
        let lot_id = crate::domain::id::LotId([1; 16]);
        account.lots.add(Lot { lot_id, remaining_minor: minor, expires_at: None });
    });
}

#[test]
fn pay_answers_in_the_documented_order() {
    let mut scene = broken("99999 jpy", |ledger| {
        ledger.remove(RowKey::Store(store_id("nowhere")));
        ledger.pay("alice → nowhere 100001")
    });
    if let DeviceAction::Pay { currency, payee_name, .. } = scene.attempt.action() {
        *currency = "USD".into();
        *payee_name = "Bakery".into();
    }
    scene.ledger.account("alice", |account| {
        account.spending.add(NOW.plus_us(-3 * DAY_US), 900_001);
        account.spending.add(NOW, 100_001);
    });
    walk_front(&mut scene, &[CLOSED, NEVER_ACTIVATED, NOT_ACTIVE, FROZEN], "pay");
    let rest: [Row; 9] = [
        (Said::No(Refusal::NotFound), |scene| {
            if let DeviceAction::Pay { store_id, .. } = scene.attempt.action() {
                *store_id = super::fixture::store_id("mill");
            }
        }),
        (Said::No(Refusal::PayeeChanged), |scene| {
            if let DeviceAction::Pay { payee_name, .. } = scene.attempt.action() {
                *payee_name = "mill".into();
            }
        }),
        (Said::No(Refusal::PayeeSuspended), |scene| {
            scene.ledger.change::<Store>((store_id("mill"),), |store| store.standing = Standing::Active);
        }),
        (Said::No(Refusal::PayeeSuspended), |scene| {
            let id = super::fixture::merchant_id("mill");
            scene.ledger.change::<Merchant>((id,), |merchant| merchant.standing = Standing::Active);
        }),
        (Said::No(Refusal::WrongCurrency), |scene| {
            if let DeviceAction::Pay { currency, .. } = scene.attempt.action() {
                *currency = "JPY".into();
            }
        }),
        (Said::No(Refusal::LimitPerPayment), |scene| {
            if let DeviceAction::Pay { amount, .. } = scene.attempt.action() {
                *amount = self::amount(100_000);
            }
        }),
        (Said::No(Refusal::LimitPerDay), |scene| {
            scene.ledger.account("alice", |account| account.spending.give_back(NOW, 100_001));
        }),
        (Said::No(Refusal::LimitPerMonth), |scene| {
            scene.ledger.account("alice", |account| account.spending = Periods::default());
        }),
        (Said::No(Refusal::InsufficientBalance), |scene| balance(scene, 100_000)),
    ];
    walk(&mut scene, &rest, "pay");
    is_done(&mut scene, "pay");
}

/// Unlinked, another's, linked just now, and of a card that is in two other accounts and brought in too much
/// today.
fn unusable_source(scene: &mut Scene) {
    scene.ledger.put(Funding {
        funding_id: funding_id("alice"),
        tenant_id: crate::domain::id::FIRST_TENANT,
        account_id: account_id("bob"),
        provider: 1,
        linked_at: NOW,
        ended_at: Some(NOW),
        epoch: 1,
        card_tag: Some(card_tag("alice")),
        topped_up_at: None,
    });
    let mut card = card_of_today();
    let rules = &scene.ledger.policy.cards;
    for name in ["bob", "carol"] {
        card.link(rules, account_id(name), NOW).expect("two may");
    }
    scene.ledger.put(card);
}

/// A card that brought in so much today that it brings in little more.
fn card_of_today() -> Card {
    let mut card = Card::new(card_tag("alice"));
    card.top_ups.add(NOW, 50_001);
    card
}

#[test]
fn request_top_up_answers_in_the_documented_order() {
    let mut scene = broken("250001 jpy", |ledger| ledger.top_up("alice", 50_000));
    unusable_source(&mut scene);
    if let DeviceAction::RequestTopUp { currency, .. } = scene.attempt.action() {
        *currency = "USD".into();
    }
    scene.ledger.account("alice", |account| {
        account.last_top_up_at = Some(NOW.plus_us(-30 * SECOND_US + 1));
        for minor in [1, 1, 1, 1, 50_000] {
            account.top_ups.add(NOW, minor);
        }
    });
    walk_front(&mut scene, &[CLOSED, NEVER_ACTIVATED, NOT_ACTIVE, FROZEN], "top-up");
    let rest: [Row; 11] = [
        (Said::No(Refusal::FundingNotLinked), |scene| {
            scene.ledger.change::<Funding>((funding_id("alice"),), |source| source.ended_at = None);
        }),
        (Said::No(Refusal::FundingNotLinked), |scene| {
            scene
                .ledger
                .change::<Funding>((funding_id("alice"),), |source| source.account_id = account_id("alice"));
        }),
        (Said::No(Refusal::WrongCurrency), |scene| {
            if let DeviceAction::RequestTopUp { currency, .. } = scene.attempt.action() {
                *currency = "JPY".into();
            }
        }),
        (Said::No(Refusal::TopUpTooSoon), |scene| {
            scene
                .ledger
                .account("alice", |account| account.last_top_up_at = Some(NOW.plus_us(-30 * SECOND_US)));
        }),
        (Said::No(Refusal::LimitTopUps), |scene| {
            scene.ledger.account("alice", |account| {
                account.top_ups = Periods::default();
                account.top_ups.add(NOW, 50_001);
            });
        }),
        (Said::No(Refusal::LimitPerDay), |scene| {
            scene.ledger.account("alice", |account| account.top_ups = Periods::default());
        }),
        (Said::No(Refusal::LimitBalance), |scene| balance(scene, 250_000)),
        // Never topped up from, and then linked too lately.
        (Said::No(Refusal::LimitNewSource), |scene| {
            scene.ledger.change::<Funding>((funding_id("alice"),), |source| {
                source.topped_up_at = Some(NOW);
                source.linked_at = NOW.plus_us(-DAY_US + 1);
            });
        }),
        (Said::No(Refusal::LimitNewSource), |scene| {
            scene
                .ledger
                .change::<Funding>((funding_id("alice"),), |source| source.linked_at = NOW.plus_us(-DAY_US));
        }),
        (Said::No(Refusal::FundingInUse), |scene| scene.ledger.put(card_of_today())),
        (Said::No(Refusal::CardLimit), |scene| scene.ledger.put(Card::new(card_tag("alice")))),
    ];
    walk(&mut scene, &rest, "top-up");
    is_done(&mut scene, "top-up");
}

#[test]
fn activate_answers_in_the_documented_order() {
    let mut scene = broken("0 jpy", |ledger| ledger.activate("alice"));
    walk(&mut scene, &CALLER, "activate");
    scene.ledger.account("alice", |account| account.state = AccountState::Active);
    let states: [Row; 3] = [
        (Said::No(Refusal::AccountAlreadyActive), |scene| {
            scene.ledger.account("alice", |account| account.state = AccountState::Closed);
        }),
        CLOSED,
        NEVER_ACTIVATED,
    ];
    walk(&mut scene, &states, "activate");
    walk(&mut scene, &CODE, "activate");
    if let DeviceAction::Activate { document, .. } = scene.attempt.action() {
        document.expected_version = 2;
    }
    let rest: [Row; 1] = [(Said::Stale(Stale::Document), |scene| {
        if let DeviceAction::Activate { document, .. } = scene.attempt.action() {
            document.expected_version = 3;
        }
    })];
    walk(&mut scene, &rest, "activate");
    is_done(&mut scene, "activate");
}

#[test]
fn verify_second_factor_answers_in_the_documented_order_also_when_frozen() {
    let mut scene = broken("0 jpy", |ledger| ledger.order("alice", DeviceAction::VerifySecondFactor));
    walk_front(&mut scene, &[CLOSED, NEVER_ACTIVATED, NOT_ACTIVE], "verify");
    is_done(&mut scene, "verify");
}

#[test]
fn freeze_answers_in_the_documented_order_and_wants_no_code() {
    let mut scene = broken("0 jpy", |ledger| ledger.order("alice", DeviceAction::Freeze));
    walk_front(&mut scene, &[CLOSED, NEVER_ACTIVATED, NOT_ACTIVE], "freeze");
    is_done(&mut scene, "freeze");
    scene.attempt = scene.attempt.proof(None);
    is_done(&mut scene, "freeze without a code");
}

#[test]
fn unfreeze_answers_in_the_documented_order() {
    let mut scene = broken("0 jpy", |ledger| ledger.order("alice", DeviceAction::Unfreeze));
    scene.ledger.account("alice", |account| account.frozen_at = None);
    walk_front(&mut scene, &[CLOSED, NEVER_ACTIVATED, NOT_ACTIVE, NOT_FROZEN], "unfreeze");
    is_done(&mut scene, "unfreeze");
}

#[test]
fn revoke_device_answers_in_the_documented_order() {
    let mut scene = broken("0 jpy tablet", |ledger| ledger.revoke("alice", "nowhere"));
    scene.ledger.device("alice-tablet", |device| {
        device.account_id = account_id("bob");
        device.state = KeyState::Revoked;
        device.revoked_at = Some(NOW);
    });
    walk_front(&mut scene, &[CLOSED, NEVER_ACTIVATED, NOT_ACTIVE], "revoke");
    let rest: [Row; 4] = [
        (Said::No(Refusal::NotFound), |scene| {
            *scene.attempt.action() = DeviceAction::RevokeDevice { target_id: device_id("alice-tablet") };
        }),
        // Somebody else's device looks like none.
        (Said::No(Refusal::NotFound), |scene| {
            scene.ledger.device("alice-tablet", |device| device.account_id = account_id("alice"));
        }),
        (Said::No(Refusal::DeviceAlreadyRevoked), |scene| {
            scene.ledger.change::<Device>((device_id("alice-tablet"),), |device| {
                device.state = KeyState::Active;
                device.revoked_at = None;
            });
        }),
        (Said::Done, |_| {}),
    ];
    walk(&mut scene, &rest, "revoke");
}

#[test]
fn link_funding_answers_in_the_documented_order() {
    let mut scene = broken("0 jpy", |ledger| ledger.link("alice", 6));
    walk_front(&mut scene, &[CLOSED, NEVER_ACTIVATED, NOT_ACTIVE, FROZEN], "link");
    if let DeviceAction::LinkFunding { document, .. } = scene.attempt.action() {
        document.expected_version = 2;
    }
    let mut card = Card::new(card_tag("alice"));
    let rules = &scene.ledger.policy.cards;
    for name in ["bob", "carol"] {
        card.link(rules, account_id(name), NOW).expect("two may");
    }
    scene.ledger.put(card);
    if let DeviceAction::LinkFunding { card_tag: tag, .. } = scene.attempt.action() {
        *tag = card_tag("alice");
    }
    let rest: [Row; 3] = [
        (Said::No(Refusal::TooManyFundingSources), |scene| {
            if let DeviceAction::LinkFunding { sources, .. } = scene.attempt.action() {
                *sources = 5;
            }
        }),
        (Said::No(Refusal::FundingInUse), |scene| scene.ledger.put(Card::new(card_tag("alice")))),
        (Said::Stale(Stale::Document), |scene| {
            if let DeviceAction::LinkFunding { document, .. } = scene.attempt.action() {
                document.expected_version = 3;
            }
        }),
    ];
    walk(&mut scene, &rest, "link");
    is_done(&mut scene, "link");
}

#[test]
fn unlink_funding_answers_in_the_documented_order_also_when_frozen() {
    let mut scene = broken("0 jpy card", |ledger| ledger.unlink("alice"));
    scene.ledger.change::<Funding>((funding_id("alice"),), |source| source.ended_at = Some(NOW));
    if let DeviceAction::UnlinkFunding { document, .. } = scene.attempt.action() {
        document.expected_version = 2;
    }
    walk_front(&mut scene, &[CLOSED, NEVER_ACTIVATED, NOT_ACTIVE], "unlink");
    let rest: [Row; 2] = [
        (Said::No(Refusal::FundingNotLinked), |scene| {
            scene.ledger.change::<Funding>((funding_id("alice"),), |source| source.ended_at = None);
        }),
        (Said::Stale(Stale::Document), |scene| {
            if let DeviceAction::UnlinkFunding { document, .. } = scene.attempt.action() {
                document.expected_version = 3;
            }
        }),
    ];
    walk(&mut scene, &rest, "unlink");
    is_done(&mut scene, "unlink");
}

#[test]
fn without_a_code_where_one_is_wanted_the_block_is_told_first_and_the_subject_stays_hidden() {
    let calls: [Call; 8] = [
        ("pay", |ledger| ledger.pay("alice → nowhere 1")),
        ("top-up", |ledger| ledger.top_up("alice", 1)),
        ("activate", |ledger| {
            ledger.account("alice", |account| account.state = AccountState::Pending);
            ledger.account("alice", |account| account.created_at = NOW);
            ledger.activate("alice")
        }),
        ("verify", |ledger| ledger.order("alice", DeviceAction::VerifySecondFactor)),
        ("unfreeze", |ledger| {
            ledger.account("alice", |account| account.frozen_at = Some(NOW));
            ledger.order("alice", DeviceAction::Unfreeze)
        }),
        ("revoke", |ledger| ledger.revoke("alice", "nowhere")),
        ("link", |ledger| ledger.link("alice", 6)),
        ("unlink", |ledger| ledger.unlink("alice")),
    ];
    for (what, call) in calls {
        let mut ledger = Ledger::parse("alice 0 jpy");
        let attempt = call(&mut ledger);
        let mut scene = Scene { ledger, attempt };
        break_the_code(&mut scene);
        scene.attempt = scene.attempt.proof(None);
        let table: [Row; 3] = [
            (Said::Open(OpenAnswer::CodeExhausted), |scene| {
                scene.ledger.account("alice", |account| account.code_failures = 99);
            }),
            (Said::Open(OpenAnswer::CodeBlocked { until: BLOCKED_UNTIL }), |scene| {
                scene.ledger.account("alice", |account| account.code_blocked_until = NOW);
            }),
            (Said::Open(OpenAnswer::CodeNeeded), |_| {}),
        ];
        walk(&mut scene, &table, what);
    }
}

#[test]
fn the_last_devices_revocation_freezes_the_account_and_an_earlier_one_does_not() {
    let mut ledger = Ledger::parse("alice 0 jpy tablet");
    let first = ledger.revoke("alice", "alice-tablet").code(STEP);
    let outcome = |device: &str, account_frozen| Outcome::DeviceRevoked {
        device_id: device_id(device),
        account_frozen,
    };
    let decision = ledger.act(&first);
    assert_eq!(
        super::fixture::entry(&decision).map(|entry| &entry.outcome),
        Some(&outcome("alice-tablet", false))
    );
    assert_eq!(ledger.account_of("alice").frozen_at, None);
    assert_eq!(ledger.device_of("alice-tablet").state, KeyState::Revoked);
    assert_eq!(ledger.get::<SigningKey>((key_id("alice-tablet"),)).version, 2);

    let last = ledger.revoke("alice", "alice").code(STEP + 1);
    let decision = ledger.act(&last);
    assert_eq!(super::fixture::entry(&decision).map(|entry| &entry.outcome), Some(&outcome("alice", true)));
    assert_eq!(ledger.account_of("alice").frozen_at, Some(NOW));
    assert_eq!(ledger.account_of("alice").active_devices, 0);
    let after = ledger.order("alice", DeviceAction::Freeze);
    assert_eq!(ledger.ask(&after), Said::Stale(Stale::Key));
}

//! The sandbox's provider: answers by the token, moves no money.

use std::future::ready;
use std::ops::Range;

use zeroize::Zeroizing;

use super::{Card, Charge, ClientAction, Found, FundingProvider, Inspected, Opened, Owner, Page, Reply};
use crate::domain::id::{TopUpId, hex};
use crate::domain::time::Timestamp;
use crate::store::Later;

/// Tokens begin with `sandbox-`; `sandbox-declined…` is declined, `sandbox-silent…` never answers,
/// `sandbox-action…` waits for its owner until it is cancelled, `sandbox-refunded…` and
/// `sandbox-chargedback…` succeed, and are taken back when they are asked about again. For all of them 3-D
/// Secure is done but for `sandbox-unsecured…`. A token is a card of its account's own; `sandbox-shared…` is
/// the same card in every account. `sandbox-stolen…` is another's, and is not linked; `sandbox-unknown…` is
/// not answered for.
#[derive(Debug)]
pub struct SandboxProvider;

/// What a token or a charge's name begins with.
const SILENT: &str = "sandbox-silent";
const DECLINED: &str = "sandbox-declined";
const ACTION: &str = "sandbox-action";
const REFUNDED: &str = "sandbox-refunded";
const CHARGED_BACK: &str = "sandbox-chargedback";
const UNSECURED: &str = "sandbox-unsecured";
const SHARED: &str = "sandbox-shared";
const STOLEN: &str = "sandbox-stolen";
const UNKNOWN: &str = "sandbox-unknown";

fn confirmed(reference: &str) -> Reply {
    if reference.starts_with(DECLINED) {
        Reply::Failed
    } else if reference.starts_with(ACTION) {
        Reply::RequiresAction(ClientAction { kind: "sandbox".into(), value: "nothing can be done".into() })
    } else {
        Reply::Succeeded { challenged: !reference.starts_with(UNSECURED) }
    }
}

fn asked_again(reference: &str) -> Reply {
    if reference.starts_with(REFUNDED) {
        Reply::Refunded
    } else if reference.starts_with(CHARGED_BACK) {
        Reply::ChargedBack
    } else {
        confirmed(reference)
    }
}

impl FundingProvider for SandboxProvider {
    fn number(&self) -> i64 {
        1
    }

    fn accepts(&self, token: &str) -> bool {
        token.starts_with("sandbox-")
    }

    fn inspect<'a>(&'a self, owner: Owner<'a>, token: &'a str) -> Later<'a, Inspected> {
        let inspected = if token.starts_with(STOLEN) {
            Inspected::Refused
        } else if token.starts_with(UNKNOWN) {
            Inspected::Silent
        } else {
            let is_shared = token.starts_with(SHARED);
            let whose = if is_shared { String::new() } else { hex(&owner.account_id.0) };
            let fingerprint = Zeroizing::new(format!("{token} {whose}"));
            Inspected::Card(Card { fingerprint, token: token.to_owned() })
        };
        Box::pin(ready(inspected))
    }

    // The name holds what the token wants: nothing is remembered here.
    fn open<'a>(&'a self, charge: Charge<'a>) -> Later<'a, Opened> {
        let id = hex(&charge.top_up_id.0);
        let kinds = [DECLINED, ACTION, REFUNDED, CHARGED_BACK, UNSECURED];
        let opened = if charge.token.starts_with(SILENT) {
            Opened::Silent
        } else {
            let kind = kinds.into_iter().find(|kind| charge.token.starts_with(kind)).unwrap_or("sandbox");
            Opened::Named(format!("{kind}-{id}"))
        };
        Box::pin(ready(opened))
    }

    fn confirm<'a>(&'a self, reference: &'a str) -> Later<'a, Reply> {
        Box::pin(ready(confirmed(reference)))
    }

    fn query<'a>(&'a self, reference: &'a str) -> Later<'a, Reply> {
        Box::pin(ready(asked_again(reference)))
    }

    fn cancel<'a>(&'a self, reference: &'a str) -> Later<'a, Reply> {
        let is_waiting = reference.starts_with(ACTION);
        Box::pin(ready(if is_waiting { Reply::Failed } else { confirmed(reference) }))
    }

    fn refund<'a>(&'a self, _top_up_id: TopUpId, _reference: &'a str) -> Later<'a, Reply> {
        Box::pin(ready(Reply::Refunded))
    }

    // Nothing is remembered here, so there is no list either.
    fn list<'a>(&'a self, _made: Range<Timestamp>, _after: Option<&'a str>) -> Later<'a, Page> {
        Box::pin(ready(Page::NoList))
    }

    fn find<'a>(&'a self, _reference: &'a str) -> Later<'a, Found> {
        Box::pin(ready(Found::Silent))
    }
}

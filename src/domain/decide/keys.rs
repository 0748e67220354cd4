//! Keys of merchants and operators, and bars. A key belongs to one principal for ever; of each owner one is
//! active at most, and where another takes its place both change in one commit.

use super::ruling::Ruling;
use crate::domain::command::{NewKey, OperatorCall};
use crate::domain::id::{FIRST_TENANT, KeyId, MerchantId, OperatorId, OwnerId, ProposalId};
use crate::domain::journal::Versions;
use crate::domain::outcome::{KeyOutcome, Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{KeyState, Merchant, Operator, Principal, SigningKey, Store, Terminal};
use crate::domain::standing::BarSubject;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// What becomes of keys: the writes, and the versions that the journal keeps of it.
#[derive(Default)]
struct Change {
    writes: Vec<Write>,
    keys: Vec<(KeyId, i64)>,
}

impl Change {
    /// It signs nothing any more.
    fn revoke(mut self, key_id: KeyId, view: &View) -> Result<Self, Refusal> {
        let key = view.get::<SigningKey>((key_id,)).filter(|key| key.state == KeyState::Active);
        let key = key.ok_or(Refusal::NoKey)?;
        let revoked = SigningKey { state: KeyState::Revoked, version: key.version + 1, ..key.clone() };
        self.keys.push((key_id, revoked.version));
        self.writes.push(Write::Update(revoked.into_row()));
        Ok(self)
    }

    fn enrol(
        mut self,
        key: &NewKey,
        principal: Principal,
        owner_id: OwnerId,
        view: &View,
    ) -> Result<Self, Refusal> {
        self.writes.push(new(key, principal, owner_id, view)?);
        self.keys.push((key.key_id, 1));
        Ok(self)
    }

    fn ruling(self, write: Write, outcome: KeyOutcome) -> Ruling {
        let writes = self.writes.into_iter().chain([write]).collect();
        let versions = Versions { accounts: Vec::new(), keys: self.keys };
        Ruling { versions, ..Ruling::plain(writes, Outcome::Keys(outcome)) }
    }
}

/// A key belongs to one principal for ever, revoked or not.
pub(super) fn new(
    key: &NewKey,
    principal: Principal,
    owner_id: OwnerId,
    view: &View,
) -> Result<Write, Refusal> {
    if view.get::<SigningKey>((key.key_id,)).is_some() {
        return Err(Refusal::KeyInUse);
    }
    let row = SigningKey {
        key_id: key.key_id,
        tenant_id: FIRST_TENANT,
        principal,
        owner_id,
        account_id: None,
        point: key.point.to_vec(),
        form: key.form,
        state: KeyState::Active,
        version: 1,
    };
    Ok(Write::Insert(row.into_row()))
}

fn active(operator_id: OperatorId, view: &View) -> Result<&Operator, Refusal> {
    let operator = view.get::<Operator>((operator_id,)).ok_or(Refusal::NotFound)?;
    if operator.state == KeyState::Active { Ok(operator) } else { Err(Refusal::NoKey) }
}

/// Two operators decided that another one leaves.
pub(super) fn revoke_operator(
    proposal_id: ProposalId,
    operator_id: OperatorId,
    view: &View,
) -> Result<Ruling, Refusal> {
    let operator = active(operator_id, view)?;
    let change = Change::default().revoke(operator.key_id, view)?;
    let gone = Operator { state: KeyState::Revoked, ..operator.clone() };
    let outcome = KeyOutcome::OperatorRevoked { proposal_id, operator_id };
    Ok(change.ruling(Write::Update(gone.into_row()), outcome))
}

/// Two operators gave another one another key.
pub(super) fn set_operator_key(
    proposal_id: ProposalId,
    operator_id: OperatorId,
    key: &NewKey,
    view: &View,
) -> Result<Ruling, Refusal> {
    let outcome = KeyOutcome::OperatorKeySet { proposal_id, operator_id, key_id: key.key_id };
    operators(active(operator_id, view)?, key, outcome, view)
}

fn operators(operator: &Operator, key: &NewKey, outcome: KeyOutcome, view: &View) -> Result<Ruling, Refusal> {
    let change = Change::default().revoke(operator.key_id, view)?.enrol(
        key,
        Principal::Operator,
        OwnerId(operator.operator_id.0),
        view,
    )?;
    let renewed = Operator { key_id: key.key_id, ..operator.clone() };
    Ok(change.ruling(Write::Update(renewed.into_row()), outcome))
}

/// An operator gives the key that signed up for another.
pub(super) fn rotate_operators(call: &OperatorCall, key: &NewKey, view: &View) -> Result<Ruling, Refusal> {
    let operator = active(call.operator_id, view)?;
    operators(operator, key, KeyOutcome::Rotated { key_id: key.key_id }, view)
}

/// A merchant has no key any more.
pub(super) fn revoke_merchant_key(
    proposal_id: ProposalId,
    merchant_id: MerchantId,
    view: &View,
) -> Result<Ruling, Refusal> {
    let merchant = view.get::<Merchant>((merchant_id,)).ok_or(Refusal::NotFound)?;
    let change = Change::default().revoke(merchant.key_id.ok_or(Refusal::NoKey)?, view)?;
    let without = Merchant { key_id: None, ..merchant.clone() };
    let outcome = KeyOutcome::MerchantKeyRevoked { proposal_id, merchant_id };
    Ok(change.ruling(Write::Update(without.into_row()), outcome))
}

/// A merchant has another key, whatever became of the one before.
pub(super) fn set_merchant_key(
    proposal_id: ProposalId,
    merchant_id: MerchantId,
    key: &NewKey,
    view: &View,
) -> Result<Ruling, Refusal> {
    let merchant = view.get::<Merchant>((merchant_id,)).ok_or(Refusal::NotFound)?;
    let outcome = KeyOutcome::MerchantKeySet { proposal_id, merchant_id, key_id: key.key_id };
    merchants(merchant, key, outcome, view)
}

fn merchants(merchant: &Merchant, key: &NewKey, outcome: KeyOutcome, view: &View) -> Result<Ruling, Refusal> {
    let change = match merchant.key_id {
        Some(old) => Change::default().revoke(old, view)?,
        None => Change::default(),
    };
    let owner_id = OwnerId(merchant.merchant_id.0);
    let change = change.enrol(key, Principal::Merchant, owner_id, view)?;
    let renewed = Merchant { key_id: Some(key.key_id), ..merchant.clone() };
    Ok(change.ruling(Write::Update(renewed.into_row()), outcome))
}

/// A merchant's server gives the key that signed up for another.
pub(super) fn rotate_merchants(merchant: &Merchant, key: &NewKey, view: &View) -> Result<Ruling, Refusal> {
    merchants(merchant, key, KeyOutcome::Rotated { key_id: key.key_id }, view)
}

/// Bars somebody; whoever is barred already, stays so since then.
pub(super) fn bar(subject: BarSubject, view: &View) -> Result<Ruling, Refusal> {
    let (since, set) = barred(subject, view)?;
    let write = set(since.or(Some(view.now())));
    Ok(Ruling::plain(vec![write], Outcome::Keys(KeyOutcome::Barred { subject })))
}

/// Whoever was barred is what they were before.
pub(super) fn lift(proposal_id: ProposalId, subject: BarSubject, view: &View) -> Result<Ruling, Refusal> {
    let (since, set) = barred(subject, view)?;
    since.ok_or(Refusal::NotBarred)?;
    let outcome = KeyOutcome::BarLifted { proposal_id, subject };
    Ok(Ruling::plain(vec![set(None)], Outcome::Keys(outcome)))
}

type Set<'a> = Box<dyn Fn(Option<Timestamp>) -> Write + 'a>;

/// Since when it is barred, and how that is changed.
fn barred(subject: BarSubject, view: &View) -> Result<(Option<Timestamp>, Set<'_>), Refusal> {
    Ok(match subject {
        BarSubject::Merchant(id) => {
            let row = view.get::<Merchant>((id,)).ok_or(Refusal::NotFound)?;
            let set = |barred_at| Write::Update(Merchant { barred_at, ..row.clone() }.into_row());
            (row.barred_at, Box::new(set))
        }
        BarSubject::Store(id) => {
            let row = view.get::<Store>((id,)).ok_or(Refusal::NotFound)?;
            let set = |barred_at| Write::Update(Store { barred_at, ..row.clone() }.into_row());
            (row.barred_at, Box::new(set))
        }
        BarSubject::Terminal(id) => {
            let row = view.get::<Terminal>((id,)).ok_or(Refusal::NotFound)?;
            let set = |barred_at| Write::Update(Terminal { barred_at, ..row.clone() }.into_row());
            (row.barred_at, Box::new(set))
        }
    })
}

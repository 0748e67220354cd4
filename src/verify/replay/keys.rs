//! Keys of merchants and operators, what two operators proposed about them, and bars.

use super::calls::stored;
use super::{Checked, Entry, KeyReplay, OwnerReplay, Replay, nothing_moved, nothing_posted};
use crate::crypto::envelope::PublicKey;
use crate::domain::id::{AccountId, KeyId, MerchantId, OperatorId, StoreId, TerminalId};
use crate::domain::journal::Kind;
use crate::domain::outcome::{KeyOutcome, Outcome};
use crate::domain::rows::{KeyForm, KeyState, Standing};
use crate::domain::standing::{BarSubject, Deed, Hindrance};
use crate::domain::time::Timestamp;
use crate::pb;
use crate::verify::evidence::{self, KeyOwner};

/// What was proposed.
pub struct ProposalReplay {
    pub proposer_id: OperatorId,
    /// The key that proposed it.
    pub key_id: KeyId,
    pub payload: Vec<u8>,
    pub expires_at: Timestamp,
    pub approved: bool,
}

/// What an operator must be.
pub struct OperatorReplay {
    pub key_id: KeyId,
    pub state: KeyState,
}

/// For whom something is done, as far as it is known.
#[derive(Clone, Copy)]
pub struct ShopReplay {
    pub merchant: MerchantId,
    pub store: Option<StoreId>,
    pub terminal: Option<TerminalId>,
}

impl Replay {
    /// Neither a suspension nor a bar stood against what a till or a merchant's server did.
    pub(super) fn staff_may(&self, owner: OwnerReplay, kind: Kind) -> Checked {
        let shop = match owner {
            OwnerReplay::Terminal(terminal_id) => {
                let terminal = self.terminals.get(&terminal_id).ok_or("its till was never registered")?;
                let store_id = Some(terminal.store_id);
                ShopReplay { merchant: terminal.merchant_id, store: store_id, terminal: Some(terminal_id) }
            }
            OwnerReplay::Merchant(merchant_id) => {
                ShopReplay { merchant: merchant_id, store: None, terminal: None }
            }
            OwnerReplay::Device { .. } | OwnerReplay::Operator(_) => return Ok(()),
        };
        self.is_done_for(shop, deed(kind).ok_or("it was signed by another kind of key than its method's")?)
    }

    /// No bar stood against it.
    pub(super) fn no_bar_for(&self, shop: ShopReplay, deed: Deed) -> Checked {
        let merchant = self.merchants.get(&shop.merchant).ok_or("its merchant has no account")?;
        let store = shop.store.and_then(|id| self.stores.get(&id));
        let terminal = shop.terminal.and_then(|id| self.terminals.get(&id));
        let bars = [
            (merchant.barred_at, Hindrance::MerchantBarred),
            (store.and_then(|store| store.barred_at), Hindrance::StoreBarred),
            (terminal.and_then(|terminal| terminal.barred_at), Hindrance::TillBarred),
        ];
        if bars.into_iter().any(|(barred_at, bar)| barred_at.is_some() && !deed.is_done(bar)) {
            return Err("its merchant, store or till was barred");
        }
        Ok(())
    }

    /// Neither a suspension nor a bar stood against it.
    pub(super) fn is_done_for(&self, shop: ShopReplay, deed: Deed) -> Checked {
        self.no_bar_for(shop, deed)?;
        let merchant = self.merchants.get(&shop.merchant).ok_or("its merchant has no account")?;
        if merchant.standing == Standing::Suspended && !deed.is_done(Hindrance::MerchantSuspended) {
            return Err("its merchant was suspended");
        }
        Ok(())
    }

    /// A key that was never anybody's, and its row's versions say so.
    pub(super) fn new_key(
        &mut self,
        entry: &Entry<'_>,
        key: PublicKey,
        form: KeyForm,
        owner: OwnerReplay,
    ) -> Checked {
        let key_id = KeyId(key.key_id());
        if !entry.versions.accounts.is_empty() || !entry.versions.keys.contains(&(key_id, 1)) {
            return Err("it enrols a key without saying so");
        }
        let key = KeyReplay { key, form, owner, state: KeyState::Active, version: 1 };
        if self.keys.insert(key_id, key).is_some() {
            return Err("it enrols a key that there is already");
        }
        Ok(())
    }

    /// A device's key signs nothing any more.
    pub(super) fn revoke(&mut self, key_id: KeyId, account_id: AccountId, version: i64) -> Checked {
        match self.keys.get(&key_id).map(|key| key.owner) {
            Some(OwnerReplay::Device { account_id: owner, .. }) if owner == account_id => {}
            Some(_) => return Err("it revokes another account's key"),
            None => return Err("it revokes a key that was never enrolled"),
        }
        if self.revoked(key_id)? == version { Ok(()) } else { Err("the key's version is not the next one") }
    }

    /// The version that makes of it.
    fn revoked(&mut self, key_id: KeyId) -> Result<i64, &'static str> {
        let key = self.keys.get_mut(&key_id).ok_or("it revokes a key that was never enrolled")?;
        if key.state == KeyState::Revoked {
            return Err("it revokes a key that was revoked by then");
        }
        key.state = KeyState::Revoked;
        key.version += 1;
        Ok(key.version)
    }

    /// A merchant's or an operator's key goes, another comes, or both at once; and nothing else does.
    fn changed(
        &mut self,
        entry: &Entry<'_>,
        old: Option<KeyId>,
        new: Option<(&NewKey<'_>, OwnerReplay)>,
    ) -> Result<Option<KeyId>, &'static str> {
        let mut versions = Vec::new();
        if let Some(old) = old {
            versions.push((old, self.revoked(old)?));
        }
        let mut key_id = None;
        if let Some((new, owner)) = new {
            let key = self.proved(new, owner, true)?;
            key_id = Some(KeyId(key.key_id()));
            versions.extend(key_id.map(|key_id| (key_id, 1)));
            let form = stored(key.form());
            self.new_key(entry, key, form, owner)?;
        }
        let same = entry.versions.accounts.is_empty() && entry.versions.keys == versions;
        if same { Ok(key_id) } else { Err("it touches other keys than those that it says") }
    }

    /// A key that proved itself. Proposals from before that was asked have no proof.
    pub(super) fn proved(
        &self,
        new: &NewKey<'_>,
        owner: OwnerReplay,
        has_id: bool,
    ) -> Result<PublicKey, &'static str> {
        let key = new.key.and_then(evidence::proposed_key).ok_or("the new key cannot be read")?;
        let of = match owner {
            OwnerReplay::Merchant(id) => KeyOwner::Merchant(Some(id).filter(|_| has_id)),
            OwnerReplay::Operator(id) => KeyOwner::Operator(Some(id).filter(|_| has_id)),
            OwnerReplay::Device { .. } | OwnerReplay::Terminal(_) => return Err("its new key is nobody's"),
        };
        let is_old = !has_id && new.proof.is_empty();
        if is_old || evidence::is_proved(&key, new.proof, of, &self.audience) {
            Ok(key)
        } else {
            Err("the new key did not sign that it is its owner's")
        }
    }

    /// An operator's key is another, or none.
    fn operators_key(
        &mut self,
        entry: &Entry<'_>,
        operator_id: OperatorId,
        new: Option<&NewKey<'_>>,
    ) -> Result<Option<KeyId>, &'static str> {
        let operator = self.operators.get(&operator_id).ok_or("it is about no operator")?;
        let old = operator.key_id;
        let owner = OwnerReplay::Operator(operator_id);
        let key_id = self.changed(entry, Some(old), new.map(|new| (new, owner)))?;
        let state = if key_id.is_some() { KeyState::Active } else { KeyState::Revoked };
        self.operators.insert(operator_id, OperatorReplay { key_id: key_id.unwrap_or(old), state });
        Ok(key_id)
    }

    /// A merchant's key is another, or none.
    fn merchants_key(
        &mut self,
        entry: &Entry<'_>,
        merchant_id: MerchantId,
        new: Option<&NewKey<'_>>,
    ) -> Result<Option<KeyId>, &'static str> {
        let old = self.merchants.get(&merchant_id).ok_or("it is about no merchant")?.key_id;
        if old.is_none() && new.is_none() {
            return Err("it revokes a key that was revoked by then");
        }
        let owner = OwnerReplay::Merchant(merchant_id);
        let key_id = self.changed(entry, old, new.map(|new| (new, owner)))?;
        self.merchants.get_mut(&merchant_id).ok_or("it is about no merchant")?.key_id = key_id;
        Ok(key_id)
    }

    /// An owner gave its key up for another.
    pub(super) fn rotated(&mut self, entry: &Entry<'_>, call: &pb::Call, owner: OwnerReplay) -> Checked {
        nothing_posted(entry)?;
        let body: pb::RotateKeyRequest = evidence::body(call)?;
        let new = NewKey { key: body.key.as_ref(), proof: &body.key_proof };
        let (old, key_id) = match owner {
            OwnerReplay::Merchant(id) => {
                let old = self.merchants.get(&id).and_then(|merchant| merchant.key_id);
                (old, self.merchants_key(entry, id, Some(&new))?)
            }
            OwnerReplay::Operator(id) => {
                let old = self.operators.get(&id).map(|operator| operator.key_id);
                (old, self.operators_key(entry, id, Some(&new))?)
            }
            OwnerReplay::Device { .. } | OwnerReplay::Terminal(_) => {
                return Err("it was signed by another kind of key than its method's");
            }
        };
        if old != Some(entry.row.key_id) {
            return Err("it gives up another key than the one that signed");
        }
        if let Outcome::Keys(KeyOutcome::Rotated { key_id: told }) = entry.outcome
            && Some(told) == key_id
        {
            Ok(())
        } else {
            Err("its outcome does not fit its kind")
        }
    }

    /// Two operators decided about a key, or that a bar ends: neither of them about themselves.
    pub(super) fn keys_approved(
        &mut self,
        entry: &Entry<'_>,
        proposed: &pb::propose_request::Proposal,
        (proposer_id, approver_id): (OperatorId, OperatorId),
    ) -> Checked {
        use pb::propose_request::Proposal;
        let Outcome::Keys(outcome) = entry.outcome else {
            return Err("its outcome is not what was proposed");
        };
        if let KeyOutcome::OperatorRevoked { operator_id, .. }
        | KeyOutcome::OperatorKeySet { operator_id, .. } = outcome
            && (operator_id == proposer_id || operator_id == approver_id)
        {
            return Err("an operator decided on their own key");
        }
        match (proposed, outcome) {
            (Proposal::RevokeOperator(proposed), KeyOutcome::OperatorRevoked { operator_id, .. })
                if proposed.operator_id == operator_id.0 =>
            {
                self.operators_key(entry, operator_id, None).map(|_| ())
            }
            (Proposal::SetOperatorKey(proposed), KeyOutcome::OperatorKeySet { operator_id, key_id, .. })
                if proposed.operator_id == operator_id.0 =>
            {
                let new = NewKey { key: proposed.key.as_ref(), proof: &proposed.key_proof };
                told(self.operators_key(entry, operator_id, Some(&new))?, key_id)
            }
            (Proposal::RevokeMerchantKey(proposed), KeyOutcome::MerchantKeyRevoked { merchant_id, .. })
                if proposed.merchant_id == merchant_id.0 =>
            {
                self.merchants_key(entry, merchant_id, None).map(|_| ())
            }
            (Proposal::SetMerchantKey(proposed), KeyOutcome::MerchantKeySet { merchant_id, key_id, .. })
                if proposed.merchant_id == merchant_id.0 =>
            {
                let new = NewKey { key: proposed.key.as_ref(), proof: &proposed.key_proof };
                told(self.merchants_key(entry, merchant_id, Some(&new))?, key_id)
            }
            (Proposal::LiftBar(proposed), KeyOutcome::BarLifted { subject, .. })
                if proposed.subject.as_ref().and_then(evidence::bar_subject) == Some(subject) =>
            {
                nothing_moved(entry)?;
                match self.barred(subject)?.take() {
                    Some(_) => Ok(()),
                    None => Err("it lifts a bar that there was not"),
                }
            }
            (_, _) => Err("its outcome is not what was proposed"),
        }
    }

    /// An operator barred somebody.
    pub(super) fn bar(&mut self, entry: &Entry<'_>, call: &pb::Call) -> Checked {
        nothing_moved(entry)?;
        let body: pb::BarRequest = evidence::body(call)?;
        let Outcome::Keys(KeyOutcome::Barred { subject }) = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        if body.subject.as_ref().and_then(evidence::bar_subject) != Some(subject) {
            return Err("it bars another than was signed for");
        }
        self.barred(subject)?.get_or_insert(entry.row.at);
        Ok(())
    }

    fn barred(&mut self, subject: BarSubject) -> Result<&mut Option<Timestamp>, &'static str> {
        match subject {
            BarSubject::Merchant(id) => self.merchants.get_mut(&id).map(|row| &mut row.barred_at),
            BarSubject::Store(id) => self.stores.get_mut(&id).map(|row| &mut row.barred_at),
            BarSubject::Terminal(id) => self.terminals.get_mut(&id).map(|row| &mut row.barred_at),
        }
        .ok_or("it bars what there is not")
    }
}

/// A key as it stands in a signed message, with its proof.
pub struct NewKey<'a> {
    pub key: Option<&'a pb::Candidate>,
    pub proof: &'a [u8],
}

fn told(key_id: Option<KeyId>, told: KeyId) -> Checked {
    if key_id == Some(told) { Ok(()) } else { Err("its new key is not the proposed one") }
}

/// What a till's or a merchant's row is in the table of what a suspension and a bar leave.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is no shop's")]
fn deed(kind: Kind) -> Option<Deed> {
    Some(match kind {
        Kind::Charge | Kind::Authorize => Deed::Charge,
        Kind::CashTopUp => Deed::CashTopUp,
        Kind::Capture => Deed::TillCapture,
        Kind::Void | Kind::Refund | Kind::Reverse => Deed::TillGivesBack,
        Kind::CreateOrder => Deed::TillCreatesOrder,
        Kind::CancelOrder | Kind::CloseDay => Deed::TillCloses,
        Kind::CaptureByMerchant => Deed::Capture,
        Kind::VoidByMerchant | Kind::RefundByMerchant | Kind::ReverseForTerminal => Deed::GiveBack,
        Kind::CreateOrderByMerchant => Deed::CreateOrder,
        Kind::CancelOrderByMerchant => Deed::CancelOrder,
        Kind::RegisterTerminal | Kind::ResumeTerminal => Deed::OpenTerminal,
        Kind::SuspendTerminal => Deed::SuspendTerminal,
        Kind::CreateWebhookEndpoint
        | Kind::RotateWebhookSecret
        | Kind::EndWebhookSecret
        | Kind::DeleteWebhookEndpoint
        | Kind::ReplayWebhooks => Deed::ChangeWebhooks,
        Kind::RotateMerchantKey => Deed::RotateKey,
        _ => return None,
    })
}

//! Rows that a till, a merchant's server or an operator signed.

use super::calls::stored;
use super::keys::{NewKey, OperatorReplay, ProposalReplay, ShopReplay};
use super::{
    Checked, Entry, MerchantReplay, OwnerReplay, Replay, StoreReplay, TerminalReplay, nothing_moved,
    nothing_posted,
};
use crate::crypto::envelope::{PublicKey, SignatureForm};
use crate::crypto::hash::sha256;
use crate::domain::id::{KeyId, LedgerAccountId, MerchantId, OperatorId, ProposalId, StoreId, TerminalId};
use crate::domain::journal::{Kind, Versions};
use crate::domain::outcome::{HaltOutcome, OperatorKey, Outcome, SettlementOutcome};
use crate::domain::payment::Verb;
use crate::domain::rows::{KeyForm, KeyState, Standing, TerminalState};
use crate::domain::standing::Deed;
use crate::pb;
use crate::verify::evidence;

use prost::Message as _;

impl Replay {
    /// A row of a till, a merchant or an operator: its key was active at this point, and signed this.
    pub(super) fn staff(&mut self, entry: &Entry<'_>) -> Checked {
        let key = self.keys.get(&entry.row.key_id).ok_or("it was signed by a key that was never enrolled")?;
        if key.state != KeyState::Active {
            return Err("it was signed by a key that was revoked by then");
        }
        let owner = key.owner;
        let call = evidence::signed_call(entry.row, &key.key, &self.audience)?;
        if entry.outcome.is_refused() {
            return nothing_moved(entry);
        }
        self.staff_may(owner, entry.kind)?;
        match (owner, entry.kind) {
            (OwnerReplay::Terminal(terminal_id), Kind::Charge) => self.charged(entry, &call, terminal_id),
            (OwnerReplay::Terminal(terminal_id), Kind::Authorize) => {
                self.authorized(entry, &call, terminal_id)
            }
            (OwnerReplay::Terminal(terminal_id), kind @ (Kind::Capture | Kind::Void | Kind::Refund)) => {
                let merchant_id = self.charging(terminal_id)?.merchant_id;
                self.shop_step(entry, &call, (merchant_id, Some(terminal_id)), shop_verb(kind)?)
            }
            (
                OwnerReplay::Merchant(merchant_id),
                kind @ (Kind::CaptureByMerchant | Kind::VoidByMerchant | Kind::RefundByMerchant),
            ) => self.shop_step(entry, &call, (merchant_id, None), shop_verb(kind)?),
            (OwnerReplay::Terminal(terminal_id), Kind::CreateOrder | Kind::CancelOrder) => {
                let merchant_id = self.charging(terminal_id)?.merchant_id;
                self.order(entry, &call, merchant_id, Some(terminal_id))
            }
            (
                OwnerReplay::Merchant(merchant_id),
                Kind::CreateOrderByMerchant | Kind::CancelOrderByMerchant,
            ) => self.order(entry, &call, merchant_id, None),
            (OwnerReplay::Terminal(terminal_id), Kind::CashTopUp) => {
                self.cash_taken(entry, &call, terminal_id)
            }
            (OwnerReplay::Terminal(terminal_id), Kind::CloseDay) => {
                self.day_closed(entry, &call, terminal_id)
            }
            (OwnerReplay::Terminal(terminal_id), Kind::Reverse) => {
                let body: pb::ReverseRequest = evidence::body(&call)?;
                self.charging(terminal_id)?;
                self.reversed(entry, terminal_id, body.order_id)
            }
            (OwnerReplay::Merchant(merchant_id), Kind::ReverseForTerminal) => {
                let body: pb::MerchantReverseRequest = evidence::body(&call)?;
                let terminal_id = terminal_of(&body.terminal_id)?;
                self.own_terminal(terminal_id, merchant_id)?;
                self.reversed(entry, terminal_id, body.order_id)
            }
            (
                OwnerReplay::Merchant(merchant_id),
                Kind::RegisterTerminal | Kind::SuspendTerminal | Kind::ResumeTerminal,
            ) => self.terminal(entry, &call, merchant_id),
            (
                OwnerReplay::Merchant(merchant_id),
                Kind::CreateWebhookEndpoint
                | Kind::RotateWebhookSecret
                | Kind::EndWebhookSecret
                | Kind::DeleteWebhookEndpoint
                | Kind::ReplayWebhooks,
            ) => self.webhook(entry, &call, merchant_id),
            (OwnerReplay::Merchant(_), Kind::RotateMerchantKey)
            | (OwnerReplay::Operator(_), Kind::RotateOperatorKey) => self.rotated(entry, &call, owner),
            (OwnerReplay::Operator(operator_id), kind) if is_operators(kind) => {
                self.operator(entry, &call, operator_id)
            }
            (_, _) => Err("it was signed by another kind of key than its method's"),
        }
    }

    pub(super) fn charging(&self, terminal_id: TerminalId) -> Result<&TerminalReplay, &'static str> {
        self.terminals
            .get(&terminal_id)
            .filter(|terminal| terminal.state == TerminalState::Active)
            .ok_or("its till was not active")
    }

    fn own_terminal(
        &mut self,
        terminal_id: TerminalId,
        merchant_id: MerchantId,
    ) -> Result<&mut TerminalReplay, &'static str> {
        self.terminals
            .get_mut(&terminal_id)
            .filter(|terminal| terminal.merchant_id == merchant_id)
            .ok_or("the till is another merchant's")
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other outcome is another kind's")]
    fn terminal(&mut self, entry: &Entry<'_>, call: &pb::Call, merchant_id: MerchantId) -> Checked {
        nothing_moved(entry)?;
        match &entry.outcome {
            Outcome::TerminalRegistered { terminal_id, store_id, .. } => {
                let body: pb::RegisterTerminalRequest = evidence::body(call)?;
                let store = self.stores.get(store_id).ok_or("its store was never registered")?;
                if body.store_id != store_id.0 || store.merchant_id != merchant_id {
                    return Err("its store is not the one that was signed for, or another merchant's");
                }
                let shop = ShopReplay { merchant: merchant_id, store: Some(*store_id), terminal: None };
                self.is_done_for(shop, Deed::OpenTerminal)?;
                let terminal = TerminalReplay {
                    merchant_id,
                    store_id: *store_id,
                    key_id: None,
                    state: TerminalState::Registered,
                    refund_day: 0,
                    refunded_today_minor: 0,
                    business_day: 1,
                    day_began_at: None,
                    cash_day: 0,
                    cash_today_minor: 0,
                    barred_at: None,
                };
                if self.terminals.insert(*terminal_id, terminal).is_some() {
                    return Err("a till's id is used a second time");
                }
                Ok(())
            }
            Outcome::TerminalStanding { terminal_id, standing } => {
                let signed = if entry.kind == Kind::SuspendTerminal {
                    evidence::body::<pb::SuspendTerminalRequest>(call)?.terminal_id
                } else {
                    evidence::body::<pb::ResumeTerminalRequest>(call)?.terminal_id
                };
                let expected =
                    if entry.kind == Kind::SuspendTerminal { Standing::Suspended } else { Standing::Active };
                if signed != terminal_id.0 || *standing != expected {
                    return Err("it is not what was signed for");
                }
                let terminal = self.own_terminal(*terminal_id, merchant_id)?;
                let store_id = Some(terminal.store_id);
                let shop =
                    ShopReplay { merchant: merchant_id, store: store_id, terminal: Some(*terminal_id) };
                if entry.kind == Kind::ResumeTerminal {
                    self.is_done_for(shop, Deed::OpenTerminal)?;
                }
                let terminal = self.own_terminal(*terminal_id, merchant_id)?;
                terminal.state = match (standing, terminal.key_id) {
                    (Standing::Suspended, _) => TerminalState::Suspended,
                    (Standing::Active, Some(_)) => TerminalState::Active,
                    (Standing::Active, None) => TerminalState::Registered,
                };
                Ok(())
            }
            _ => Err("its outcome does not fit its kind"),
        }
    }

    /// A till's key, enrolled with the activation code that its merchant asked for.
    pub(super) fn terminal_activated(
        &mut self,
        entry: &Entry<'_>,
        key: PublicKey,
        terminal_id: TerminalId,
    ) -> Checked {
        let own = Versions { accounts: Vec::new(), keys: vec![(entry.row.key_id, 1)] };
        if entry.versions != own {
            return Err("it touches other keys than those that it says");
        }
        let unknown = "it activates a till that nobody registered";
        let terminal = self.terminals.get(&terminal_id).ok_or(unknown)?;
        let (merchant, store) = (terminal.merchant_id, Some(terminal.store_id));
        self.no_bar_for(ShopReplay { merchant, store, terminal: Some(terminal_id) }, Deed::OpenTerminal)?;
        let terminal = self.terminals.get_mut(&terminal_id);
        let terminal = terminal.filter(|row| row.state == TerminalState::Registered).ok_or(unknown)?;
        terminal.key_id = Some(entry.row.key_id);
        terminal.state = TerminalState::Active;
        let form = stored(key.form());
        self.new_key(entry, key, form, OwnerReplay::Terminal(terminal_id))
    }

    /// The operators that the deployment began with.
    pub(super) fn first_operators(&mut self, entry: &Entry<'_>, operators: &[OperatorKey]) -> Checked {
        nothing_posted(entry)?;
        if self.factors_are_recorded {
            return Err("the first operators are enrolled a second time");
        }
        self.factors_are_recorded = true;
        let keys: Vec<_> = operators.iter().map(|operator| (operator.key_id, 1)).collect();
        if entry.versions != (Versions { accounts: Vec::new(), keys }) {
            return Err("it touches other keys than those that it says");
        }
        for operator in operators {
            let form = match operator.form {
                KeyForm::Der => SignatureForm::Der,
                KeyForm::Fixed => SignatureForm::Fixed,
            };
            let key = PublicKey::from_point(&operator.point, form);
            if key.key_id() != operator.key_id.0 {
                return Err("an operator's key is not the one its id names");
            }
            let row = OperatorReplay { key_id: operator.key_id, state: KeyState::Active };
            if self.operators.insert(operator.operator_id, row).is_some() {
                return Err("an operator's id is used a second time");
            }
            self.new_key(entry, key, operator.form, OwnerReplay::Operator(operator.operator_id))?;
        }
        Ok(())
    }

    fn operator(&mut self, entry: &Entry<'_>, call: &pb::Call, operator_id: OperatorId) -> Checked {
        // What became of payouts moves money, and nothing else that an operator says does.
        if !matches!(entry.outcome, Outcome::Settlement(SettlementOutcome::PayoutsClosed { .. })) {
            nothing_posted(entry)?;
        }
        match (entry.kind, &entry.outcome) {
            (Kind::Propose, Outcome::Proposed { proposal_id, expires_at }) => {
                let proposal = ProposalReplay {
                    proposer_id: operator_id,
                    key_id: entry.row.key_id,
                    payload: call.body.clone(),
                    expires_at: *expires_at,
                    approved: false,
                };
                if self.proposals.insert(*proposal_id, proposal).is_some() {
                    return Err("a proposal's id is used a second time");
                }
                nothing_moved(entry)
            }
            (Kind::SuspendMerchant, Outcome::MerchantSuspended { merchant_id }) => {
                let body: pb::SuspendMerchantRequest = evidence::body(call)?;
                if body.merchant_id != merchant_id.0 {
                    return Err("it suspends another merchant than was signed for");
                }
                let merchant = self.merchants.get_mut(merchant_id).ok_or("it suspends no merchant")?;
                merchant.standing = Standing::Suspended;
                nothing_moved(entry)
            }
            (Kind::Bar, _) => self.bar(entry, call),
            (Kind::FreezeAccount, _) => self.halted_by_operator(entry, call),
            (Kind::CancelRecoveryByOperator, Outcome::RecoveryStepped(step)) => {
                let body: pb::CancelRecoveryRequest = evidence::body(call)?;
                if body.case_id != step.case_id.0 {
                    return Err("it cancels another recovery than was signed for");
                }
                self.stepped(entry, step)
            }
            (Kind::TakeReconciliationItem | Kind::ResolveReconciliationItem, _) => {
                self.reconciliation(entry, call, operator_id)
            }
            (Kind::Approve, _) => {
                let body: pb::ApproveRequest = evidence::body(call)?;
                let (proposer_id, proposed) = self.approve(entry, &body, operator_id)?;
                self.carry_out(entry, &proposed, (proposer_id, operator_id))
            }
            (_, _) => Err("its outcome does not fit its kind"),
        }
    }

    /// An approval is another operator's, in time, of the very bytes that were proposed, and by a key that
    /// was still active.
    fn approve(
        &mut self,
        entry: &Entry<'_>,
        body: &pb::ApproveRequest,
        operator_id: OperatorId,
    ) -> Result<(OperatorId, pb::ProposeRequest), &'static str> {
        let id = ProposalId::from_slice(&body.proposal_id).ok_or("the signed proposal is none")?;
        let proposal = self.proposals.get_mut(&id).ok_or("it approves what nobody proposed")?;
        if proposal.proposer_id == operator_id {
            return Err("an operator approved their own proposal");
        }
        if proposal.approved || entry.row.at >= proposal.expires_at {
            return Err("it approves a proposal that was over");
        }
        if sha256(&[&proposal.payload])[..] != body.payload_sha256[..] {
            return Err("what was approved is not what was proposed");
        }
        if self.keys.get(&proposal.key_id).is_none_or(|key| key.state != KeyState::Active) {
            return Err("it approves what a key proposed that was revoked by then");
        }
        proposal.approved = true;
        let proposed = pb::ProposeRequest::decode(proposal.payload.as_slice());
        Ok((proposal.proposer_id, proposed.map_err(|_| "the proposal cannot be read")?))
    }

    fn carry_out(
        &mut self,
        entry: &Entry<'_>,
        proposed: &pb::ProposeRequest,
        by: (OperatorId, OperatorId),
    ) -> Checked {
        use pb::propose_request::Proposal;
        match (&proposed.proposal, &entry.outcome) {
            (
                Some(Proposal::RegisterMerchant(proposed)),
                Outcome::MerchantApproved { merchant_id, ledger_account_id, store_id, .. },
            ) => {
                let ids = (*merchant_id, *ledger_account_id, *store_id);
                self.merchant_registered(entry, proposed, ids)
            }
            (
                Some(Proposal::RegisterStore(proposed)),
                Outcome::StoreApproved { merchant_id, store_id, .. },
            ) if proposed.merchant_id == merchant_id.0 => {
                self.new_store(*merchant_id, *store_id, proposed.store.as_ref())?;
                nothing_moved(entry)
            }
            (Some(Proposal::ProofRecovery(proposed)), Outcome::RecoveryStepped(step))
                if proposed.case_id == step.case_id.0 =>
            {
                self.stepped(entry, step)
            }
            (
                Some(Proposal::UnfreezeAccount(proposed)),
                Outcome::Halt(HaltOutcome::Resumed { account_id, .. }),
            ) => self.resumed(entry, proposed, *account_id),
            (
                Some(Proposal::AllowCash(proposed)),
                Outcome::CashAllowed { store_id, ledger_account_id, .. },
            ) => self.cash_allowed(entry, proposed, (*store_id, *ledger_account_id)),
            (
                Some(Proposal::SetFee(proposed)),
                Outcome::Settlement(SettlementOutcome::FeeSet { merchant_id, version, .. }),
            ) => self.fee_set(entry, proposed, (*merchant_id, *version)),
            (Some(Proposal::ClosePayouts(proposed)), _) => self.payouts_closed(entry, proposed),
            (Some(Proposal::AddOperator(proposed)), Outcome::OperatorApproved { operator_id, .. }) => {
                self.operator_added(entry, proposed, *operator_id)
            }
            (Some(Proposal::ResumeMerchant(proposed)), Outcome::MerchantResumed { merchant_id, .. })
                if proposed.merchant_id == merchant_id.0 =>
            {
                let merchant = self.merchants.get_mut(merchant_id).ok_or("it resumes no merchant")?;
                merchant.standing = Standing::Active;
                nothing_moved(entry)
            }
            (
                Some(
                    proposed @ (Proposal::RevokeOperator(_)
                    | Proposal::SetOperatorKey(_)
                    | Proposal::RevokeMerchantKey(_)
                    | Proposal::SetMerchantKey(_)
                    | Proposal::LiftBar(_)),
                ),
                _,
            ) => self.keys_approved(entry, proposed, by),
            (_, _) => Err("its outcome is not what was proposed"),
        }
    }

    fn merchant_registered(
        &mut self,
        entry: &Entry<'_>,
        proposed: &pb::RegisterMerchant,
        (merchant_id, ledger_account_id, store_id): (MerchantId, LedgerAccountId, StoreId),
    ) -> Checked {
        let new = NewKey { key: proposed.key.as_ref(), proof: &proposed.key_proof };
        let key_id = self.proposed_key(entry, &new, OwnerReplay::Merchant(merchant_id));
        let merchant = MerchantReplay::new(merchant_id, ledger_account_id, key_id.ok());
        if self.merchants.insert(merchant_id, merchant).is_some() || !self.payables.insert(ledger_account_id)
        {
            return Err("a merchant's id or account is used a second time");
        }
        self.new_store(merchant_id, store_id, proposed.store.as_ref())?;
        key_id.map(|_| ())
    }

    fn operator_added(
        &mut self,
        entry: &Entry<'_>,
        proposed: &pb::AddOperator,
        operator_id: OperatorId,
    ) -> Checked {
        let new = NewKey { key: proposed.key.as_ref(), proof: &proposed.key_proof };
        let key_id = self.proposed_key(entry, &new, OwnerReplay::Operator(operator_id))?;
        let operator = OperatorReplay { key_id, state: KeyState::Active };
        if self.operators.insert(operator_id, operator).is_some() {
            return Err("an operator's id is used a second time");
        }
        Ok(())
    }

    /// The proposed key, and no other, is enrolled.
    fn proposed_key(
        &mut self,
        entry: &Entry<'_>,
        new: &NewKey<'_>,
        owner: OwnerReplay,
    ) -> Result<KeyId, &'static str> {
        let key = self.proved(new, owner, false)?;
        let (key_id, form) = (KeyId(key.key_id()), stored(key.form()));
        self.new_key(entry, key, form, owner)?;
        if entry.versions.keys == [(key_id, 1)] {
            Ok(key_id)
        } else {
            Err("it touches other keys than those that it says")
        }
    }

    fn new_store(
        &mut self,
        merchant_id: MerchantId,
        store_id: StoreId,
        store: Option<&pb::StoreDetails>,
    ) -> Checked {
        let name = store.map_or(String::new(), |store| store.name.clone());
        if self.stores.insert(store_id, StoreReplay { merchant_id, name, barred_at: None }).is_some() {
            return Err("a store's id is used a second time");
        }
        Ok(())
    }
}

fn is_operators(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Propose
            | Kind::Approve
            | Kind::SuspendMerchant
            | Kind::Bar
            | Kind::FreezeAccount
            | Kind::CancelRecoveryByOperator
            | Kind::TakeReconciliationItem
            | Kind::ResolveReconciliationItem
    )
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is no step of a shop's")]
fn shop_verb(kind: Kind) -> Result<Verb, &'static str> {
    match kind {
        Kind::Capture | Kind::CaptureByMerchant => Ok(Verb::Capture),
        Kind::Void | Kind::VoidByMerchant => Ok(Verb::Void),
        Kind::Refund | Kind::RefundByMerchant => Ok(Verb::Refund),
        _ => Err("it is no step of a shop's"),
    }
}

fn terminal_of(bytes: &[u8]) -> Result<TerminalId, &'static str> {
    TerminalId::from_slice(bytes).ok_or("the signed till is none")
}

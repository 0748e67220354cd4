//! Operators: what raises money or privilege is proposed by one and approved by another, who signs the
//! hash of what he read; what only takes away, one may do.

use super::reconciliation;
use super::recovery::{self, Halt};
use super::ruling::Ruling;
use super::settlement;
use super::system::ledger_account;
use super::{Decision, Stale, Traceless};
use super::{halt, keys};
use crate::domain::command::{Approved, NewKey, NewStore, OperatorAction, OperatorCall};
use crate::domain::id::{CommandId, FIRST_TENANT, KeyId, MerchantId, OperatorId, OwnerId, ProposalId};
use crate::domain::journal::Versions;
use crate::domain::outcome::{OperatorKey, Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::recovery::Input;
use crate::domain::rows::{
    CashDesk, KeyState, LedgerKind, Merchant, Operator, Principal, Proposal, ProposalState, SigningKey,
    Standing, Store,
};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Decides an operator's call whose request id is new.
pub(super) fn decide(
    command_id: CommandId,
    call: &OperatorCall,
    action: &OperatorAction,
    view: &View,
    policy: &Policy,
) -> Decision {
    if caller(call, view).is_none() {
        return Decision::Stale(Stale::Key);
    }
    let ruling = match act(command_id, call, action, view, policy) {
        Ok(ruling) => ruling,
        Err(Halt::Refuse(refusal)) => Ruling::from(refusal),
        Err(Halt::Stale(stale)) => return Decision::Stale(stale),
    };
    ruling.decision(action.kind(), &call.signed, view)
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

fn caller<'a>(call: &OperatorCall, view: &'a View) -> Option<&'a Operator> {
    let key = view.get::<SigningKey>((call.signed.key_id,))?;
    let good = key.state == KeyState::Active
        && key.principal == Principal::Operator
        && key.owner_id == OwnerId(call.operator_id.0);
    view.get::<Operator>((call.operator_id,))
        .filter(|operator| good && operator.state == KeyState::Active && operator.key_id == key.key_id)
}

fn act(
    command_id: CommandId,
    call: &OperatorCall,
    action: &OperatorAction,
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Halt> {
    match action {
        OperatorAction::Propose { concerned: Some(id), .. } if *id == call.operator_id => {
            Err(Refusal::OperatorConcerned.into())
        }
        OperatorAction::Propose { proposal_id, payload, payload_sha256, .. } => {
            let proposal =
                NewProposal { proposal_id: *proposal_id, payload, payload_sha256: *payload_sha256 };
            Ok(propose(call, &proposal, view, policy))
        }
        OperatorAction::Approve { proposal_id, payload_sha256, read_sha256, approved } => {
            let proposal = approvable(call, *proposal_id, [*payload_sha256, *read_sha256], view)?;
            approve(command_id, call, proposal, approved, view, policy)
        }
        OperatorAction::SuspendMerchant { merchant_id } => {
            let merchant = view.get::<Merchant>((*merchant_id,)).ok_or(Refusal::NotFound)?;
            let suspended = Merchant { standing: Standing::Suspended, ..merchant.clone() };
            let outcome = Outcome::MerchantSuspended { merchant_id: *merchant_id };
            Ok(Ruling::plain(vec![Write::Update(suspended.into_row())], outcome))
        }
        OperatorAction::Bar(subject) => Ok(keys::bar(*subject, view)?),
        OperatorAction::RotateKey(key) => Ok(keys::rotate_operators(call, key, view)?),
        OperatorAction::FreezeAccount(subject) => Ok(halt::stop(command_id, *subject, view)?),
        OperatorAction::CancelRecovery { case, notices } => {
            recovery::by_operator(command_id, case, &Input::OperatorCancels, notices, view, policy)
        }
        OperatorAction::Reconciliation(action) => Ok(reconciliation::act(call, action, view)?),
    }
}

/// Carries out what was proposed, once.
fn approve(
    command_id: CommandId,
    call: &OperatorCall,
    proposal: &Proposal,
    approved: &Approved,
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Halt> {
    // Neither of the two: so nobody's key is decided on by themselves, and two remain who may act.
    if approved.concerned().is_some_and(|id| id == call.operator_id || id == proposal.proposer_id) {
        return Err(Refusal::OperatorConcerned.into());
    }
    let proposal_id = proposal.proposal_id;
    let mut ruling = match approved {
        Approved::ProofRecovery { case, notices } => {
            let input = Input::Proofed {
                proposer: proposal.proposer_id,
                approver: call.operator_id,
                channels: notices.channels(),
            };
            recovery::by_operator(command_id, case, &input, notices, view, policy)?
        }
        Approved::RegisterMerchant { .. }
        | Approved::RegisterStore { .. }
        | Approved::AddOperator { .. }
        | Approved::RevokeOperator { .. }
        | Approved::SetOperatorKey { .. }
        | Approved::RevokeMerchantKey { .. }
        | Approved::SetMerchantKey { .. }
        | Approved::LiftBar(_)
        | Approved::AllowCash { .. }
        | Approved::SetFee { .. }
        | Approved::ClosePayouts { .. }
        | Approved::UnfreezeAccount { .. }
        | Approved::ResumeMerchant { .. } => carry_out(command_id, proposal_id, approved, view)?,
    };
    let approved = Proposal {
        state: ProposalState::Approved,
        approver_id: Some(call.operator_id),
        decided_at: Some(view.now()),
        ..proposal.clone()
    };
    ruling.writes.push(Write::Update(approved.into_row()));
    Ok(ruling)
}

struct NewProposal<'a> {
    proposal_id: ProposalId,
    payload: &'a [u8],
    payload_sha256: [u8; 32],
}

fn propose(call: &OperatorCall, new: &NewProposal<'_>, view: &View, policy: &Policy) -> Ruling {
    let expires_at = view.now().plus_us(policy.staff.proposal_us);
    let proposal = Proposal {
        proposal_id: new.proposal_id,
        tenant_id: FIRST_TENANT,
        proposer_id: call.operator_id,
        payload: new.payload.to_vec(),
        payload_sha256: new.payload_sha256,
        state: ProposalState::Open,
        approver_id: None,
        created_at: view.now(),
        expires_at,
        decided_at: None,
        key_id: call.signed.key_id,
    };
    let outcome = Outcome::Proposed { proposal_id: new.proposal_id, expires_at };
    Ruling::plain(vec![Write::Insert(proposal.into_row())], outcome)
}

/// Open, in time, read as it was signed, somebody else's, and by a key that is still theirs.
fn approvable<'a>(
    call: &OperatorCall,
    proposal_id: ProposalId,
    hashes: [[u8; 32]; 2],
    view: &'a View,
) -> Result<&'a Proposal, Refusal> {
    let proposal = view.get::<Proposal>((proposal_id,)).ok_or(Refusal::NotFound)?;
    if proposal.state != ProposalState::Open || view.now() >= proposal.expires_at {
        return Err(Refusal::ProposalOver);
    }
    // What was signed, and what is carried out: the row's bytes may be others than its hash says.
    if hashes.iter().any(|hash| *hash != proposal.payload_sha256) {
        return Err(Refusal::ProposalChanged);
    }
    if proposal.proposer_id == call.operator_id {
        return Err(Refusal::SameOperator);
    }
    // Looked at here and not ahead: a proposal does not outlive its key by a moment.
    let key = view.get::<SigningKey>((proposal.key_id,));
    if key.is_none_or(|key| key.state != KeyState::Active) {
        return Err(Refusal::ProposerRevoked);
    }
    Ok(proposal)
}

fn carry_out(
    command_id: CommandId,
    proposal_id: ProposalId,
    approved: &Approved,
    view: &View,
) -> Result<Ruling, Refusal> {
    match approved {
        Approved::RegisterMerchant { merchant_id, ledger_account_id, key, store } => {
            let key_write = keys::new(key, Principal::Merchant, OwnerId(merchant_id.0), view)?;
            let merchant = Merchant {
                merchant_id: *merchant_id,
                tenant_id: FIRST_TENANT,
                parent_id: None,
                settlement_party_id: *merchant_id,
                ledger_account_id: *ledger_account_id,
                standing: Standing::Active,
                fee_rule_version: 0,
                key_id: Some(key.key_id),
                barred_at: None,
            };
            let writes = vec![
                ledger_account(*ledger_account_id, LedgerKind::MerchantPayable, true),
                Write::Insert(merchant.into_row()),
                Write::Insert(new_store(*merchant_id, store).into_row()),
                key_write,
            ];
            let outcome = Outcome::MerchantApproved {
                proposal_id,
                merchant_id: *merchant_id,
                ledger_account_id: *ledger_account_id,
                store_id: store.store_id,
            };
            Ok(Ruling { versions: versions(&[key.key_id]), ..Ruling::plain(writes, outcome) })
        }
        Approved::RegisterStore { merchant_id, store } => {
            view.get::<Merchant>((*merchant_id,)).ok_or(Refusal::NotFound)?;
            let outcome =
                Outcome::StoreApproved { proposal_id, merchant_id: *merchant_id, store_id: store.store_id };
            Ok(Ruling::plain(vec![Write::Insert(new_store(*merchant_id, store).into_row())], outcome))
        }
        Approved::AddOperator { operator_id, key } => {
            let key_write = keys::new(key, Principal::Operator, OwnerId(operator_id.0), view)?;
            let operator = new_operator(*operator_id, key.key_id, view.now());
            let writes = vec![Write::Insert(operator.into_row()), key_write];
            let outcome = Outcome::OperatorApproved { proposal_id, operator_id: *operator_id };
            Ok(Ruling { versions: versions(&[key.key_id]), ..Ruling::plain(writes, outcome) })
        }
        Approved::ResumeMerchant { merchant_id } => resume(proposal_id, *merchant_id, view),
        Approved::AllowCash { .. } => allow_cash(proposal_id, approved, view),
        Approved::SetFee { merchant_id, basis_points } => {
            settlement::set_fee(proposal_id, *merchant_id, *basis_points, view)
        }
        Approved::ClosePayouts { day, ends } => settlement::close_payouts(proposal_id, *day, ends, view),
        Approved::RevokeOperator { operator_id } => keys::revoke_operator(proposal_id, *operator_id, view),
        Approved::SetOperatorKey { operator_id, key } => {
            keys::set_operator_key(proposal_id, *operator_id, key, view)
        }
        Approved::RevokeMerchantKey { merchant_id } => {
            keys::revoke_merchant_key(proposal_id, *merchant_id, view)
        }
        Approved::SetMerchantKey { merchant_id, key } => {
            keys::set_merchant_key(proposal_id, *merchant_id, key, view)
        }
        Approved::LiftBar(subject) => keys::lift(proposal_id, *subject, view),
        Approved::UnfreezeAccount { account_id } => halt::lift(command_id, proposal_id, *account_id, view),
        // A step of the recovery, and taken as one.
        Approved::ProofRecovery { .. } => Err(Refusal::NotFound),
    }
}

fn resume(proposal_id: ProposalId, merchant_id: MerchantId, view: &View) -> Result<Ruling, Refusal> {
    let merchant = view.get::<Merchant>((merchant_id,)).ok_or(Refusal::NotFound)?;
    if merchant.standing == Standing::Active {
        return Err(Refusal::MerchantNotSuspended);
    }
    let active = Merchant { standing: Standing::Active, ..merchant.clone() };
    let outcome = Outcome::MerchantResumed { proposal_id, merchant_id };
    Ok(Ruling::plain(vec![Write::Update(active.into_row())], outcome))
}

/// A store takes cash, or none any more; what it holds stays what it is.
fn allow_cash(proposal_id: ProposalId, approved: &Approved, view: &View) -> Result<Ruling, Refusal> {
    let Approved::AllowCash { store_id, ledger_account_id, ceiling_minor, till_day_minor } = approved else {
        return Err(Refusal::NotFound);
    };
    view.get::<Store>((*store_id,)).ok_or(Refusal::NotFound)?;
    let known = view.get::<CashDesk>((*store_id,));
    let ledger_account_id = known.map_or(*ledger_account_id, |desk| desk.ledger_account_id);
    let desk = CashDesk {
        store_id: *store_id,
        tenant_id: FIRST_TENANT,
        ledger_account_id,
        ceiling_minor: *ceiling_minor,
        till_day_minor: *till_day_minor,
        held_minor: known.map_or(0, |desk| desk.held_minor),
    };
    let writes = match known {
        Some(_) => vec![Write::Update(desk.into_row())],
        None => vec![
            ledger_account(ledger_account_id, LedgerKind::CashInTransit, true),
            Write::Insert(desk.into_row()),
        ],
    };
    let outcome = Outcome::CashAllowed { proposal_id, store_id: *store_id, ledger_account_id };
    Ok(Ruling::plain(writes, outcome))
}

fn versions(keys: &[KeyId]) -> Versions {
    Versions { accounts: Vec::new(), keys: keys.iter().map(|key_id| (*key_id, 1)).collect() }
}

fn new_store(merchant_id: MerchantId, store: &NewStore) -> Store {
    Store {
        store_id: store.store_id,
        tenant_id: FIRST_TENANT,
        merchant_id,
        name: store.name.clone(),
        city: store.city.clone(),
        time_zone: store.time_zone.clone(),
        business_day: 1,
        standing: Standing::Active,
        barred_at: None,
    }
}

fn new_operator(operator_id: OperatorId, key_id: KeyId, now: Timestamp) -> Operator {
    Operator { operator_id, tenant_id: FIRST_TENANT, key_id, state: KeyState::Active, added_at: now }
}

/// The operators that a deployment begins with.
pub(super) fn enrol_first(operators: &[OperatorKey], view: &View) -> Result<Ruling, Traceless> {
    let mut writes = Vec::new();
    for operator in operators {
        let OperatorKey { operator_id, key_id, point, form } = operator;
        let key = NewKey { key_id: *key_id, point: *point, form: *form };
        let key = keys::new(&key, Principal::Operator, OwnerId(operator_id.0), view)
            .map_err(|_in_use| Traceless::NothingToDo)?;
        writes.extend([Write::Insert(new_operator(*operator_id, *key_id, view.now()).into_row()), key]);
    }
    let key_ids: Vec<_> = operators.iter().map(|operator| operator.key_id).collect();
    let outcome = Outcome::OperatorsEnrolled { operators: operators.to_vec() };
    Ok(Ruling { versions: versions(&key_ids), ..Ruling::plain(writes, outcome) })
}

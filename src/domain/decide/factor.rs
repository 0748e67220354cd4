//! What an account's devices change about its devices, factors and contacts; and phones that ask to join.
//!
//! A factor that is new counts for nothing in a recovery until it is old enough (`domain::recovery`), so
//! here it is only said when it was bound.

use super::candidate::{device_event, owner};
use super::device::{Done, Halt, Turn};
use super::message;
use super::recovery::{self as steps, Named, Step};
use super::ruling::Ruling;
use crate::domain::command::{
    CandidateCall, CaseRef, ContactDraft, DeviceAction, DocumentWrite, MessageDraft, Notices,
};
use crate::domain::id::{
    AdditionId, CommandId, ContactIndex, DeviceId, FIRST_TENANT, PendingContactId, TargetId,
};
use crate::domain::ledger::Postings;
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::proof::Factor;
use crate::domain::record::Record as _;
use crate::domain::recovery::Input;
use crate::domain::recovery::addition;
use crate::domain::recovery::factor::{ContactFact, Kind};
use crate::domain::rows::{
    Addition, Contact, Device, EventKind, Factors, KeyState, PendingContact, RecoveryTarget, RowKey,
    SigningKey,
};
use crate::domain::view::View;
use crate::domain::write::Write;

/// A recovery ends, or is contested: by a device of the account.
pub(super) fn cancel_recovery(turn: &mut Turn<'_>, case: &CaseRef, notices: &Notices) -> Result<Done, Halt> {
    if case.account_id != Some(turn.account.account_id) {
        return Err(Refusal::NotFound.into());
    }
    let step = Step::over(turn.command_id, case, Some(&turn.account), turn.view, turn.policy)
        .ok_or(Refusal::NotFound)?;
    let input = Input::DeviceCancels { lost: turn.device.lost_at.is_some() };
    let stepped = step.take(&input, notices).map_err(|halt| match halt {
        steps::Halt::Refuse(refusal) => refusal.into(),
        steps::Halt::Stale(stale) => Halt::Stale(stale),
    })?;
    turn.writes.extend(stepped.writes);
    if let Some(account) = stepped.account {
        turn.account = account;
    }
    Ok(Done::plain(Outcome::RecoveryStepped(Box::new(stepped.step))))
}

/// Another device is lost. There is no way back but its revocation.
pub(super) fn report_lost(turn: &mut Turn<'_>, target_id: DeviceId) -> Result<Done, Halt> {
    let target = turn
        .view
        .get::<Device>((target_id,))
        .filter(|target| target.account_id == turn.account.account_id)
        .filter(|target| target.device_id != turn.device.device_id)
        .ok_or(Refusal::NotFound)?;
    if target.state == KeyState::Revoked {
        return Err(Refusal::DeviceAlreadyRevoked.into());
    }
    let lost = Device { lost_at: target.lost_at.or(Some(turn.now)), ..target.clone() };
    turn.writes.push(Write::Update(lost.into_row()));
    turn.account.live_codes.remove_device(target_id);
    turn.event(EventKind::DeviceLost, Some(target_id));
    Ok(Done::plain(Outcome::DeviceLost { device_id: target_id }))
}

/// A phone that asks.
pub(super) struct Asking<'a> {
    pub addition_id: AdditionId,
    pub number: i64,
    pub sealed: &'a [u8],
}

/// A phone asks to join. Whether there is an account behind the contact is decided here, and told to nobody.
pub(super) fn request_addition(
    command_id: CommandId,
    call: &CandidateCall,
    contact_index: ContactIndex,
    asking: &Asking<'_>,
    view: &View,
    policy: &Policy,
) -> Ruling {
    let Named { account, mut target, is_new, now } = steps::named(view, contact_index, policy);
    let expires_at = now.plus_us(policy.recovery.addition_us);
    if !target.locators.ask_to_join(contact_index, policy.recovery.additions, expires_at, now) {
        return Refusal::AdditionsTooMany.into();
    }
    let wanted = addition::Asking { addition_id: asking.addition_id, number: asking.number, expires_at };
    let wanted = target.additions.ask(wanted, now);
    let row = Addition {
        addition_id: asking.addition_id,
        tenant_id: FIRST_TENANT,
        target_id: target.target_id,
        account_id: target.account_id,
        key_id: call.signed.key_id,
        point: call.point.to_vec(),
        form: call.form,
        sealed: asking.sealed.to_vec(),
        number: wanted.number,
        attempts: 0,
        asked_at: now,
        expires_at,
    };
    let mut writes = vec![Write::Insert(row.into_row()), steps::written(target, is_new)];
    if let Some(account) = account {
        let kind = EventKind::DeviceAdditionAsked;
        writes.push(steps::event(account.account_id, command_id, 1, kind, asking.addition_id.0, now));
    }
    let outcome =
        Outcome::AdditionAsked { addition_id: asking.addition_id, number: wanted.number, expires_at };
    Ruling::plain(writes, outcome)
}

/// The number that the phone shows lets it join.
pub(super) fn approve_addition(turn: &mut Turn<'_>, action: &DeviceAction) -> Result<Done, Halt> {
    let DeviceAction::ApproveAddition { addition_id, number, device_id, document, messages } = action else {
        return Err(Refusal::NotFound.into());
    };
    // It is live by being in its target's row: a recovery takes all of them out.
    let target_id = TargetId::of_account(turn.account.account_id);
    let target = turn.view.get::<RecoveryTarget>((target_id,)).ok_or(Refusal::AdditionOver)?;
    let addition = turn
        .view
        .get::<Addition>((*addition_id,))
        .filter(|addition| addition.account_id == Some(turn.account.account_id))
        .filter(|addition| {
            target.additions.live(turn.now).any(|live| live.addition_id == addition.addition_id)
        })
        .filter(|addition| addition.attempts < turn.policy.recovery.addition_attempts)
        .ok_or(Refusal::AdditionOver)?
        .clone();
    if addition.number != *number {
        // The code of this call is spent, so a number is not guessed quickly; and not often.
        let tried = Addition { attempts: addition.attempts + 1, ..addition };
        turn.writes.push(Write::Update(tried.into_row()));
        return Err(Refusal::AdditionOver.into());
    }
    if turn.view.get::<SigningKey>((addition.key_id,)).is_some() {
        return Err(Refusal::KeyInUse.into());
    }
    if usize::try_from(turn.account.active_devices).is_ok_and(|count| count >= turn.policy.recovery.devices) {
        return Err(Refusal::TooManyDevices.into());
    }
    turn.rewrite_document(document)?;
    join(turn, target.clone(), &addition, *device_id);
    tell(turn, messages);
    let point = addition.point.as_slice().try_into().map_err(|_| Refusal::AdditionOver)?;
    let outcome =
        Outcome::DeviceAdded { device_id: *device_id, key_id: addition.key_id, point, form: addition.form };
    Ok(Done { outcome, postings: Postings::default(), keys: vec![(addition.key_id, 1)] })
}

fn join(turn: &mut Turn<'_>, mut target: RecoveryTarget, addition: &Addition, device_id: DeviceId) {
    target.additions.spend(addition.addition_id);
    let device = Device::joined(device_id, &turn.account, addition.key_id, turn.now);
    let key = SigningKey::of_device(&device, &addition.point, addition.form);
    turn.account.active_devices += 1;
    turn.writes.extend([
        Write::Update(target.into_row()),
        Write::Delete(RowKey::Addition(addition.addition_id)),
        Write::Insert(device.into_row()),
        Write::Insert(key.into_row()),
        device_event(turn.command_id, turn.account.account_id, device_id, turn.now),
    ]);
}

/// A factor is another from now on, and counts as bound now.
pub(super) fn replace(
    turn: &mut Turn<'_>,
    document: &DocumentWrite,
    messages: &[MessageDraft],
    kind: Kind,
) -> Result<Done, Halt> {
    let factors = turn.factors()?;
    let mut factors = Factors { version: factors.version + 1, ..factors.clone() };
    let event = match kind {
        Kind::Totp => {
            factors.totp_bound_at = Some(turn.now);
            factors.totp_suspect = false;
            EventKind::TotpReplaced
        }
        Kind::SavedCode => {
            factors.saved_code_bound_at = Some(turn.now);
            factors.saved_code_case = None;
            factors.saved_code_suspect = false;
            EventKind::SavedCodeReplaced
        }
        Kind::Passphrase => {
            factors.passphrase_bound_at = Some(turn.now);
            factors.passphrase_suspect = false;
            EventKind::PassphraseChanged
        }
        Kind::EmailCode | Kind::PhoneCode | Kind::Proofing => return Err(Refusal::NotFound.into()),
    };
    turn.rewrite_document(document)?;
    turn.writes.push(Write::Update(factors.into_row()));
    turn.event(event, None);
    tell(turn, messages);
    Ok(Done::plain(Outcome::FactorChanged))
}

/// Contacts stay as they are for a while after a recovery.
fn may_change_contacts(turn: &Turn<'_>) -> Result<(), Refusal> {
    let early = turn
        .account
        .recovered_at
        .is_some_and(|at| turn.now.since_us(at) < turn.policy.recovery.contacts_fixed_us);
    if early { Err(Refusal::RecoveredLately) } else { Ok(()) }
}

/// Whether it is somebody else's. One's own is confirmed again: a number counts only as long as that was
/// lately.
fn is_anothers(turn: &Turn<'_>, contact_index: ContactIndex) -> bool {
    owner(turn.view, contact_index, turn.policy)
        .is_some_and(|owner| owner.account_id != turn.account.account_id)
}

/// A code to a new contact, or a note that it is taken; the same to the caller.
pub(super) fn add_contact(
    turn: &mut Turn<'_>,
    pending_contact_id: PendingContactId,
    contact: &ContactDraft,
) -> Result<Done, Halt> {
    may_change_contacts(turn)?;
    let has_it = owner(turn.view, contact.contact_index, turn.policy)
        .is_some_and(|owner| owner.account_id == turn.account.account_id);
    if !has_it && turn.factors()?.contacts.current().count() >= turn.policy.recovery.contacts {
        return Err(Refusal::TooManyContacts.into());
    }
    let expires_at = turn.now.plus_us(turn.policy.recovery.contact_us);
    let taken = is_anothers(turn, contact.contact_index);
    let pending = PendingContact {
        pending_contact_id,
        tenant_id: FIRST_TENANT,
        account_id: turn.account.account_id,
        contact_index: contact.contact_index,
        channel: contact.channel,
        sealed_contact: contact.sealed.clone(),
        code_tag: contact.code_tag.to_vec(),
        attempts: 0,
        expires_at,
    };
    let draft = if taken { &contact.taken_message } else { &contact.code_message };
    turn.writes.push(message::plain(draft, turn.now, expires_at));
    turn.writes.push(Write::Insert(pending.into_row()));
    Ok(Done::plain(Outcome::ContactBegun { pending_contact_id, expires_at }))
}

/// The new contact's code makes it the account's.
pub(super) fn confirm_contact(turn: &mut Turn<'_>, action: &DeviceAction) -> Result<Done, Halt> {
    let DeviceAction::ConfirmContact { pending_contact_id, contact_index, proof, document, messages } =
        action
    else {
        return Err(Refusal::NotFound.into());
    };
    may_change_contacts(turn)?;
    let pending = turn
        .view
        .get::<PendingContact>((*pending_contact_id,))
        .filter(|pending| pending.account_id == turn.account.account_id)
        .filter(|pending| pending.contact_index == *contact_index && turn.now < pending.expires_at)
        .filter(|pending| pending.attempts < turn.policy.recovery.contact_attempts)
        .ok_or(Refusal::ContactOver)?
        .clone();
    // The attempt is spent before the proof is read.
    let tried = PendingContact { attempts: pending.attempts + 1, ..pending };
    let right = proof.factor() == Factor::ContactCode && proof.matched().is_some();
    if !right || is_anothers(turn, *contact_index) {
        turn.writes.push(Write::Update(tried.into_row()));
        return Err(Halt::Reject(OpenAnswer::CodeWrong));
    }
    let factors = turn.factors()?;
    let mut factors = Factors { version: factors.version + 1, ..factors.clone() };
    factors.contacts.0.retain(|contact| contact.contact_index != *contact_index);
    factors.contacts.0.push(ContactFact {
        contact_index: *contact_index,
        channel: tried.channel,
        confirmed_at: turn.now,
        removed_at: None,
    });
    turn.rewrite_document(document)?;
    let contact = Contact { contact_index: *contact_index, account_id: turn.account.account_id }.into_row();
    turn.writes.extend([
        Write::Update(factors.into_row()),
        Write::Delete(RowKey::PendingContact(*pending_contact_id)),
        // It may have been an account's that is gone.
        match turn.view.get::<Contact>((*contact_index,)) {
            Some(_) => Write::Update(contact),
            None => Write::Insert(contact),
        },
    ]);
    turn.event(EventKind::ContactAdded, None);
    tell(turn, messages);
    Ok(Done::plain(Outcome::ContactConfirmed { contact_index: *contact_index }))
}

/// A contact is the account's no more. It is told of everything for a while.
pub(super) fn remove_contact(
    turn: &mut Turn<'_>,
    contact_index: Option<ContactIndex>,
    document: &DocumentWrite,
    messages: &[MessageDraft],
) -> Result<Done, Halt> {
    may_change_contacts(turn)?;
    let contact_index = contact_index.ok_or(Refusal::NotFound)?;
    let own = turn
        .view
        .get::<Contact>((contact_index,))
        .is_some_and(|contact| contact.account_id == turn.account.account_id);
    if !own {
        return Err(Refusal::NotFound.into());
    }
    let factors = turn.factors()?;
    if factors.contacts.current().count() < 2 {
        return Err(Refusal::LastContact.into());
    }
    let mut factors = Factors { version: factors.version + 1, ..factors.clone() };
    for contact in &mut factors.contacts.0 {
        if contact.contact_index == contact_index {
            contact.removed_at = Some(turn.now);
        }
    }
    let since = turn.now.plus_us(-turn.policy.recovery.lately_us);
    factors.contacts.0.retain(|contact| contact.removed_at.is_none_or(|at| at > since));
    turn.rewrite_document(document)?;
    turn.writes.extend([Write::Update(factors.into_row()), Write::Delete(RowKey::Contact(contact_index))]);
    turn.event(EventKind::ContactRemoved, None);
    tell(turn, messages);
    Ok(Done::plain(Outcome::FactorChanged))
}

fn tell(turn: &mut Turn<'_>, messages: &[MessageDraft]) {
    let expires_at = turn.now.plus_us(turn.policy.recovery.proven_us);
    turn.writes.extend(messages.iter().map(|draft| message::plain(draft, turn.now, expires_at)));
}

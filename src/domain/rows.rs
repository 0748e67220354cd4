//! The tables, as structs. The migrations repeat them in SQL, with the constraints that `decide`
//! promises; a test compares the two.
//!
//! Some columns wait for later parts (tenant, assurance level, parent merchant, fee rule, tax
//! lines, …): they are in the model from the first day, because adding them to rows full of money
//! is a painful migration.

use super::card::CardUsers;
use super::fee::BasisPoints;
use super::id::{
    AccountId, AdditionId, CardTag, CaseId, CashTopUpId, CodeTag, CommandId, ContactIndex, DeviceId,
    EnrolmentId, EventId, FundingId, KeyId, LedgerAccountId, MerchantId, MessageId, MovementId, OperatorId,
    OwnerId, PaymentCodeId, PaymentId, PendingContactId, ProposalId, ReconciliationItemId, RequestId,
    StoreId, TargetId, TenantId, TerminalId, TopUpId, WebhookEndpointId, WorkerId,
};
use super::live_codes::LiveCodes;
use super::lots::{Legs, Lots};
use super::money::Asset;
use super::periods::Periods;
use super::reconciliation::{Difference, ItemState};
use super::record::{records, stored_enum};
use super::recovery::CaseState;
use super::recovery::addition::Additions;
use super::recovery::factor::{Channel, Channels, Contacts};
use super::recovery::locator::Locators;
use super::settlement::PayoutState;
use super::time::Timestamp;
use super::webhook::{DeliveryState, EndpointState, PaymentEvent};

stored_enum! {
    /// Where an account is in its life.
    AccountState {
        /// Enrolled, not activated yet: not usable for money.
        Pending = 0,
        /// Usable.
        Active = 1,
        /// Gone: its data key is destroyed, its ledger stays verifiable.
        Closed = 2,
    }
}

stored_enum! {
    /// Whether a key may sign. There is no way back from revoked.
    KeyState {
        /// It may.
        Active = 1,
        /// Never again.
        Revoked = 2,
    }
}

stored_enum! {
    /// What kind of principal a key belongs to, for ever.
    Principal {
        /// A customer's device.
        Device = 1,
        /// A till.
        Terminal = 2,
        /// A merchant's server.
        Merchant = 3,
        /// An operator.
        Operator = 4,
    }
}

stored_enum! {
    /// How a key writes its signatures.
    KeyForm {
        /// ASN.1 DER.
        Der = 1,
        /// r followed by s.
        Fixed = 2,
    }
}

stored_enum! {
    /// Where an enrolment is.
    EnrolmentState {
        /// The code may be tried.
        Open = 0,
        /// It became an account.
        Confirmed = 1,
        /// Its code was tried too often.
        Over = 2,
    }
}

stored_enum! {
    /// Whether somebody takes part.
    Standing {
        /// Takes part.
        Active = 1,
        /// Not at present.
        Suspended = 2,
    }
}

stored_enum! {
    /// What a ledger account is for.
    LedgerKind {
        /// A customer's prepaid value; embedded in `account`, never a row of `ledger_account`.
        CustomerPrepaid = 1,
        /// What is owed to a merchant.
        MerchantPayable = 2,
        /// What a funding provider owes us.
        ProviderClearing = 3,
        /// Cash in a store's till that is ours.
        CashInTransit = 4,
        /// Fees earned.
        Fees = 5,
        /// Losses.
        Losses = 6,
        /// Money whose owner is gone.
        Suspense = 7,
        /// Ordered of the bank for merchants.
        Payouts = 8,
        /// Paid out by the bank.
        Bank = 9,
    }
}

stored_enum! {
    /// Where a top-up is.
    TopUpState {
        /// Recorded; the provider has not answered.
        Requested = 1,
        /// Credited.
        Succeeded = 2,
        /// Nothing was credited, nor will be.
        Failed = 3,
        /// Its owner has to do something first.
        RequiresAction = 4,
        /// The provider was asked; what it said is not known.
        Unknown = 5,
        /// Credited, and taken back because the provider gave the money back.
        Refunded = 6,
        /// Credited, and taken back because the payer's bank took the money back.
        ChargedBack = 7,
    }
}

stored_enum! {
    /// Why nothing more can happen to a payment's hold.
    ClosingReason {
        /// Everything was captured.
        Captured = 1,
        /// The shop released it.
        Voided = 2,
        /// Time released it.
        Expired = 3,
        /// The till undid it.
        Reversed = 4,
        /// Its customer said no; nothing was ever held.
        Declined = 5,
    }
}

stored_enum! {
    /// What happened to an account's security.
    EventKind {
        /// A device was enrolled.
        DeviceEnrolled = 1,
        /// The account became active.
        AccountActivated = 2,
        /// A code was accepted on its own.
        CodeAccepted = 3,
        /// A wrong or used code.
        CodeWrong = 4,
        /// Codes are blocked for a while.
        CodeBlocked = 5,
        /// Frozen.
        Frozen = 6,
        /// Unfrozen.
        Unfrozen = 7,
        /// A device was revoked.
        DeviceRevoked = 8,
        /// A funding source was linked.
        FundingLinked = 9,
        /// A funding source was unlinked.
        FundingUnlinked = 10,
        /// Somebody tried to enrol with a contact of this account.
        EnrolmentAttempted = 11,
        /// A till's charge was declined; the till is not told why.
        ChargeDeclined = 12,
        /// Somebody began a recovery of this account.
        RecoveryBegun = 13,
        /// Something was proved wrongly in a recovery.
        RecoveryWrong = 14,
        /// Something was proved in a recovery.
        RecoveryFactorProved = 15,
        /// Enough was proved in a recovery.
        RecoveryProven = 16,
        /// A recovery cools; the account is restricted.
        RecoveryCooling = 17,
        /// A recovery may be completed.
        RecoveryReady = 18,
        /// The account was recovered.
        RecoveryCompleted = 19,
        /// A recovery was cancelled.
        RecoveryCancelled = 20,
        /// A recovery ended by time.
        RecoveryExpired = 21,
        /// Two contend for the account.
        RecoveryContested = 22,
        /// A recovery froze the account.
        RecoveryFroze = 23,
        /// A device was reported lost.
        DeviceLost = 24,
        /// A device asked to be added.
        DeviceAdditionAsked = 25,
        /// The authenticator was replaced.
        TotpReplaced = 26,
        /// The saved code was replaced.
        SavedCodeReplaced = 27,
        /// The passphrase was changed.
        PassphraseChanged = 28,
        /// A contact was added.
        ContactAdded = 29,
        /// A contact was removed.
        ContactRemoved = 30,
        /// A top-up was taken back: its provider gave the money back.
        TopUpRefunded = 40,
        /// A top-up was taken back: the payer's bank took the money back.
        TopUpChargedBack = 41,
        /// The operators stopped all outflow; its owner does not lift it.
        AccountHalted = 150,
        /// Two operators lifted it.
        AccountResumed = 151,
    }
}

stored_enum! {
    /// Why the operators stopped an account's outflow.
    HaltReason {
        /// A payer's bank took a top-up's money back.
        ChargeBack = 1,
        /// One of them saw to it.
        Operator = 2,
    }
}

stored_enum! {
    /// What a payment code is for.
    CodePurpose {
        /// A till charges it.
        Pay = 1,
        /// A till tops it up with cash.
        TopUp = 2,
    }
}

stored_enum! {
    /// Where a till is.
    TerminalState {
        /// Registered; its key is not enrolled yet.
        Registered = 0,
        /// Charges.
        Active = 1,
        /// Not at present, and perhaps never again.
        Suspended = 2,
    }
}

stored_enum! {
    /// What moved money of a payment that was not captured at once.
    MovementKind {
        /// A part of a hold went to the shop.
        Capture = 1,
        /// The shop gave a part back.
        Refund = 2,
        /// The till undid it.
        Reversal = 3,
    }
}

stored_enum! {
    /// Where a proposal is.
    ProposalState {
        /// It may be approved, until it expires.
        Open = 0,
        /// Another operator approved it.
        Approved = 1,
    }
}

stored_enum! {
    /// Where a message to a person is.
    MessageState {
        /// To be sent.
        Due = 0,
        /// Given up after its last attempt.
        Failed = 2,
    }
}

records! {
    /// A customer: state, second-factor counters, limits, and his prepaid ledger account.
    Account: "account" [account_id: AccountId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Where it is in its life.
        state: AccountState,
        /// Since when all outflow is stopped; not, when absent.
        frozen_at: Option<Timestamp>,
        /// The assurance (KYC) level; decides limits later.
        assurance_level: i64,
        /// Which row of limits it has; the default one, so far.
        limits_row: i64,
        /// Steps on completed recovery and on a restore.
        epoch: i64,
        /// Steps with every journalled change.
        version: i64,
        /// The version of its sealed document.
        document_version: i64,
        /// When it was enrolled.
        created_at: Timestamp,
        /// When it became active.
        activated_at: Option<Timestamp>,
        /// The latest moment a decision about it was made: time does not run backwards.
        last_at: Timestamp,
        /// Devices that may sign.
        active_devices: i64,
        /// The last step of RFC 6238 whose code was accepted. Only rises.
        totp_last_step: i64,
        /// Wrong codes since the last right one, over all devices.
        code_failures: i64,
        /// The day that `code_failures_today` counts, from the epoch.
        code_failures_day: i64,
        /// Wrong codes of that day, over all devices. No success clears it.
        code_failures_today: i64,
        /// Codes are not looked at until then, whichever device sends them.
        code_blocked_until: Timestamp,
        /// Its account in the ledger.
        ledger_account_id: LedgerAccountId,
        /// What it holds.
        asset: Asset,
        /// Ever taken out.
        debits_posted_minor: i64,
        /// Ever put in.
        credits_posted_minor: i64,
        /// Held, to be taken out.
        debits_pending_minor: i64,
        /// On its way in by a hold; unused for customers so far.
        credits_pending_minor: i64,
        /// What the balance is made of.
        lots: Lots,
        /// What went out, by hour and by day.
        spending: Periods,
        /// What was topped up, by hour and by day.
        top_ups: Periods,
        /// Top-ups under way; reserved against the balance limit.
        incoming_minor: i64,
        /// When the last top-up was asked for.
        last_top_up_at: Option<Timestamp>,
        /// Everything ever paid.
        spent_total_minor: i64,
        /// Payments ever made.
        payments_total: i64,
        /// Payment codes that a till may charge now. A code that is not in here is dead, whatever
        /// else is stored about it.
        live_codes: LiveCodes,
        /// When one of its devices last had a final answer.
        active_at: Timestamp,
        /// When a freeze ends by itself; never, when absent.
        frozen_until: Option<Timestamp>,
        /// Since when a recovery cools: no top-up, little money out.
        restricted_at: Option<Timestamp>,
        /// Since when two contend for it: nothing leaves it.
        contested_at: Option<Timestamp>,
        /// When it was last recovered: limits grow from there.
        recovered_at: Option<Timestamp>,
        /// Recovered, and its new authenticator not confirmed yet.
        renewal_due: bool,
        /// Taken back of top-ups, and not there to be taken, in minor units. While there is any, nothing
        /// can be spent.
        debt_minor: i64,
        /// Since when the operators stop all outflow, whatever its owner does.
        halted_at: Option<Timestamp>,
        /// Why they do.
        halt_reason: Option<HaltReason>,
        /// Wrong codes since it was last recovered, over all devices. Nothing but a recovery clears it.
        code_failures_ever: i64,
    }

    /// When an account's factors were bound, and which are of no use any more. What they are is in the
    /// sealed document.
    Factors: "factors" [account_id: AccountId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Steps when one of them changes.
        version: i64,
        /// The authenticator.
        totp_bound_at: Option<Timestamp>,
        /// The saved code.
        saved_code_bound_at: Option<Timestamp>,
        /// The case in which it was proved; dead for every other one.
        saved_code_case: Option<CaseId>,
        /// The passphrase.
        passphrase_bound_at: Option<Timestamp>,
        /// A case with it was cancelled.
        totp_suspect: bool,
        /// A case with it was cancelled.
        saved_code_suspect: bool,
        /// A case with it was cancelled.
        passphrase_suspect: bool,
        /// Codes over channels do not count until then.
        issued_locked_until: Timestamp,
        /// How its owner can be reached.
        contacts: Contacts,
    }

    /// What outlives the recoveries of an account, or of the shadow of one that does not exist.
    RecoveryTarget: "recovery_target" [target_id: TargetId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The account; none behind a shadow.
        account_id: Option<AccountId>,
        /// The day that is counted, from the epoch.
        day: i64,
        /// Attempts of that day by cases that proved something, and no possession.
        attempts_today: i64,
        /// Messages of theirs.
        messages_today: i64,
        /// Attempts of cases that proved a possession.
        reserve_attempts_today: i64,
        /// Messages of theirs.
        reserve_messages_today: i64,
        /// The case that proved enough and has not ended.
        claim: Option<CaseId>,
        /// Since when two contend.
        contested_at: Option<Timestamp>,
        /// When a case that had proved enough was last cancelled.
        last_cancelled_at: Option<Timestamp>,
        /// When a code to a contact alone last froze the account.
        issued_freeze_at: Option<Timestamp>,
        /// Phones that ask to join.
        additions: Additions,
        /// A shadow is forgotten, then; an account's row is not.
        expires_at: Timestamp,
        /// What was asked of it by each contact before anything was proved.
        locators: Locators,
        /// Wrong codes of the authenticator in recoveries that had proved nothing, since the last one that
        /// was completed.
        totp_guesses: i64,
        /// … and in those that had proved something, but no possession.
        totp_guesses_proved: i64,
    }

    /// A recovery.
    RecoveryCase: "recovery_case" [case_id: CaseId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The candidate that began it; no other key may go on.
        key_id: KeyId,
        /// Of what.
        target_id: TargetId,
        /// Of which account; none behind a shadow.
        account_id: Option<AccountId>,
        /// Where it is.
        state: CaseState,
        /// It waits for proofing in person.
        with_proofing: bool,
        /// When it was begun.
        started_at: Timestamp,
        /// The account's epoch at that moment.
        epoch: i64,
        /// The version of the factors when enough was proved.
        factors_version: i64,
        /// Attempts before enough was proved.
        attempts: i64,
        /// When the authenticator was proved.
        totp_at: Option<Timestamp>,
        /// When the saved code was.
        saved_code_at: Option<Timestamp>,
        /// When the passphrase was.
        passphrase_at: Option<Timestamp>,
        /// When a code by e-mail was.
        email_code_at: Option<Timestamp>,
        /// When a code by phone was.
        phone_code_at: Option<Timestamp>,
        /// When two operators saw the person.
        proofed_at: Option<Timestamp>,
        /// When something new was last proved.
        proved_last_at: Option<Timestamp>,
        /// When something was last proved again, after enough was.
        proved_again_at: Option<Timestamp>,
        /// Keyed hash of the code that was sent.
        issued_tag: Option<[u8; 32]>,
        /// Over which channel.
        issued_channel: Option<Channel>,
        /// Good until then, once.
        issued_until: Timestamp,
        /// The channels over which everybody can be told.
        wanted: Channels,
        /// Those that took the notice.
        accepted: Channels,
        /// Those that refused it for good.
        refused: Channels,
        /// When enough was proved.
        proven_at: Option<Timestamp>,
        /// When the delay began.
        cooling_at: Option<Timestamp>,
        /// When it is over.
        ready_at: Option<Timestamp>,
        /// Reminders sent.
        reminders: i64,
        /// Keyed hash of the secret with which a notice's reader cancels.
        cancel_tag: CodeTag,
        /// The secret and the candidate's phone's model, sealed, for the notices.
        sealed: Vec<u8>,
        /// The candidate said that the owner's devices are lost.
        devices_lost: bool,
        /// When somebody with the secret asked to cancel.
        cancel_asked_at: Option<Timestamp>,
        /// Who.
        cancel_asked_by: Option<KeyId>,
        /// When time next does something to it.
        due_at: Option<Timestamp>,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// Forgotten, then: some time after it ended.
        expires_at: Timestamp,
        /// By which contact it was named. Cases from before this was kept share one, of zeros.
        contact_index: ContactIndex,
    }

    /// A phone that asks to join an account, or the shadow of one that does not exist.
    Addition: "device_addition" [addition_id: AdditionId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Of what.
        target_id: TargetId,
        /// Whose account; none behind a shadow.
        account_id: Option<AccountId>,
        /// Its key.
        key_id: KeyId,
        /// The key's uncompressed point.
        point: Vec<u8>,
        /// How it signs.
        form: KeyForm,
        /// What its owner says it is, sealed.
        sealed: Vec<u8>,
        /// The number that it shows.
        number: i64,
        /// Wrong numbers so far.
        attempts: i64,
        /// When it asked.
        asked_at: Timestamp,
        /// Gone, then.
        expires_at: Timestamp,
    }

    /// A contact that its owner did not confirm yet. Reserves nothing.
    PendingContact: "pending_contact" [pending_contact_id: PendingContactId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Whose.
        account_id: AccountId,
        /// Which contact.
        contact_index: ContactIndex,
        /// How it is reached.
        channel: Channel,
        /// The contact itself, sealed.
        sealed_contact: Vec<u8>,
        /// Keyed hash of the code.
        code_tag: Vec<u8>,
        /// Codes tried.
        attempts: i64,
        /// Gone, then.
        expires_at: Timestamp,
    }

    /// Who does a piece of work that only one process does at a time.
    Lease: "lease" [name: String] {
        /// Whose turn it is.
        worker_id: WorkerId,
        /// Until then, unless renewed.
        held_until: Timestamp,
    }

    /// A customer's device.
    Device: "device" [device_id: DeviceId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Whose device.
        account_id: AccountId,
        /// Its key.
        key_id: KeyId,
        /// Whether it may sign.
        state: KeyState,
        /// When it was bound; its age decides limits.
        enrolled_at: Timestamp,
        /// When it was revoked.
        revoked_at: Option<Timestamp>,
        /// When a code from this device was last accepted.
        last_code_at: Option<Timestamp>,
        /// The account's `spent_total_minor` at that moment.
        spent_at_code_minor: i64,
        /// The account's `payments_total` at that moment.
        payments_at_code: i64,
        /// When another device reported it lost: it moves no money, unfreezes nothing, and its cancelling
        /// contests.
        lost_at: Option<Timestamp>,
        /// Wrong codes of its own since its last right one.
        code_failures: i64,
        /// The day that `code_failures_today` counts, from the epoch.
        code_failures_day: i64,
        /// Its wrong codes of that day. No success clears it.
        code_failures_today: i64,
        /// Its codes are not looked at until then.
        code_blocked_until: Timestamp,
        /// All of its wrong codes. Nothing clears it.
        code_failures_ever: i64,
    }

    /// A public key, for ever bound to one principal.
    SigningKey: "signing_key" [key_id: KeyId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// What kind of principal.
        principal: Principal,
        /// The device, terminal, merchant or operator.
        owner_id: OwnerId,
        /// The account behind it, for a device.
        account_id: Option<AccountId>,
        /// The uncompressed point.
        point: Vec<u8>,
        /// How it signs.
        form: KeyForm,
        /// Whether it may.
        state: KeyState,
        /// 1 when bound, 2 when revoked: orders the two against movements in other lanes.
        version: i64,
    }

    /// The key that seals an account's document, itself sealed. Destroying it erases the person.
    DataKey: "data_key" [account_id: AccountId] {
        /// Which key-encryption key sealed it.
        kek_version: i64,
        /// The sealed key.
        sealed: Vec<u8>,
    }

    /// All that identifies a person, and every shared secret, encrypted.
    Document: "document" [account_id: AccountId] {
        /// Steps with every change; bound into the ciphertext.
        version: i64,
        /// The ciphertext.
        sealed: Vec<u8>,
    }

    /// Which account a contact belongs to.
    Contact: "contact" [contact_index: ContactIndex] {
        /// Its account.
        account_id: AccountId,
    }

    /// An enrolment under way.
    Enrolment: "enrolment" [enrolment_id: EnrolmentId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The candidate that started it; no other key may go on.
        key_id: KeyId,
        /// The contact the code went to.
        contact_index: ContactIndex,
        /// The contact itself, sealed.
        sealed_contact: Vec<u8>,
        /// Keyed hash of the code.
        code_tag: Vec<u8>,
        /// Where it is.
        state: EnrolmentState,
        /// Codes tried.
        attempts: i64,
        /// Over, then.
        expires_at: Timestamp,
    }

    /// A merchant.
    Merchant: "merchant" [merchant_id: MerchantId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The merchant it belongs to.
        parent_id: Option<MerchantId>,
        /// Who is paid out.
        settlement_party_id: MerchantId,
        /// Its account in the ledger.
        ledger_account_id: LedgerAccountId,
        /// Whether it takes part.
        standing: Standing,
        /// Which fee rule its payments pin.
        fee_rule_version: i64,
        /// Its server's key; none when it was revoked and no other set.
        key_id: Option<KeyId>,
        /// Since when nothing at all is done for it.
        barred_at: Option<Timestamp>,
    }

    /// A store of a merchant: what a customer pays at.
    Store: "store" [store_id: StoreId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Its merchant.
        merchant_id: MerchantId,
        /// The registered name.
        name: String,
        /// The registered city.
        city: String,
        /// IANA name; business days are counted in it.
        time_zone: String,
        /// The business day it is in.
        business_day: i64,
        /// Whether it takes payments.
        standing: Standing,
        /// Since when nothing at all is done for it.
        barred_at: Option<Timestamp>,
    }

    /// What two operators allow a store: to take cash for customers' accounts. The cash is ours until it
    /// is settled.
    CashDesk: "cash_desk" [store_id: StoreId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The cash that it holds for us, in the ledger.
        ledger_account_id: LedgerAccountId,
        /// It holds at most so much, in minor units; 0 when it takes none any more.
        ceiling_minor: i64,
        /// A till of it takes at most so much in a calendar day.
        till_day_minor: i64,
        /// What it holds.
        held_minor: i64,
    }

    /// An account of the ledger that is not a customer's. Only ever added to.
    LedgerAccount: "ledger_account" [ledger_account_id: LedgerAccountId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// What it is for.
        kind: LedgerKind,
        /// What it holds.
        asset: Asset,
        /// Whether its balance may be below zero.
        may_be_negative: bool,
        /// Ever taken out.
        debits_posted_minor: i64,
        /// Ever put in.
        credits_posted_minor: i64,
        /// Held, to be taken out.
        debits_pending_minor: i64,
        /// Held, to be put in.
        credits_pending_minor: i64,
    }

    /// Finds the account behind a payment code. Whether it may be charged, the account's row says.
    PaymentCode: "payment_code" [code_tag: CodeTag] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Its name in the journal.
        code_id: PaymentCodeId,
        /// Who pays.
        account_id: AccountId,
        /// The device that asked for it.
        device_id: DeviceId,
        /// Useless, then.
        expires_at: Timestamp,
    }

    /// A till of a store.
    Terminal: "terminal" [terminal_id: TerminalId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Its merchant.
        merchant_id: MerchantId,
        /// Its store; it charges for no other.
        store_id: StoreId,
        /// What the merchant calls it.
        label: String,
        /// Its key, once activated.
        key_id: Option<KeyId>,
        /// Where it is.
        state: TerminalState,
        /// Until when the unusable codes that it sent count against it.
        misses_until: Timestamp,
        /// The day that `refunded_today_minor` counts, from the epoch.
        refund_day: i64,
        /// What it gave back of earlier payments on that day, in minor units.
        refunded_today_minor: i64,
        /// When the merchant registered it.
        registered_at: Timestamp,
        /// When it enrolled its key.
        activated_at: Option<Timestamp>,
        /// The business day it is in, from 1; what is before it is closed.
        business_day: i64,
        /// The day that `cash_today_minor` counts, from the epoch.
        cash_day: i64,
        /// Cash that it took on that day for customers' accounts, less what it gave back, in minor units.
        cash_today_minor: i64,
        /// When the business day that it is in had its first entry; absent while it has none.
        day_began_at: Option<Timestamp>,
        /// When its key was last seen at two places at once.
        alarmed_at: Option<Timestamp>,
        /// How often it was.
        alarms: i64,
        /// Since when nothing at all is done for it.
        barred_at: Option<Timestamp>,
    }

    /// A one-time code with which a till enrols its key.
    Activation: "activation" [activation_tag: CodeTag] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Of which till.
        terminal_id: TerminalId,
        /// Useless, then.
        expires_at: Timestamp,
    }

    /// An order of a merchant: which till it belongs to, and what became of it. A reversed row without a
    /// payment is a tombstone: its payment will be refused.
    OrderSlot: "order_slot" [merchant_id: MerchantId, order_id: String] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The till that named it first.
        terminal_id: TerminalId,
        /// Its payment.
        payment_id: Option<PaymentId>,
        /// Or the cash that was taken for it.
        cash_top_up_id: Option<CashTopUpId>,
        /// Who took part.
        account_id: Option<AccountId>,
        /// When it was reversed, or cancelled before it was paid.
        reversed_at: Option<Timestamp>,
        /// When it was named first.
        created_at: Timestamp,
        /// What whoever pays it pays, in minor units; absent when only a till may charge for it.
        asked_minor: Option<i64>,
        /// Until then.
        payable_until: Option<Timestamp>,
        /// A line for the receipt.
        receipt_line: Option<String>,
        /// The merchant's own reference.
        external_reference: Option<String>,
    }

    /// An operator: a person with a key of their own.
    Operator: "operator" [operator_id: OperatorId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Their key, or the last one they had.
        key_id: KeyId,
        /// Whether they may act. There is no way back from revoked.
        state: KeyState,
        /// Since when.
        added_at: Timestamp,
    }

    /// What one operator proposed.
    Proposal: "proposal" [proposal_id: ProposalId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Who.
        proposer_id: OperatorId,
        /// The request he signed, as it was signed.
        payload: Vec<u8>,
        /// SHA-256 of it; an approval signs this.
        payload_sha256: [u8; 32],
        /// Where it is.
        state: ProposalState,
        /// Who approved it.
        approver_id: Option<OperatorId>,
        /// When it was proposed.
        created_at: Timestamp,
        /// Approved until then, or never.
        expires_at: Timestamp,
        /// When it was approved.
        decided_at: Option<Timestamp>,
        /// The key that proposed it: it falls with that key.
        key_id: KeyId,
    }

    /// A card, by the keyed hash of what its provider knows it by: who uses it, and what it brings in.
    Card: "card" [card_tag: CardTag] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The accounts that used it lately.
        users: CardUsers,
        /// What was topped up by it, over all accounts, by hour and by day.
        top_ups: Periods,
    }

    /// A linked funding source. Its token is in the sealed document.
    Funding: "funding" [funding_id: FundingId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Whose.
        account_id: AccountId,
        /// Which provider: 1 is the sandbox, 2 Stripe.
        provider: i64,
        /// When it was linked.
        linked_at: Timestamp,
        /// When it was unlinked.
        ended_at: Option<Timestamp>,
        /// The account's epoch when it was linked: after a recovery it must be linked again.
        epoch: i64,
        /// Which card it is; not known of those that were linked before cards were.
        card_tag: Option<CardTag>,
        /// When the first top-up from it was credited.
        topped_up_at: Option<Timestamp>,
    }

    /// A top-up.
    TopUp: "top_up" [top_up_id: TopUpId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Into which account.
        account_id: AccountId,
        /// From which source.
        funding_id: FundingId,
        /// What is moved.
        asset: Asset,
        /// How much.
        amount_minor: i64,
        /// Where it is.
        state: TopUpState,
        /// When it was asked for.
        requested_at: Timestamp,
        /// When the provider's answer was booked.
        settled_at: Option<Timestamp>,
        /// The provider's name for it; unique. Only what has this name is ever charged.
        provider_reference: Option<String>,
        /// Answers booked so far: an answer to an earlier question is nobody's.
        turn: i64,
        /// How often the provider was asked since the last of them that ended it.
        attempts: i64,
        /// When the provider is asked next; never, when absent.
        due_at: Option<Timestamp>,
        /// Nobody else asks before then.
        claimed_until: Timestamp,
        /// Who asks.
        claimed_by: Option<WorkerId>,
        /// What its owner has to do, sealed; only while he has to.
        sealed_action: Option<Vec<u8>>,
        /// Which card is charged, as far as that is known.
        card_tag: Option<CardTag>,
        /// It is credited only if its owner did 3-D Secure for it.
        wants_challenge: bool,
    }

    /// A payment. Its state's name follows from its amounts.
    Payment: "payment" [payment_id: PaymentId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Who pays.
        account_id: AccountId,
        /// The device that signed.
        device_id: DeviceId,
        /// Who is paid.
        merchant_id: MerchantId,
        /// Where.
        store_id: StoreId,
        /// The till, when one took part.
        terminal_id: Option<TerminalId>,
        /// The till's order, unique per merchant.
        order_id: Option<String>,
        /// The merchant's own reference.
        external_reference: Option<String>,
        /// A line for the receipt.
        receipt_line: Option<String>,
        /// The store's registered name at that time.
        payee_name: String,
        /// What is moved.
        asset: Asset,
        /// What it is about; authorised once its customer need not be asked any more.
        authorised_minor: i64,
        /// Captured of it.
        captured_minor: i64,
        /// Refunded of that.
        refunded_minor: i64,
        /// Released without being captured.
        released_minor: i64,
        /// Why nothing is held any more.
        closing_reason: Option<ClosingReason>,
        /// Which lots it took from.
        legs: Legs,
        /// The fee rule in force.
        fee_rule_version: i64,
        /// Rates, amounts and invoice numbers, encoded; none so far.
        tax_lines: Vec<u8>,
        /// When it was made.
        created_at: Timestamp,
        /// Since when it is held or captured; absent while, or if, its customer did not say yes.
        authorised_at: Option<Timestamp>,
        /// Its customer is asked until then.
        awaiting_until: Option<Timestamp>,
        /// What is not captured is held until then; absent when it is captured at once.
        hold_until: Option<Timestamp>,
        /// When time does something to it.
        due_at: Option<Timestamp>,
        /// The till's business day in which it was taken; absent without a till.
        business_day: Option<i64>,
        /// When something of it was captured first; absent while nothing was.
        captured_at: Option<Timestamp>,
    }

    /// Money of a payment that was captured of a hold, or given back. What was captured at once, its
    /// payment tells.
    Movement: "movement" [movement_id: MovementId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Of which payment.
        payment_id: PaymentId,
        /// Whose.
        merchant_id: MerchantId,
        /// Where.
        store_id: StoreId,
        /// The order, when a till took part.
        order_id: Option<String>,
        /// The till that did it; absent when its merchant's server did.
        terminal_id: Option<TerminalId>,
        /// That till's business day.
        business_day: Option<i64>,
        /// What moved.
        kind: MovementKind,
        /// Of what.
        asset: Asset,
        /// How much.
        amount_minor: i64,
        /// When.
        at: Timestamp,
        /// The fee rule of its payment.
        fee_rule_version: i64,
        /// What was captured of its payment after it, less what was given back.
        net_after_minor: i64,
    }

    /// Cash that a till took for a customer's account.
    CashTopUp: "cash_top_up" [cash_top_up_id: CashTopUpId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Into which account.
        account_id: AccountId,
        /// The device whose code it was.
        device_id: DeviceId,
        /// Whose till.
        merchant_id: MerchantId,
        /// Where.
        store_id: StoreId,
        /// The till.
        terminal_id: TerminalId,
        /// The till's order.
        order_id: String,
        /// Of what.
        asset: Asset,
        /// How much.
        amount_minor: i64,
        /// The till's business day.
        business_day: i64,
        /// When.
        credited_at: Timestamp,
        /// When it was taken back.
        reversed_at: Option<Timestamp>,
    }

    /// A business day of a till that is closed: nothing is added to it any more.
    ClosedDay: "closed_day" [terminal_id: TerminalId, business_day: i64] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// When.
        closed_at: Timestamp,
        /// Its till did not close it in time, so the system did.
        by_system: bool,
    }

    /// A version of a merchant's fees. A payment keeps the version that it was made under.
    FeeRule: "fee_rule" [merchant_id: MerchantId, version: i64] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The share.
        basis_points: BasisPoints,
        /// Payments made from then on are under it, until the next version.
        since: Timestamp,
    }

    /// How far a merchant is settled.
    Payable: "payable" [merchant_id: MerchantId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The last day that was.
        day: i64,
        /// Its lines are, before then.
        settled_until: Timestamp,
        /// Its stores' cash is, before then.
        cash_until: Timestamp,
        /// Owed to it by what is settled and not paid out; less than nothing when it owes us.
        carried_minor: i64,
    }

    /// A merchant's day, settled.
    Settlement: "settlement" [merchant_id: MerchantId, day: i64] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Its lines are from then on.
        lines_from: Timestamp,
        /// And before then.
        lines_until: Timestamp,
        /// Its cash is from then on.
        cash_from: Timestamp,
        /// And before then.
        cash_until: Timestamp,
        /// Sales and captures.
        captures: i64,
        /// What they brought.
        captured_minor: i64,
        /// Refunds and reversals.
        refunds: i64,
        /// What they took back.
        refunded_minor: i64,
        /// Their fees; less than nothing when more fees went back than were taken.
        fee_minor: i64,
        /// Cash that its stores took and keep.
        cash_minor: i64,
        /// Owed to it, or by it, from before.
        carried_minor: i64,
        /// Ordered of the bank.
        payout_minor: i64,
        /// What became of that.
        state: PayoutState,
        /// When it was settled.
        settled_at: Timestamp,
        /// When two operators said what became of the payout.
        closed_at: Option<Timestamp>,
    }

    /// The key that seals a merchant's document, itself sealed.
    MerchantDataKey: "merchant_data_key" [merchant_id: MerchantId] {
        /// Which key-encryption key sealed it.
        kek_version: i64,
        /// The sealed key.
        sealed: Vec<u8>,
    }

    /// Where a merchant is told of its payments, and what that is signed with, encrypted.
    MerchantDocument: "merchant_document" [merchant_id: MerchantId] {
        /// Steps with every change; bound into the ciphertext.
        version: i64,
        /// The ciphertext.
        sealed: Vec<u8>,
    }

    /// A merchant's webhook. Its URL and secrets are in the sealed document.
    WebhookEndpoint: "webhook_endpoint" [endpoint_id: WebhookEndpointId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Whose.
        merchant_id: MerchantId,
        /// Whether it is sent anything.
        state: EndpointState,
        /// When it was made.
        created_at: Timestamp,
        /// The older of two secrets signs until then.
        rotated_until: Option<Timestamp>,
        /// Events from then on are to be sent again; only while that is under way.
        replay_from: Option<Timestamp>,
        /// Events before then.
        replay_until: Option<Timestamp>,
        /// When that was asked for: what became due since is not made due once more.
        replay_asked_at: Option<Timestamp>,
    }

    /// How far a lane of the journal was read for merchants' webhooks.
    WebhookCursor: "webhook_cursor" [lane: i64] {
        /// The last row that was read.
        sequence: i64,
    }

    /// A step of a payment that an endpoint is to be told of. A row is not a delivery.
    WebhookDelivery: "webhook_delivery"
        [endpoint_id: WebhookEndpointId, payment_id: PaymentId, step: i64] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Whose.
        merchant_id: MerchantId,
        /// What happened.
        event: PaymentEvent,
        /// When it happened.
        at: Timestamp,
        /// Where the journal says so: the lane.
        lane: i64,
        /// And the row.
        sequence: i64,
        /// Where it is.
        state: DeliveryState,
        /// Attempts made since it was last made due.
        attempts: i64,
        /// The HTTP status of the last attempt; absent when there was none, or no answer.
        last_status: Option<i64>,
        /// When it was last tried.
        tried_at: Option<Timestamp>,
        /// When it is tried next; absent unless it is due.
        due_at: Option<Timestamp>,
        /// When it was last made due.
        queued_at: Timestamp,
        /// Forgotten, then.
        expires_at: Timestamp,
    }

    /// How far a funding provider's list is compared with ours.
    Reconciliation: "reconciliation" [provider: i64] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Every charge that was created before then was compared once.
        compared_until: Timestamp,
        /// Of those, the ones before then were compared again this time round.
        swept_until: Timestamp,
        /// When this time round began.
        swept_at: Timestamp,
    }

    /// In which a funding provider's list differs from ours, and who looks after it. Never deleted.
    ReconciliationItem: "reconciliation_item" [item_id: ReconciliationItemId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Which provider.
        provider: i64,
        /// Its name for the charge; with the provider unique.
        reference: String,
        /// In what.
        difference: Difference,
        /// The top-up, as far as there is one.
        top_up_id: Option<TopUpId>,
        /// What we have; absent where the charge is none of ours.
        ours_minor: Option<i64>,
        /// What they have, less what was given back in part; absent where they know no such charge.
        theirs_minor: Option<i64>,
        /// In which currency.
        theirs_currency: Option<String>,
        /// Steps when it is another difference, or there again.
        version: i64,
        /// When it was first seen.
        first_seen_at: Timestamp,
        /// When it was last seen.
        last_seen_at: Timestamp,
        /// Where it is.
        state: ItemState,
        /// Who looks after it, or did.
        owner_id: Option<OperatorId>,
        /// What became of it, in his words.
        note: Option<String>,
    }

    /// A secret of a reply, sealed for the same key and request id for ten minutes.
    SecretReply: "secret_reply" [request_id: RequestId, key_id: KeyId] {
        /// The secret, sealed.
        sealed: Vec<u8>,
        /// Gone, then.
        expires_at: Timestamp,
    }

    /// An answer that was not final: binds its request id to its body for 150 s.
    OpenRequest: "open_request" [request_id: RequestId, key_id: KeyId] {
        /// Of method, body and private body.
        digest: [u8; 32],
        /// SHA-256 of the payload that got this answer.
        payload_hash: [u8; 32],
        /// The answer.
        answer: Vec<u8>,
        /// Forgotten, then.
        expires_at: Timestamp,
    }

    /// Something that happened to an account's security.
    Event: "security_event" [account_id: AccountId, event_id: EventId] {
        /// When.
        at: Timestamp,
        /// What.
        kind: EventKind,
        /// The device it concerns.
        device_id: Option<DeviceId>,
        /// Why a till's charge was declined: the number of an `outcome::Refusal`.
        reason: Option<i64>,
        /// The recovery or addition that it is about.
        subject_id: Option<Vec<u8>>,
    }

    /// A message to a person, to be sent by the outbox's worker. A row is not a delivery.
    Message: "message" [message_id: MessageId] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// Destination and text, sealed.
        sealed: Vec<u8>,
        /// Where it is.
        state: MessageState,
        /// Attempts made.
        attempts: i64,
        /// When it is to be tried.
        due_at: Timestamp,
        /// Not tried any more, then.
        expires_at: Timestamp,
        /// The recovery that waits for it.
        case_id: Option<CaseId>,
        /// How it goes.
        channel: Option<Channel>,
    }

    /// One link of the journal: a final answer, its evidence and its postings. Never changed.
    Journal: "journal" [lane: i64, sequence: i64] {
        /// Whose deployment.
        tenant_id: TenantId,
        /// The execution that made it.
        command_id: CommandId,
        /// What it was.
        kind: i64,
        /// When it was decided.
        at: Timestamp,
        /// The account whose entry it is; absent unless money moved.
        entry_account_id: Option<AccountId>,
        /// The idempotency key.
        request_id: RequestId,
        /// The key that signed.
        key_id: KeyId,
        /// Of method, body and private body.
        digest: [u8; 32],
        /// The answer.
        outcome: Vec<u8>,
        /// Every transfer, encoded.
        postings: Vec<u8>,
        /// The resulting version of every customer account and key it touched, encoded.
        versions: Vec<u8>,
        /// The signed method.
        method: String,
        /// The signed bytes.
        payload: Vec<u8>,
        /// The signature.
        signature: Vec<u8>,
        /// The signer's own public key where it was a candidate's: point, then form. So the journal
        /// alone verifies.
        candidate_key: Option<Vec<u8>>,
        /// The step of RFC 6238 whose code was accepted in this call; absent when it brought none, or
        /// a wrong one.
        accepted_step: Option<i64>,
        /// SHA-256 over the previous hash and everything above, the evidence by its own hash.
        hash: [u8; 32],
    }

    /// What the journal says about a request id. The same table as `Journal`, by its other key.
    Finished: "journal" [request_id: RequestId, key_id: KeyId] {
        /// Of method, body and private body.
        digest: [u8; 32],
        /// The answer.
        outcome: Vec<u8>,
    }

    /// The head of a lane.
    Lane: "lane" [lane: i64] {
        /// The last sequence number; 0 before the first row.
        sequence: i64,
        /// The last row's hash.
        hash: [u8; 32],
        /// No decision of this lane is older than this.
        at: Timestamp,
        /// The server's, over everything above; absent before the first row.
        signature: Option<[u8; 64]>,
    }
}

impl Table {
    /// Whether the embedded store's writer keeps rows of this table in memory between batches.
    pub fn is_hot(self) -> bool {
        match self {
            Self::Account
            | Self::Device
            | Self::SigningKey
            | Self::Merchant
            | Self::Store
            | Self::Terminal
            | Self::OpenRequest
            | Self::Lane => true,
            Self::DataKey
            | Self::Document
            | Self::Contact
            | Self::Enrolment
            | Self::CashDesk
            | Self::LedgerAccount
            | Self::PaymentCode
            | Self::Activation
            | Self::OrderSlot
            | Self::Operator
            | Self::Proposal
            | Self::Card
            | Self::Funding
            | Self::TopUp
            | Self::Payment
            | Self::Movement
            | Self::CashTopUp
            | Self::ClosedDay
            | Self::FeeRule
            | Self::Payable
            | Self::Settlement
            | Self::SecretReply
            | Self::Event
            | Self::Message
            | Self::Factors
            | Self::RecoveryTarget
            | Self::RecoveryCase
            | Self::Addition
            | Self::PendingContact
            | Self::Lease
            | Self::MerchantDataKey
            | Self::MerchantDocument
            | Self::WebhookEndpoint
            | Self::WebhookCursor
            | Self::WebhookDelivery
            | Self::Reconciliation
            | Self::ReconciliationItem
            | Self::Journal
            | Self::Finished => false,
        }
    }
}

impl Table {
    /// Whether each row carries a tag that only the server can make. The journal is chained and its lanes'
    /// heads are signed; what is only added to, by the database itself, cannot carry one, and neither needs
    /// to whose turn a piece of work is.
    pub fn is_tagged(self) -> bool {
        match self {
            Self::Journal | Self::Finished | Self::Lane | Self::LedgerAccount | Self::Lease => false,
            Self::Account
            | Self::Device
            | Self::SigningKey
            | Self::Merchant
            | Self::Store
            | Self::Terminal
            | Self::OpenRequest
            | Self::DataKey
            | Self::Document
            | Self::Contact
            | Self::Enrolment
            | Self::CashDesk
            | Self::PaymentCode
            | Self::Activation
            | Self::OrderSlot
            | Self::Operator
            | Self::Proposal
            | Self::Funding
            | Self::Card
            | Self::TopUp
            | Self::Payment
            | Self::Movement
            | Self::CashTopUp
            | Self::ClosedDay
            | Self::FeeRule
            | Self::Payable
            | Self::Settlement
            | Self::SecretReply
            | Self::Event
            | Self::Message
            | Self::Factors
            | Self::RecoveryTarget
            | Self::RecoveryCase
            | Self::Addition
            | Self::PendingContact
            | Self::MerchantDataKey
            | Self::MerchantDocument
            | Self::WebhookEndpoint
            | Self::WebhookCursor
            | Self::WebhookDelivery
            | Self::Reconciliation
            | Self::ReconciliationItem => true,
        }
    }
}

impl Table {
    /// Columns besides the key that no decision ever changes and that an index of their own finds:
    /// an update leaves them out, or a database would rewrite that index's entry every time.
    pub fn fixed_columns(self) -> &'static [&'static str] {
        match self {
            Self::Account => &["ledger_account_id"],
            Self::Device => &["account_id", "key_id"],
            Self::Payment => &["account_id", "merchant_id", "order_id", "terminal_id", "created_at"],
            Self::WebhookEndpoint => &["merchant_id"],
            Self::WebhookDelivery => &["merchant_id", "at"],
            Self::ReconciliationItem => &["provider", "reference", "first_seen_at"],
            Self::Funding => &["card_tag"],
            Self::TopUp => &["requested_at"],
            Self::SigningKey
            | Self::DataKey
            | Self::Document
            | Self::Contact
            | Self::Enrolment
            | Self::Merchant
            | Self::Store
            | Self::CashDesk
            | Self::LedgerAccount
            | Self::PaymentCode
            | Self::Terminal
            | Self::Activation
            | Self::OrderSlot
            | Self::Operator
            | Self::Proposal
            | Self::Card
            | Self::Movement
            | Self::CashTopUp
            | Self::ClosedDay
            | Self::FeeRule
            | Self::Payable
            | Self::Settlement
            | Self::SecretReply
            | Self::OpenRequest
            | Self::Event
            | Self::Message
            | Self::Factors
            | Self::RecoveryTarget
            | Self::RecoveryCase
            | Self::Addition
            | Self::PendingContact
            | Self::Lease
            | Self::MerchantDataKey
            | Self::MerchantDocument
            | Self::WebhookCursor
            | Self::Reconciliation
            | Self::Journal
            | Self::Finished
            | Self::Lane => &[],
        }
    }
}

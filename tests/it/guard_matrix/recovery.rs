//! The recovery's side of the matrix: accounts that are being recovered, phones that recover them or join
//! one, and a good call of each of these RPCs.

use saifu::client::method;
use saifu::client::wallet::Wallet;
use saifu::domain::policy::Policy;
use saifu::domain::time::DAY_US;
use saifu::pb;
use saifu::pb::add_contact_private::Contact;
use saifu::pb::second_factor::Factor;

use super::case::Case;
use crate::support::recovery::{Owner, begin, cool, passphrase, wait_out};
use crate::support::{World, code_in, texts};

const NEW_PASSPHRASE: &str = "seven dry umbrellas";

/// Which phone does what.
const RECOVERS_ERIN: usize = 0;
const RECOVERS_FRED: usize = 1;
const RECOVERS_GINA: usize = 2;
const STRANGER: usize = 3;
const GRETA: usize = 4;

/// Time passes between the cases: nothing is over before its turn comes.
pub fn slowly(policy: &mut Policy) {
    policy.payment_codes.live_us = DAY_US;
    policy.payments.ask_us = DAY_US;
    let figures = &mut policy.recovery;
    figures.requested_us = DAY_US;
    figures.again_us = DAY_US;
    figures.cancel_us = DAY_US;
    figures.addition_us = DAY_US;
    figures.contact_us = DAY_US;
}

/// Who is in this side of the play.
pub struct Cast {
    /// Of whose account a recovery was begun.
    erin: Owner,
    /// … stands.
    fred: Owner,
    /// … may be completed.
    gina: Owner,
    /// Their recoveries, by the phones of the same numbers.
    case_ids: [Vec<u8>; 3],
    /// Cancels Fred's recovery.
    cancel_code: String,
    /// Those who recover, a stranger, and Greta's, who began another authenticator.
    pub phones: Vec<Wallet>,
}

impl Cast {
    pub async fn set(world: &World) -> Self {
        let gina = world.owner("gina", 1_000).await;
        let fred = world.owner("fred", 1_000).await;
        let erin = world.owner("erin", 1_000).await;
        let mut phones = Vec::new();
        for _ in [RECOVERS_ERIN, RECOVERS_FRED, RECOVERS_GINA, STRANGER] {
            phones.push(world.phone().await);
        }
        let gina_id = cool(&phones[RECOVERS_GINA], &gina).await;
        wait_out(world, &phones[RECOVERS_GINA], &gina_id).await;
        phones[RECOVERS_GINA].prove(gina_id.clone(), &passphrase()).await.expect("proved again");
        let fred_id = cool(&phones[RECOVERS_FRED], &fred).await;
        let notice = texts(&phones[STRANGER], &fred.email, 2).await.remove(0);
        let cancel_code = notice.split_whitespace().find(|word| word.matches('-').count() == 6);
        let cancel_code = cancel_code.expect("a cancellation code").trim_end_matches('.').to_owned();
        phones[STRANGER].cancel_by_notice(&cancel_code, false).await.expect("asked");
        let erin_id = begin(&phones[RECOVERS_ERIN], &erin).await;
        let mut greta = world.wallet("greta").await;
        greta.totp = Some(greta.begin_totp(&world.next_code(&greta)).await.expect("another authenticator"));
        phones.push(greta);
        Self { erin, fred, gina, case_ids: [erin_id, fred_id, gina_id], cancel_code, phones }
    }

    /// Whose accounts these are.
    pub fn owners(&self) -> impl Iterator<Item = &Wallet> {
        [&self.erin.wallet, &self.fred.wallet, &self.gina.wallet, &self.phones[GRETA]].into_iter()
    }

    /// The recoveries, and who began them.
    pub fn recoveries(&self) -> impl Iterator<Item = (&Wallet, &Vec<u8>)> {
        self.phones.iter().zip(&self.case_ids)
    }

    /// A good call of each RPC; and Complete, which ends what can be seen of Gina's.
    pub async fn cases(&self, world: &World, alice: &Wallet) -> (Vec<Case>, Case) {
        let mut cases = self.of_a_case().to_vec();
        cases.extend(self.of_cancelling(alice).await);
        cases.extend(self.of_joining(world, alice).await);
        cases.extend(of_factors(world, alice).await);
        let complete =
            pb::RecoveryCompletePrivate { passphrase: NEW_PASSPHRASE.into(), device_label: "Pixel 9".into() };
        let case_id = self.case_ids[RECOVERS_GINA].clone();
        let complete = Case::new(method::RECOVERY_COMPLETE, &pb::RecoveryCompleteRequest { case_id })
            .private(&complete)
            .by_phone(RECOVERS_GINA)
            .foreign(pb::Reason::RecoveryOver);
        (cases, complete)
    }

    /// In the order in which a new phone makes them.
    fn of_a_case(&self) -> [Case; 6] {
        let case_id = || self.case_ids[RECOVERS_ERIN].clone();
        let start =
            pb::RecoveryStartPrivate { locator: Some(self.erin.locator()), device_model: "Pixel 9".into() };
        let send =
            pb::RecoverySendCodeRequest { case_id: case_id(), channel: pb::RecoveryChannel::Email.into() };
        let prove =
            pb::RecoveryProveRequest { case_id: case_id(), factor: pb::RecoveryFactor::SavedCode.into() };
        let lost = pb::RecoveryReportLostRequest { case_id: self.case_ids[RECOVERS_FRED].clone() };
        [
            Case::new(method::RECOVERY_START, &pb::RecoveryStartRequest { with_proofing: true })
                .private(&start)
                .by_phone(STRANGER),
            Case::new(method::RECOVERY_SEND_CODE, &send)
                .by_phone(RECOVERS_ERIN)
                .foreign(pb::Reason::RecoveryOver),
            Case::new(method::RECOVERY_PROVE, &prove)
                .given(Factor::SavedCode(self.erin.saved_code.clone()))
                .by_phone(RECOVERS_ERIN)
                .foreign(pb::Reason::RecoveryOver),
            Case::new(method::RECOVERY_FREEZE, &pb::RecoveryFreezeRequest { case_id: case_id() })
                .by_phone(RECOVERS_ERIN)
                .foreign(pb::Reason::RecoveryOver),
            Case::new(method::RECOVERY_STATUS, &pb::RecoveryStatusRequest { case_id: case_id() })
                .by_phone(RECOVERS_ERIN)
                .foreign(pb::Reason::NotFound),
            Case::new(method::RECOVERY_REPORT_LOST, &lost)
                .by_phone(RECOVERS_FRED)
                .foreign(pb::Reason::RecoveryOver),
        ]
    }

    /// By Alice, a notice's secret, and an operator.
    async fn of_cancelling(&self, alice: &Wallet) -> [Case; 3] {
        let email = alice.list_contacts().await.expect("contacts").contacts.remove(0).address;
        let locator = pb::recovery_start_private::Locator::Email(email);
        let begun = self.phones[STRANGER].start_recovery(locator, false).await.expect("a case");
        let secret = pb::RecoveryCancelByNoticePrivate { cancel_code: self.cancel_code.clone() };
        let erins = pb::CancelRecoveryRequest { case_id: self.case_ids[RECOVERS_ERIN].clone() };
        [
            Case::new(method::RECOVERY_CANCEL, &pb::RecoveryCancelRequest { case_id: begun.case_id })
                .foreign(pb::Reason::NotFound),
            Case::new(
                method::RECOVERY_CANCEL_BY_NOTICE,
                &pb::RecoveryCancelByNoticeRequest { confirm: true },
            )
            .private(&secret)
            .by_phone(STRANGER),
            Case::new(method::CANCEL_RECOVERY, &erins),
        ]
    }

    /// One phone joined Alice's, another asks to.
    async fn of_joining(&self, world: &World, alice: &Wallet) -> [Case; 3] {
        let email = alice.list_contacts().await.expect("contacts").contacts.remove(0).address;
        let joins = world.phone().await.request_add(&email).await.expect("asked");
        let code = world.next_code(alice);
        let joined = alice.approve_add(joins.addition_id, joins.number, &code).await.expect("joined");
        let asks = world.phone().await.request_add(&email).await.expect("asked");
        let approve = pb::DeviceApproveAddRequest { addition_id: asks.addition_id, number: asks.number };
        let ask = pb::DeviceRequestAddPrivate {
            locator: Some(pb::device_request_add_private::Locator::Email(self.erin.email.clone())),
            device_model: "Pixel 9".into(),
        };
        let lost = pb::DeviceReportLostRequest { device_id: joined.device_id };
        [
            Case::new(method::DEVICE_REQUEST_ADD, &pb::DeviceRequestAddRequest {})
                .private(&ask)
                .by_phone(STRANGER),
            Case::new(method::DEVICE_APPROVE_ADD, &approve).code().foreign(pb::Reason::AdditionOver),
            Case::new(method::DEVICE_REPORT_LOST, &lost).code().foreign(pb::Reason::NotFound),
        ]
    }
}

/// By Alice, and by Greta, whose new authenticator waits for its first code.
async fn of_factors(world: &World, alice: &Wallet) -> [Case; 8] {
    let contact_id = alice.list_contacts().await.expect("contacts").contacts.remove(0).contact_id;
    let address = "alice.second@example.jp";
    let code = world.next_code(alice);
    let pending = alice.add_contact(Contact::Email(address.into()), &code).await.expect("begun");
    let contact_code = code_in(&texts(alice, address, 1).await[0]);
    let confirm = pb::ConfirmContactRequest { pending_contact_id: pending.pending_contact_id };
    let third = Contact::Email("alice.third@example.jp".into());
    [
        Case::new(method::BEGIN_TOTP, &pb::BeginTotpRequest {}).code(),
        Case::new(method::CONFIRM_TOTP, &pb::ConfirmTotpRequest {}).code().by_phone(GRETA),
        Case::new(method::REPLACE_SAVED_CODE, &pb::ReplaceSavedCodeRequest {}).code(),
        Case::new(method::CHANGE_PASSPHRASE, &pb::ChangePassphraseRequest {})
            .private(&pb::ChangePassphrasePrivate { passphrase: NEW_PASSPHRASE.into() })
            .code(),
        Case::new(method::ADD_CONTACT, &pb::AddContactRequest {})
            .private(&pb::AddContactPrivate { contact: Some(third) })
            .code(),
        Case::new(method::CONFIRM_CONTACT, &confirm)
            .private(&pb::ConfirmContactPrivate { contact_code })
            .code()
            .foreign(pb::Reason::ContactOver),
        Case::new(method::LIST_CONTACTS, &pb::ListContactsRequest {}),
        Case::new(method::REMOVE_CONTACT, &pb::RemoveContactRequest { contact_id })
            .code()
            .foreign(pb::Reason::NotFound),
    ]
}

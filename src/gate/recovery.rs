//! What preparing a step of a recovery reads, compares and seals. It acts on none of it.
//!
//! Behind a contact without an account the same is done over a decoy: the same rows are asked for, a document
//! is opened, a passphrase hashed, notices are sealed. So neither the answer nor the time that it takes tells
//! whether there is an account.

use prost::Message;
use zeroize::{Zeroize, Zeroizing};

use super::document::{ConfirmedContact, PersonalDocument};
use super::message::Letter;
use super::message::templates::{self, Changed, Facts, Text};
use super::rejection::Rejection;
use super::tools::{Opened, Tools};
use crate::contact::Contact;
use crate::crypto::totp::TotpSecret;
use crate::crypto::{codes, passphrase, totp};
use crate::domain::command::{CaseRef, MessageDraft, NoticeDraft, Notices};
use crate::domain::id::{
    AccountId, AdditionId, CaseId, CodeTag, ContactIndex, DeviceId, KeyId, PendingContactId, TargetId,
};
use crate::domain::proof::Proof;
use crate::domain::record::Record as _;
use crate::domain::recovery::Told;
use crate::domain::recovery::factor::{Channel, Kind, counts};
use crate::domain::rows::{
    Addition, DataKey, Device, Document, KeyState, PendingContact, RecoveryCase, RecoveryTarget, RowKey,
};
use crate::domain::time::Timestamp;
use crate::store::query::{Query, Scan};

/// A passphrase's hash like any other, which nobody's passphrase has.
const DECOY_PASSPHRASE: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AgICAgICAgICAgICAgICAg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a case keeps sealed.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct CaseNotes {
    /// The secret that cancels.
    #[prost(string, tag = "1")]
    pub cancel_code: String,
    /// The new phone's model.
    #[prost(string, tag = "2")]
    pub device_model: String,
}

impl std::fmt::Debug for CaseNotes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CaseNotes(hidden)")
    }
}

impl Drop for CaseNotes {
    fn drop(&mut self) {
        self.cancel_code.zeroize();
    }
}

/// A contact that is to be confirmed.
pub struct OpenContact {
    /// Which.
    pub contact_index: ContactIndex,
    /// How it is reached.
    pub channel: Channel,
    /// Its address.
    pub address: String,
    /// Keyed hash of its code.
    pub code_tag: Vec<u8>,
}

/// A case as it was read ahead, with the document behind it, or a decoy's.
pub struct OpenCase {
    /// The case; nothing when there is none, or it is another key's.
    pub row: Option<RecoveryCase>,
    /// What of it never changes.
    pub case: CaseRef,
    /// The account's document, or the decoy's.
    pub opened: Opened,
    /// All devices there are.
    pub devices: Vec<Device>,
}

impl Tools {
    /// Seals what a case keeps.
    pub fn seal_notes(&self, case_id: CaseId, notes: &CaseNotes) -> Vec<u8> {
        self.seal("recovery-case", &case_id.0, &Zeroizing::new(notes.encode_to_vec()))
    }

    fn open_notes(&self, row: &RecoveryCase) -> Result<CaseNotes, Rejection> {
        let bytes = self.unseal("recovery-case", &row.case_id.0, &row.sealed)?;
        CaseNotes::decode(bytes.as_slice()).map_err(|_| Rejection::Internal)
    }

    /// A case by its id.
    pub async fn case(&self, case_id: CaseId) -> Result<OpenCase, Rejection> {
        let fetched = self.fetch(Query::row(RowKey::RecoveryCase(case_id))).await?;
        self.open_case(fetched.get::<RecoveryCase>().cloned()).await
    }

    /// A case that this key began; nothing of another's.
    pub async fn own_case(&self, case_id: CaseId, key_id: KeyId) -> Result<OpenCase, Rejection> {
        let fetched = self.fetch(Query::row(RowKey::RecoveryCase(case_id))).await?;
        self.open_case(fetched.get::<RecoveryCase>().filter(|row| row.key_id == key_id).cloned()).await
    }

    /// A phone that asks to join this account: what it says it is.
    pub async fn addition(
        &self,
        addition_id: AdditionId,
        account_id: AccountId,
    ) -> Result<Option<String>, Rejection> {
        let fetched = self.fetch(Query::row(RowKey::Addition(addition_id))).await?;
        let row = fetched.get::<Addition>().filter(|row| row.account_id == Some(account_id));
        row.map(|row| self.device_model(row)).transpose()
    }

    /// All that ask to join an account.
    pub async fn additions(&self, account_id: AccountId) -> Result<Vec<(Addition, String)>, Rejection> {
        let target = RowKey::RecoveryTarget(TargetId::of_account(account_id));
        let fetched = self.fetch(Query::row(target)).await?;
        let now = Timestamp(self.clock.now_us());
        let live = fetched.get::<RecoveryTarget>().into_iter().flat_map(|target| target.additions.live(now));
        let rows = live.map(|asking| RowKey::Addition(asking.addition_id)).collect();
        let fetched = self.fetch(Query { rows, ..Query::default() }).await?;
        fetched
            .rows
            .iter()
            .filter_map(Addition::of)
            .map(|row| Ok((row.clone(), self.device_model(row)?)))
            .collect()
    }

    fn device_model(&self, row: &Addition) -> Result<String, Rejection> {
        let bytes = self.unseal("device-addition", &row.addition_id.0, &row.sealed)?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| Rejection::Internal)
    }

    /// A contact that this account's owner is to confirm.
    pub async fn pending_contact(
        &self,
        pending_contact_id: PendingContactId,
        account_id: AccountId,
    ) -> Result<Option<OpenContact>, Rejection> {
        let fetched = self.fetch(Query::row(RowKey::PendingContact(pending_contact_id))).await?;
        let row = fetched.get::<PendingContact>().filter(|row| row.account_id == account_id);
        let Some(row) = row else { return Ok(None) };
        let bytes = self.unseal("pending-contact", &pending_contact_id.0, &row.sealed_contact)?;
        let address = std::str::from_utf8(&bytes).map_err(|_| Rejection::Internal)?.to_owned();
        Ok(Some(OpenContact {
            contact_index: row.contact_index,
            channel: row.channel,
            address,
            code_tag: row.code_tag.clone(),
        }))
    }

    /// A contact's blind index.
    pub fn index_of(&self, contact: &ConfirmedContact) -> Option<ContactIndex> {
        let contact = match channel_of(contact)? {
            Channel::Email => Contact::email(&contact.address),
            Channel::Sms | Channel::Push => Contact::phone(&contact.address),
        };
        contact.ok().map(|contact| ContactIndex(self.keys.index.index(&contact)))
    }

    /// A case by the secret of its notices.
    pub async fn case_by_cancel(&self, cancel_tag: CodeTag) -> Result<OpenCase, Rejection> {
        let fetched = self.fetch(Query::scan(Scan::CaseByCancel(cancel_tag))).await?;
        self.open_case(fetched.scanned::<RecoveryCase>().next().cloned()).await
    }

    /// The document and devices behind a case, or a decoy's.
    pub async fn open_case(&self, row: Option<RecoveryCase>) -> Result<OpenCase, Rejection> {
        let case = row.as_ref().map_or(CaseRef::NONE, |row| CaseRef {
            case_id: row.case_id,
            target_id: row.target_id,
            account_id: row.account_id,
        });
        // A shadow's id names no account: the same is asked for, and not found.
        let account_id = AccountId(case.target_id.0);
        let query = Query {
            rows: vec![RowKey::Document(account_id), RowKey::DataKey(account_id)],
            scan: Some(Scan::Devices(account_id)),
            ..Query::default()
        };
        let fetched = self.fetch(query).await?;
        let opened = match (fetched.get::<Document>(), fetched.get::<DataKey>()) {
            (Some(document), Some(data_key)) => self.open(document, data_key)?,
            (_, _) => self.open_decoy()?,
        };
        let devices = fetched.scanned::<Device>().cloned().collect();
        Ok(OpenCase { row, case, opened, devices })
    }

    /// What comparing a factor with what is in force shows.
    pub async fn prove(&self, open: &OpenCase, kind: Kind, secret: &str) -> Result<Proof, Rejection> {
        let (document, version) = (&open.opened.document, open.opened.version);
        Ok(match kind {
            Kind::Totp => {
                let known = TotpSecret::from_bytes(&document.totp_secret).ok_or(Rejection::Internal)?;
                totp::judge(&known, secret, self.clock.now_us(), version)
            }
            Kind::SavedCode => codes::recovery_code_proof(
                &self.keys.code,
                &open.case.target_id.0,
                secret,
                &document.recovery_code_tag,
                version,
            ),
            Kind::Passphrase => {
                let given = Zeroizing::new(secret.to_owned());
                let verified = self.passphrases.verify(given, document.passphrase.clone()).await;
                passphrase::proof(verified.map_err(|_busy| Rejection::Unavailable)?, version)
            }
            Kind::EmailCode | Kind::PhoneCode => {
                let row = open.row.as_ref();
                let expected = row.and_then(|row| row.issued_tag).unwrap_or([0; 32]);
                let until = row.map_or(0, |row| row.issued_until.0);
                codes::contact_code_proof(&self.keys.code, &open.case.case_id.0, secret, &expected, until)
            }
            Kind::Proofing => return Err(Rejection::Internal),
        })
    }

    /// Whatever a step may want to tell, to everybody it may want to tell it to. Who has a contact that was
    /// removed is told, and gets no secret: it may be somebody else by now.
    pub fn notices(&self, open: &OpenCase, told: &[Told]) -> Result<Notices, Rejection> {
        let notes = match &open.row {
            Some(row) => self.open_notes(row)?,
            None => CaseNotes::default(),
        };
        let facts = |cancel_code| Facts {
            device_model: &notes.device_model,
            cancel_code,
            at: Timestamp(self.clock.now_us()),
        };
        let (own, gone) = (facts(Some(notes.cancel_code.as_str())), facts(None));
        let addressed = self.addresses(&open.opened.document, &open.devices);
        let mut drafts = Vec::new();
        for told in told {
            let (own, gone) = (templates::recovery(*told, &own), templates::recovery(*told, &gone));
            drafts.extend(addressed.iter().map(|to| NoticeDraft {
                told: *told,
                channel: to.channel,
                message: self.draft(to.channel, &to.address, if to.is_removed { &gone } else { &own }),
            }));
        }
        Ok(Notices { document_version: open.opened.version, drafts })
    }

    /// A code to each contact of a channel that counts in this recovery: a new one gets none, nor does a
    /// number that may be somebody else's by now.
    pub fn code_messages(&self, open: &OpenCase, channel: Channel, code: &str) -> Vec<MessageDraft> {
        let text = templates::recovery_code(code);
        let figures = &self.policy.recovery;
        let started_at = open.row.as_ref().map_or(Timestamp(0), |row| row.started_at);
        let current = open.opened.document.contacts.iter().filter(|contact| contact.removed_at_us == 0);
        current
            .filter(|contact| channel_of(contact) == Some(channel))
            .filter(|contact| counts(channel, Timestamp(contact.confirmed_at_us), started_at, figures))
            .map(|contact| self.draft(channel, &contact.address, &text))
            .collect()
    }

    /// A change, to everybody who can be reached, those who went lately too.
    pub async fn change_messages(
        &self,
        account_id: AccountId,
        document: &PersonalDocument,
        what: Changed,
    ) -> Result<Vec<MessageDraft>, Rejection> {
        let fetched = self.fetch(Query::scan(Scan::Devices(account_id))).await?;
        let devices: Vec<Device> = fetched.scanned::<Device>().cloned().collect();
        let text = templates::changed(what, Timestamp(self.clock.now_us()));
        let addresses = self.addresses(document, &devices);
        Ok(addresses.iter().map(|to| self.draft(to.channel, &to.address, &text)).collect())
    }

    /// A text to one contact.
    pub fn draft(&self, channel: Channel, address: &str, text: &Text) -> MessageDraft {
        self.seal_letter(&Letter {
            channel: channel.name().into(),
            destination: address.into(),
            subject: text.subject.into(),
            text: text.body.to_string(),
        })
    }

    /// Confirmed contacts, those that were removed lately, and active devices where anything reaches them.
    fn addresses(&self, document: &PersonalDocument, devices: &[Device]) -> Vec<Addressed> {
        let since_us = self.clock.now_us() - self.policy.recovery.lately_us;
        let contacts = document
            .contacts
            .iter()
            .filter(|contact| contact.removed_at_us == 0 || contact.removed_at_us > since_us)
            .filter_map(|contact| {
                let (address, is_removed) = (contact.address.clone(), contact.removed_at_us != 0);
                Some(Addressed { channel: channel_of(contact)?, address, is_removed })
            });
        let active = devices.iter().filter(|device| device.state == KeyState::Active && self.reaches_push);
        let active = active.map(|device| Addressed {
            channel: Channel::Push,
            address: address_of(device.device_id),
            is_removed: false,
        });
        contacts.chain(active).collect()
    }
}

/// Where somebody can be reached.
struct Addressed {
    channel: Channel,
    address: String,
    /// A contact that is the account's no more.
    is_removed: bool,
}

/// How a device is named to whatever carries messages to it.
fn address_of(device_id: DeviceId) -> String {
    crate::domain::id::hex(&device_id.0)
}

/// How a contact is reached.
pub fn channel_of(contact: &ConfirmedContact) -> Option<Channel> {
    Channel::of(&contact.channel)
}

/// A document like any other: of nobody.
pub(super) fn decoy(totp_secret: &[u8; 20]) -> PersonalDocument {
    PersonalDocument {
        contacts: vec![ConfirmedContact {
            channel: "email".into(),
            address: "nobody@saifu.invalid".into(),
            confirmed_at_us: 1,
            removed_at_us: 0,
        }],
        passphrase: DECOY_PASSPHRASE.into(),
        totp_secret: totp_secret.to_vec(),
        recovery_code_tag: vec![0; 32],
        devices: Vec::new(),
        funding: Vec::new(),
        pending_totp_secret: Vec::new(),
    }
}

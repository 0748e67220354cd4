//! The account's factors and contacts, as its owner changes them.

use zeroize::Zeroizing;

use crate::client::method;
use crate::client::refused::Refused;
use crate::client::wallet::enrol::value;
use crate::client::wallet::{EnrolError, Wallet};
use crate::crypto::totp::TotpSecret;
use crate::pb;
use crate::pb::add_contact_private::Contact;

impl Wallet {
    /// A new authenticator; the old one is good until [`Wallet::confirm_totp`].
    pub async fn begin_totp(&self, code: &str) -> Result<TotpSecret, EnrolError> {
        let draft = self.draft(method::BEGIN_TOTP, &pb::BeginTotpRequest {});
        let reply: pb::BeginTotpReply = self.send(draft.code(code)).await?;
        TotpSecret::from_uri(&value(reply.totp_uri)?).ok_or(EnrolError::NoAuthenticator)
    }

    /// A code of the new authenticator puts it in the old one's place.
    pub async fn confirm_totp(&self, code: &str) -> Result<pb::ConfirmTotpReply, Refused> {
        self.send(self.draft(method::CONFIRM_TOTP, &pb::ConfirmTotpRequest {}).code(code)).await
    }

    /// A new saved code.
    pub async fn replace_saved_code(&self, code: &str) -> Result<Zeroizing<String>, EnrolError> {
        let draft = self.draft(method::REPLACE_SAVED_CODE, &pb::ReplaceSavedCodeRequest {});
        let reply: pb::ReplaceSavedCodeReply = self.send(draft.code(code)).await?;
        value(reply.recovery_code)
    }

    /// Another passphrase.
    pub async fn change_passphrase(
        &self,
        passphrase: &str,
        code: &str,
    ) -> Result<pb::ChangePassphraseReply, Refused> {
        let private = pb::ChangePassphrasePrivate { passphrase: passphrase.to_owned() };
        let draft = self.draft(method::CHANGE_PASSPHRASE, &pb::ChangePassphraseRequest {});
        self.send(draft.private(&private).code(code)).await
    }

    /// The account's contacts.
    pub async fn list_contacts(&self) -> Result<pb::ListContactsReply, Refused> {
        self.send(self.draft(method::LIST_CONTACTS, &pb::ListContactsRequest {})).await
    }

    /// A code to a new contact.
    pub async fn add_contact(&self, contact: Contact, code: &str) -> Result<pb::AddContactReply, Refused> {
        let private = pb::AddContactPrivate { contact: Some(contact) };
        let draft = self.draft(method::ADD_CONTACT, &pb::AddContactRequest {});
        self.send(draft.private(&private).code(code)).await
    }

    /// The new contact's code.
    pub async fn confirm_contact(
        &self,
        pending_contact_id: Vec<u8>,
        contact_code: &str,
        code: &str,
    ) -> Result<pb::ConfirmContactReply, Refused> {
        let private = pb::ConfirmContactPrivate { contact_code: contact_code.to_owned() };
        let body = pb::ConfirmContactRequest { pending_contact_id };
        self.send(self.draft(method::CONFIRM_CONTACT, &body).private(&private).code(code)).await
    }

    /// A contact goes.
    pub async fn remove_contact(
        &self,
        contact_id: Vec<u8>,
        code: &str,
    ) -> Result<pb::RemoveContactReply, Refused> {
        self.send(self.draft(method::REMOVE_CONTACT, &pb::RemoveContactRequest { contact_id }).code(code))
            .await
    }
}

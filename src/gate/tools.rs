//! What preparing a call needs: keys, time, chance, and a look at sealed documents. A look only:
//! nothing here writes.

use std::sync::Arc;

use prost::Message as _;
use zeroize::Zeroizing;

use super::admitted::Admitted;
use super::document::PersonalDocument;
use super::message::Letter;
use super::operation::Operation;
use super::recovery;
use super::rejection::Rejection;
use crate::crypto::keyring::Keyring;
use crate::crypto::passphrase::Hasher;
use crate::crypto::seal::{Aad, RootKey, SealKey};
use crate::domain::command::{DocumentWrite, MessageDraft, PayableOrder, Signed};
use crate::domain::id::{AccountId, CardTag, EnrolmentId, MerchantId, MessageId, ProposalId, StoreId};
use crate::domain::policy::Policy;
use crate::domain::rows::{
    self, DataKey, Document, Enrolment, Finished, Message, Proposal, RowKey, SecretReply,
};
use crate::env::clock::Clock;
use crate::env::entropy::{Entropy, bytes32, uuid_v7};
use crate::funding::{FundingProvider, Inspected, Owner};
use crate::store::Store;
use crate::store::query::{Fetched, Query};

/// The version of the key-encryption key in use.
pub const KEK_VERSION: i64 = 1;

/// What preparing a call needs.
pub struct Tools {
    /// The server's keys.
    pub keys: Keyring,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The rules' figures.
    pub policy: Arc<Policy>,
    /// Hashes passphrases, a few at a time.
    pub passphrases: Hasher,
    /// Charges linked sources; here only asked which card a token is, and whose.
    pub provider: Arc<dyn FundingProvider>,
    /// This deployment's name.
    pub audience: String,
    /// Whether messages to devices go anywhere.
    pub reaches_push: bool,
    /// Whether merchants' webhooks may be on private networks.
    pub private_webhooks: bool,
    /// Whether the log says why an envelope was refused: a sandbox's does.
    pub explains: bool,
    store: Arc<Store>,
    decoy: (Document, DataKey),
}

/// What tools are made from, besides keys and store.
pub struct Given {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The rules' figures.
    pub policy: Arc<Policy>,
    /// Charges linked sources.
    pub provider: Arc<dyn FundingProvider>,
    /// This deployment's name.
    pub audience: String,
    /// Whether messages to devices go anywhere.
    pub reaches_push: bool,
    /// Whether merchants' webhooks may be on private networks.
    pub private_webhooks: bool,
    /// Whether the log says why an envelope was refused.
    pub explains: bool,
}

/// An opened document, and what it was opened with.
pub struct Opened {
    /// What it says.
    pub document: PersonalDocument,
    /// Its version; a change names it.
    pub version: i64,
    data_key: SealKey,
}

fn seal_new(
    kek: &RootKey,
    entropy: &dyn Entropy,
    account_id: AccountId,
    document: &PersonalDocument,
) -> (Vec<u8>, Vec<u8>) {
    let key = Zeroizing::new(bytes32(entropy));
    let sealed = seal_document(entropy, account_id, &SealKey::new(*key), 1, document);
    let place = Aad::new("data-key", &account_id.0, KEK_VERSION, 1);
    (sealed, kek.seal(entropy, &place, key.as_slice()))
}

fn seal_document(
    entropy: &dyn Entropy,
    account_id: AccountId,
    key: &SealKey,
    version: i64,
    document: &PersonalDocument,
) -> Vec<u8> {
    let place = Aad::new("document", &account_id.0, 1, version);
    let bytes = Zeroizing::new(document.encode_to_vec());
    key.seal(entropy, &place, &bytes)
}

fn decoy(kek: &RootKey, entropy: &dyn Entropy) -> (Document, DataKey) {
    let account_id = AccountId([0; 16]);
    let secret = crate::crypto::totp::TotpSecret::generate(entropy);
    let (sealed, data_key) = seal_new(kek, entropy, account_id, &recovery::decoy(secret.bytes()));
    (
        Document { account_id, version: 1, sealed },
        DataKey { account_id, kek_version: KEK_VERSION, sealed: data_key },
    )
}

pub(super) fn open_failed<E>(_: E) -> Rejection {
    tracing::error!("a sealed value cannot be opened: the keys or the database were changed");
    Rejection::Internal
}

impl Tools {
    /// Over a store that is only read.
    pub fn new(keys: Keyring, given: Given, store: Arc<Store>) -> Self {
        let Given { clock, entropy, policy, provider, audience, reaches_push, private_webhooks, explains } =
            given;
        let passphrases = Hasher::new(*keys.pepper, 2);
        let decoy = decoy(&keys.kek, entropy.as_ref());
        Self {
            keys,
            clock,
            entropy,
            policy,
            passphrases,
            provider,
            audience,
            reaches_push,
            private_webhooks,
            explains,
            store,
            decoy,
        }
    }

    /// The hash of a new passphrase. `address` is one that its person gave in this very enrolment, never
    /// one of the account's that this caller might not know, for the answer would tell it.
    pub async fn new_passphrase(&self, text: &str, address: Option<&str>) -> Result<String, Rejection> {
        let text = Zeroizing::new(text.to_owned());
        let known = address.map(|address| Zeroizing::new(address.to_owned())).into_iter().collect();
        Ok(self.passphrases.accept(text, self.random_id(), known).await?)
    }

    /// Rows for the gate's own preparations.
    pub(super) async fn fetch(&self, query: Query) -> Result<Fetched, Rejection> {
        Ok(self.store.fetch(query).await?)
    }

    /// The document of nobody: opened where an account's would be, and as slowly.
    pub(super) fn open_decoy(&self) -> Result<Opened, Rejection> {
        self.open(&self.decoy.0, &self.decoy.1)
    }

    /// Seals something small to its place.
    pub fn seal(&self, kind: &'static str, id: &[u8; 16], bytes: &[u8]) -> Vec<u8> {
        self.keys.kek.seal(self.entropy.as_ref(), &Aad::new(kind, id, KEK_VERSION, 1), bytes)
    }

    /// Opens it.
    pub fn unseal(
        &self,
        kind: &'static str,
        id: &[u8; 16],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Rejection> {
        self.keys.kek.open(&Aad::new(kind, id, KEK_VERSION, 1), sealed).map_err(open_failed)
    }

    /// A new id, ordered by time as far as that helps a database; nothing trusts the order.
    pub fn new_id(&self) -> [u8; 16] {
        uuid_v7(self.entropy.as_ref(), self.clock.now_us())
    }

    /// An id without any order: nothing about it tells when it was made.
    pub fn random_id(&self) -> [u8; 16] {
        crate::env::entropy::bytes16(self.entropy.as_ref())
    }

    /// The document of an account; nothing when its key was destroyed.
    pub async fn open_document(&self, account_id: AccountId) -> Result<Option<Opened>, Rejection> {
        let query = Query {
            rows: vec![RowKey::Document(account_id), RowKey::DataKey(account_id)],
            ..Query::default()
        };
        let fetched = self.store.fetch(query).await?;
        match (fetched.get::<Document>(), fetched.get::<DataKey>()) {
            (Some(document), Some(data_key)) => self.open(document, data_key).map(Some),
            (_, _) => Ok(None),
        }
    }

    /// Opens rows that were read otherwise.
    pub fn open(&self, document: &Document, data_key: &DataKey) -> Result<Opened, Rejection> {
        let place = Aad::new("data-key", &document.account_id.0, data_key.kek_version, 1);
        let key = self.keys.kek.open(&place, &data_key.sealed).map_err(open_failed)?;
        let key = SealKey::new(key.as_slice().try_into().map_err(open_failed)?);
        let place = Aad::new("document", &document.account_id.0, 1, document.version);
        let bytes = key.open(&place, &document.sealed).map_err(open_failed)?;
        let opened = PersonalDocument::decode(bytes.as_slice()).map_err(open_failed)?;
        Ok(Opened { document: opened, version: document.version, data_key: key })
    }

    /// Seals the next version of an opened document.
    pub fn reseal(&self, account_id: AccountId, opened: &Opened) -> DocumentWrite {
        let entropy = self.entropy.as_ref();
        let sealed =
            seal_document(entropy, account_id, &opened.data_key, opened.version + 1, &opened.document);
        DocumentWrite { expected_version: opened.version, sealed }
    }

    /// Seals the first version of a document, with a data key of its own: (document, data key).
    pub fn seal_new(&self, account_id: AccountId, document: &PersonalDocument) -> (Vec<u8>, Vec<u8>) {
        seal_new(&self.keys.kek, self.entropy.as_ref(), account_id, document)
    }

    /// Seals the secret of a reply to its request. Of an RPC that says so alone: any other one does not
    /// compile, for its calls need no private part, and could be made again of the journal.
    pub fn seal_secret<O: Operation>(&self, call: &Admitted<O>, secret: &str) -> Vec<u8> {
        const { assert!(O::SECRET_REPLY, "an RPC that keeps a secret declares `SECRET_REPLY = true`") };
        let place = SecretReply::place(call.signed.request_id, call.signed.key_id);
        let place = Aad::new("secret-reply", &place, KEK_VERSION, 1);
        self.keys.kek.seal(self.entropy.as_ref(), &place, secret.as_bytes())
    }

    /// Opens the secret of a reply.
    pub fn open_secret(&self, row: &SecretReply) -> Result<Zeroizing<String>, Rejection> {
        let place = Aad::new("secret-reply", &SecretReply::place(row.request_id, row.key_id), KEK_VERSION, 1);
        let bytes = self.keys.kek.open(&place, &row.sealed).map_err(open_failed)?;
        let text = std::str::from_utf8(&bytes).map_err(open_failed)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Seals a message into an outbox row of its own.
    pub fn seal_letter(&self, letter: &Letter) -> MessageDraft {
        let message_id = MessageId(self.new_id());
        let place = Aad::new("message", &message_id.0, KEK_VERSION, 1);
        let bytes = Zeroizing::new(letter.encode_to_vec());
        MessageDraft { message_id, sealed: self.keys.kek.seal(self.entropy.as_ref(), &place, &bytes) }
    }

    /// Opens a message of the outbox.
    pub fn open_letter(&self, row: &Message) -> Result<Letter, Rejection> {
        let place = Aad::new("message", &row.message_id.0, KEK_VERSION, 1);
        let bytes = self.keys.kek.open(&place, &row.sealed).map_err(open_failed)?;
        Letter::decode(bytes.as_slice()).map_err(open_failed)
    }

    /// Seals the contact of an enrolment.
    pub fn seal_contact(&self, enrolment_id: EnrolmentId, channel: &str, address: &str) -> Vec<u8> {
        let place = Aad::new("enrolment-contact", &enrolment_id.0, KEK_VERSION, 1);
        let (channel, destination) = (channel.into(), address.into());
        let letter = Letter { channel, destination, text: String::new(), subject: String::new() };
        let bytes = Zeroizing::new(letter.encode_to_vec());
        self.keys.kek.seal(self.entropy.as_ref(), &place, &bytes)
    }

    /// Opens the contact of an enrolment: a letter without text.
    pub fn open_contact(&self, row: &Enrolment) -> Result<Letter, Rejection> {
        let place = Aad::new("enrolment-contact", &row.enrolment_id.0, KEK_VERSION, 1);
        let bytes = self.keys.kek.open(&place, &row.sealed_contact).map_err(open_failed)?;
        Letter::decode(bytes.as_slice()).map_err(open_failed)
    }

    /// Whether a request id has its final answer: then the decision will only repeat it.
    pub async fn is_finished(&self, signed: &Signed) -> Result<bool, Rejection> {
        let key = RowKey::Finished(signed.request_id, signed.key_id);
        Ok(self.store.fetch(Query::row(key)).await?.get::<Finished>().is_some())
    }

    /// What an operator proposed.
    pub async fn proposal(&self, proposal_id: ProposalId) -> Result<Option<Proposal>, Rejection> {
        let fetched = self.store.fetch(Query::row(RowKey::Proposal(proposal_id))).await?;
        Ok(fetched.get::<Proposal>().cloned())
    }

    /// An order as a code names it, and whose it is: the till of an order is the same for good.
    pub async fn payable(&self, store_id: StoreId, order_id: String) -> Result<PayableOrder, Rejection> {
        let fetched = self.store.fetch(Query::row(RowKey::Store(store_id))).await?;
        let merchant_id = fetched.get::<rows::Store>().ok_or(Rejection::NotFound)?.merchant_id;
        let key = RowKey::OrderSlot(merchant_id, order_id.clone());
        let fetched = self.store.fetch(Query::row(key)).await?;
        let terminal_id = fetched.get::<rows::OrderSlot>().map(|slot| slot.terminal_id);
        Ok(PayableOrder { merchant_id, order_id, terminal_id })
    }

    /// Names a customer to a merchant, and to no other: the same at every visit, and nothing that two
    /// merchants could compare.
    pub fn customer_reference(&self, merchant_id: MerchantId, account_id: AccountId) -> Vec<u8> {
        let tag = self.keys.code.tag(&[b"customer of a merchant", &merchant_id.0, &account_id.0]);
        tag[..16].to_vec()
    }

    /// Names a card, the same whoever links it: nobody who reads it learns what its provider knows it by.
    fn card_tag(&self, fingerprint: &str) -> CardTag {
        let provider = self.provider.number().to_be_bytes();
        CardTag(self.keys.code.tag(&[b"card of a provider", &provider, fingerprint.as_bytes()]))
    }

    /// By which token a card is charged, and which it is: its provider says. What it does not answer for is
    /// not linked.
    pub async fn inspect(
        &self,
        account_id: AccountId,
        known: Option<&str>,
        token: &str,
    ) -> Result<(String, CardTag), Rejection> {
        match self.provider.inspect(Owner { account_id, known }, token).await {
            Inspected::Card(card) => Ok((card.token, self.card_tag(&card.fingerprint))),
            Inspected::Refused => Err(Rejection::malformed("private.token", "a card of its owner's own")),
            Inspected::Silent => Err(Rejection::Unavailable),
        }
    }

    /// An enrolment under way.
    pub async fn enrolment(&self, enrolment_id: EnrolmentId) -> Result<Option<Enrolment>, Rejection> {
        let fetched = self.store.fetch(Query::row(RowKey::Enrolment(enrolment_id))).await?;
        Ok(fetched.get::<Enrolment>().cloned())
    }
}

//! What the sealed document of a merchant holds: where it is told of its payments, and what that is signed
//! with. A URL may hold a secret too, so neither is anywhere else.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use zeroize::{Zeroize, Zeroizing};

use super::rejection::Rejection;
use super::tools::{KEK_VERSION, Tools, open_failed};
use crate::crypto::seal::{Aad, SealKey};
use crate::domain::command::MerchantDocumentWrite;
use crate::domain::id::{MerchantId, WebhookEndpointId};
use crate::domain::rows::{MerchantDataKey, MerchantDocument, RowKey};
use crate::env::entropy::bytes32;
use crate::store::query::{Fetched, Query};

/// A merchant's document.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct MerchantPapers {
    /// Its webhooks.
    #[prost(message, repeated, tag = "1")]
    pub endpoints: Vec<WebhookAddress>,
}

/// Where a webhook is, and what it is signed with.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct WebhookAddress {
    /// Which endpoint.
    #[prost(bytes = "vec", tag = "1")]
    pub endpoint_id: Vec<u8>,
    /// Where it is.
    #[prost(string, tag = "2")]
    pub url: String,
    /// `whsec_` and base64, the newest first: two at most, of which the second signs until its row's
    /// `rotated_until`.
    #[prost(string, repeated, tag = "3")]
    pub secrets: Vec<String>,
}

impl Drop for WebhookAddress {
    fn drop(&mut self) {
        self.url.zeroize();
        self.secrets.zeroize();
    }
}

impl fmt::Debug for MerchantPapers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MerchantPapers(hidden)")
    }
}

impl fmt::Debug for WebhookAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookAddress(hidden)")
    }
}

impl MerchantPapers {
    /// An endpoint's.
    pub fn endpoint(&self, endpoint_id: WebhookEndpointId) -> Option<&WebhookAddress> {
        self.endpoints.iter().find(|one| one.endpoint_id == endpoint_id.0)
    }

    /// An endpoint's, to be changed.
    pub fn endpoint_mut(&mut self, endpoint_id: WebhookEndpointId) -> Option<&mut WebhookAddress> {
        self.endpoints.iter_mut().find(|one| one.endpoint_id == endpoint_id.0)
    }
}

/// A merchant's document, opened, and what it was opened with.
pub struct OpenedPapers {
    /// What it says; nothing where there is none yet.
    pub papers: MerchantPapers,
    version: i64,
    data_key: Option<SealKey>,
}

/// The rows that a document is opened from.
pub fn rows(merchant_id: MerchantId) -> Vec<RowKey> {
    vec![RowKey::MerchantDocument(merchant_id), RowKey::MerchantDataKey(merchant_id)]
}

impl Tools {
    /// The document of a merchant; an empty one where there is none yet.
    pub async fn open_papers(&self, merchant_id: MerchantId) -> Result<OpenedPapers, Rejection> {
        let query = Query { rows: rows(merchant_id), ..Query::default() };
        self.open_fetched_papers(&self.fetch(query).await?)
    }

    /// Opens rows that were read otherwise.
    pub fn open_fetched_papers(&self, fetched: &Fetched) -> Result<OpenedPapers, Rejection> {
        let rows = fetched.get::<MerchantDocument>().zip(fetched.get::<MerchantDataKey>());
        let Some((document, data_key)) = rows else {
            return Ok(OpenedPapers { papers: MerchantPapers::default(), version: 0, data_key: None });
        };
        let id = &document.merchant_id.0;
        let place = Aad::new("merchant-data-key", id, data_key.kek_version, 1);
        let key = self.keys.kek.open(&place, &data_key.sealed).map_err(open_failed)?;
        let key = SealKey::new(key.as_slice().try_into().map_err(open_failed)?);
        let place = Aad::new("merchant-document", id, 1, document.version);
        let bytes = key.open(&place, &document.sealed).map_err(open_failed)?;
        let papers = MerchantPapers::decode(bytes.as_slice()).map_err(open_failed)?;
        Ok(OpenedPapers { papers, version: document.version, data_key: Some(key) })
    }

    /// Seals the next version of an opened document; the first one under a new data key of its own.
    pub fn reseal_papers(&self, merchant_id: MerchantId, opened: &OpenedPapers) -> MerchantDocumentWrite {
        let entropy = self.entropy.as_ref();
        let place = Aad::new("merchant-document", &merchant_id.0, 1, opened.version + 1);
        let bytes = Zeroizing::new(opened.papers.encode_to_vec());
        let (sealed, data_key) = if let Some(key) = &opened.data_key {
            (key.seal(entropy, &place, &bytes), None)
        } else {
            let key = Zeroizing::new(bytes32(entropy));
            let key_place = Aad::new("merchant-data-key", &merchant_id.0, KEK_VERSION, 1);
            let sealed_key = self.keys.kek.seal(entropy, &key_place, key.as_slice());
            (SealKey::new(*key).seal(entropy, &place, &bytes), Some((KEK_VERSION, sealed_key)))
        };
        MerchantDocumentWrite { expected_version: opened.version, sealed, data_key }
    }

    /// A new secret of a webhook, as Standard Webhooks writes it.
    pub fn webhook_secret(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(bytes32(self.entropy.as_ref()));
        Zeroizing::new(format!("whsec_{}", STANDARD.encode(bytes.as_slice())))
    }
}

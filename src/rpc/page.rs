//! Pages of a merchant's or an operator's lists. A page's end is a token of whoever asked and of what was
//! asked: at another one's, or beside another question, it is none.

use prost::Message;

use super::convert::{page_place, page_size, page_token};
use crate::crypto::hash::{MacKey, sha256};
use crate::domain::id::{MerchantId, OperatorId};
use crate::gate::rejection::Rejection;

/// A list, as one merchant or operator asked for it.
pub struct Page<'a> {
    key: &'a MacKey,
    list: &'static str,
    owner: [u8; 16],
}

impl<'a> Page<'a> {
    /// Of this merchant, to this question: the request without page size and token.
    pub fn of(key: &'a MacKey, list: &'static str, merchant_id: MerchantId, question: &impl Message) -> Self {
        Self::of_owner(key, list, merchant_id.0, question)
    }

    /// The same of this operator.
    pub fn of_operator(
        key: &'a MacKey,
        list: &'static str,
        operator_id: OperatorId,
        question: &impl Message,
    ) -> Self {
        Self::of_owner(key, list, operator_id.0, question)
    }

    fn of_owner(key: &'a MacKey, list: &'static str, asker: [u8; 16], question: &impl Message) -> Self {
        let asked = sha256(&[&asker, &question.encode_to_vec()]);
        let mut owner = [0; 16];
        owner.copy_from_slice(&asked[..16]);
        Self { key, list, owner }
    }

    /// The place in a token; nothing for an empty one.
    pub fn place<const N: usize>(&self, token: &[u8]) -> Result<Option<[u8; N]>, Rejection> {
        page_place(self.key, self.list, &self.owner, token)
    }

    /// As many rows as were asked for, of those and one more, and the token of the next page.
    pub fn cut<'r, R>(
        &self,
        rows: &'r [R],
        asked: u32,
        place: impl FnOnce(&R) -> Vec<u8>,
    ) -> Result<(&'r [R], Vec<u8>), Rejection> {
        let size = usize::try_from(page_size(asked)?).unwrap_or(0);
        let page = rows.get(..size).unwrap_or(rows);
        let token = match page.last() {
            Some(last) if rows.len() > size => page_token(self.key, self.list, &self.owner, &place(last)),
            Some(_) | None => Vec::new(),
        };
        Ok((page, token))
    }
}

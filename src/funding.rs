//! Where money comes from: a provider that charges a linked source. Tokens only; a card number
//! never reaches us.
//!
//! A charge is opened, which moves nothing, and confirmed under the name that the provider gave it. Whoever
//! stores that name in between can lose any answer: what was opened twice is confirmed once, and what was
//! confirmed twice is one charge.

pub mod none;
pub mod sandbox;
pub mod stripe;

use std::ops::Range;

use prost::Message;
use zeroize::{Zeroize as _, Zeroizing};

use crate::domain::id::{AccountId, TopUpId};
use crate::domain::money::Amount;
use crate::domain::reconciliation::Theirs;
use crate::domain::time::Timestamp;
use crate::store::Later;

/// Whose source is to be linked.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// His account; the provider knows him by nothing else.
    pub account_id: AccountId,
    /// The token of another source of his, if there is one.
    pub known: Option<&'a str>,
}

/// A card, as its provider knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// The same for the same card, whatever token names it.
    pub fingerprint: Zeroizing<String>,
    /// The token by which it is charged from now on.
    pub token: String,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Card(hidden)")
    }
}

/// What a provider says of a token that is to be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// A card, which is this owner's and nobody else's at the provider.
    Card(Card),
    /// No card, or another's.
    Refused,
    /// No answer, or none that can be read.
    Silent,
}

/// What is to be charged.
#[derive(Clone, Copy)]
pub struct Charge<'a> {
    /// The idempotency key.
    pub top_up_id: TopUpId,
    /// The provider's token of the source.
    pub token: &'a str,
    /// How much.
    pub amount: Amount,
    /// When it was asked for: no charge for it is older.
    pub requested_at: Timestamp,
    /// It may have been opened before, and its name been lost.
    pub asked_before: bool,
    /// Its owner must do 3-D Secure for it.
    pub wants_challenge: bool,
}

/// What came of opening a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The provider's name for it. Nothing is charged.
    Named(String),
    /// It will never be.
    Refused,
    /// No answer, or none that can be read.
    Silent,
}

/// What a provider says of a charge that it has a name for.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Not confirmed yet: nothing is charged.
    Unconfirmed,
    /// The owner of the source has to do something first.
    RequiresAction(ClientAction),
    /// It is being charged.
    Processing,
    /// No answer, or none that can be read.
    Silent,
    /// The money is ours.
    Succeeded {
        /// Its owner did 3-D Secure for it.
        challenged: bool,
    },
    /// It is not, and never will be: nobody can confirm it any more.
    Failed,
    /// It was ours, and all of it was given back.
    Refunded,
    /// It was ours, and the payer's bank took it back.
    ChargedBack,
}

/// What the owner of a source has to do, for his device alone.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ClientAction {
    /// What kind of thing `value` is, in the provider's words.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// What the device needs for it: a secret, or an address.
    #[prost(string, tag = "2")]
    pub value: String,
}

impl std::fmt::Debug for ClientAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientAction(hidden)")
    }
}

impl Drop for ClientAction {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

/// A charge, as its provider lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The provider's name for it.
    pub reference: String,
    /// The top-up that it says it is for.
    pub top_up_id: Option<TopUpId>,
    /// What the provider says of it.
    pub theirs: Theirs,
}

/// A page of a provider's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Some charges, and behind which one the list goes on.
    Charges {
        /// In the provider's order.
        charges: Vec<Listed>,
        /// The name of the last of them; nothing when that was all.
        after: Option<String>,
    },
    /// No answer, or none that can be read.
    Silent,
    /// This provider keeps no list: there is nothing to compare.
    NoList,
}

/// What a provider says when it is asked for a charge by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there.
    Charge(Listed),
    /// It knows no such charge.
    Absent,
    /// No answer, or none that can be read.
    Silent,
}

/// Charges linked sources.
pub trait FundingProvider: Send + Sync {
    /// Which provider it is, in the rows of its sources.
    fn number(&self) -> i64;
    /// Whether this provider made such a token.
    fn accepts(&self, token: &str) -> bool;
    /// Which card a token names, and sees to it that it is this owner's. Nothing is charged.
    fn inspect<'a>(&'a self, owner: Owner<'a>, token: &'a str) -> Later<'a, Inspected>;
    /// Makes a charge known and charges nothing; finds it where that was done before.
    fn open<'a>(&'a self, charge: Charge<'a>) -> Later<'a, Opened>;
    /// Charges what was opened. Asked twice, it charges once.
    fn confirm<'a>(&'a self, reference: &'a str) -> Later<'a, Reply>;
    /// How it stands.
    fn query<'a>(&'a self, reference: &'a str) -> Later<'a, Reply>;
    /// Leaves off, unless it is too late for that; how it stands then.
    fn cancel<'a>(&'a self, reference: &'a str) -> Later<'a, Reply>;
    /// Gives all of it back, once; how it stands then.
    fn refund<'a>(&'a self, top_up_id: TopUpId, reference: &'a str) -> Later<'a, Reply>;
    /// Its charges that were made in this time, ours or not, behind the one of this name.
    fn list<'a>(&'a self, made: Range<Timestamp>, after: Option<&'a str>) -> Later<'a, Page>;
    /// The charge of this name, as the list would have it now.
    fn find<'a>(&'a self, reference: &'a str) -> Later<'a, Found>;
}

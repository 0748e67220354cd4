//! What an RPC demands, in one place and without defaults: an RPC that says nothing about its
//! caller, its effect, its cost or its second factor does not compile.

use prost::Message;

use super::action::Action;
use super::admitted::Admitted;
use super::limit::Stranger;
use super::rejection::Rejection;
use super::tools::Tools;
use crate::domain::command::CandidateAction;
use crate::store::query::Query;
use crate::wire::schema;

/// Which kind of principal may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// A key that is not enrolled, and proves its possession.
    Candidate,
    /// A customer's device.
    Device,
    /// A till.
    Terminal,
    /// A merchant's server.
    Merchant,
    /// An operator, on the operators' own listener.
    Operator,
}

/// Whether a call changes something: decides what its request id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request id is a nonce.
    Reads,
    /// The request id is the idempotency key.
    Changes,
}

/// Whether a code may be in the call. Whether one must be, is decided with the rows at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// A code has no place here; one that is sent is malformed, and not spent.
    Refused,
    /// A code of the authenticator may be here, and is spent when it is.
    Totp,
    /// A code of the authenticator that is to replace the present one may be here, and is spent when it is.
    NewTotp,
    /// The code that was sent to a contact must be here, and is spent.
    Contact,
    /// What a recovery proves must be here, and is spent.
    Recovery,
}

macro_rules! costs {
    ($($(#[$words:meta])* $name:ident,)+) => {
        /// What kind of work a call is: which rate limits it counts against.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Cost {
            $($(#[$words])* $name,)+
        }

        impl Cost {
            /// All of them.
            pub const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$name),+];
        }
    };
}

costs! {
    /// Anonymous, sends messages, hashes passphrases.
    Enrolment,
    /// Of a new phone's that wants an account: anonymous, compares factors, hashes passphrases.
    Recovery,
    /// Reads.
    Reading,
    /// Money in.
    MoneyIn,
    /// Money out.
    MoneyOut,
    /// Factors and devices.
    Security,
    /// Stopping all outflow. Apart, so that nothing else that goes on uses it up.
    Stop,
    /// A till's.
    Till,
    /// A merchant's server's.
    Merchant,
    /// An operator's.
    Operator,
    /// The sandbox's own.
    Sandbox,
}

/// One RPC's policy.
pub trait Operation: Send + Sync + Sized + 'static {
    /// The message in `Call.body`.
    type Body: Message + Default + Send + Sync;
    /// The message in `Private.body`; `()` when it must be empty.
    type Private: Message + Default + Send + Sync;
    /// The full gRPC method, which is what the caller signs.
    const METHOD: &'static str;
    /// Who may call.
    const CALLER: CallerKind;
    /// Whether it changes something.
    const EFFECT: Effect;
    /// Which rate limits it counts against.
    const COST: Cost;
    /// Whether a code may be in the call.
    const CODES: Codes;
    /// Whether its reply carries a secret. Then a call must have a private part: the journal keeps its
    /// payload and its signature, and whoever reads them could otherwise ask for the secret again.
    const SECRET_REPLY: bool;
}

/// A change by an enrolled key: how its call becomes an action. Whose key, the action's type says.
pub trait Change: Operation {
    /// What its kind of caller may ask for.
    type Action: Action;
    /// Does what needs secrets, hashing or randomness, and acts on none of it.
    fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
    ) -> impl Future<Output = Result<Self::Action, Rejection>> + Send;
}

/// A change by a candidate: how its call becomes an action.
pub trait CandidateChange: Operation {
    /// Does what needs secrets, hashing or randomness, and acts on none of it.
    fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        stranger: &Stranger<'_>,
    ) -> impl Future<Output = Result<CandidateAction, Rejection>> + Send;
}

/// A read by a candidate: what it asks the store.
pub trait CandidateRead: Operation {
    /// The rows it wants; the gate adds whether it is one.
    fn query(call: &Admitted<Self>) -> Result<Query, Rejection>;
}

/// A read by an enrolled key: what it asks the store.
pub trait Read: Operation {
    /// The rows it wants; the gate adds who reads.
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection>;
}

/// A call of the sandbox's service.
pub trait SandboxCall: Operation {}

/// An operation's policy as a value, for tests and documentation to enumerate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The full gRPC method.
    pub method: &'static str,
    /// Who may call.
    pub caller: CallerKind,
    /// Whether it changes something.
    pub effect: Effect,
    /// Which rate limits it counts against.
    pub cost: Cost,
    /// Whether a code may be in the call.
    pub codes: Codes,
    /// Whether its reply carries a secret.
    pub secret_reply: bool,
    /// The message in `Call.body`.
    pub body: &'static str,
    /// The message in `Private.body`; nothing when it must be empty.
    pub private: &'static str,
}

impl Declared {
    /// Of an operation.
    pub fn of<O: Operation>() -> Self {
        Self {
            method: O::METHOD,
            caller: O::CALLER,
            effect: O::EFFECT,
            cost: O::COST,
            codes: O::CODES,
            secret_reply: O::SECRET_REPLY,
            body: schema::name_of::<O::Body>(),
            private: schema::name_of::<O::Private>(),
        }
    }
}

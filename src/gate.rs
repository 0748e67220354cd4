//! The one way in. A service owns a gate and nothing else; the gate owns the store. What an RPC
//! demands is its `Operation`, and the steps below are the same for all of them:
//!
//! peer limit → envelope → own limit → replay of reads → prepare → decide and commit → reply.
//!
//! Cheap and anonymous checks come first, and nothing is counted against what an owner's devices
//! can do before a key of his has signed.

pub mod action;
pub mod admitted;
pub mod crowd;
pub mod document;
pub mod explain;
pub mod hub;
pub mod keys;
pub mod limit;
pub mod merchant_document;
pub mod message;
pub mod operation;
pub mod places;
pub mod recovery;
pub mod rejection;
pub mod replay;
pub mod second_factor;
pub mod settled;
pub mod signature;
pub mod system;
pub mod tools;
pub mod watch;

use std::net::IpAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::domain::command::{CandidateCall, Chore, Command, Order};
use crate::domain::decide::{Stale, Traceless};
use crate::domain::id::{CommandId, KeyId, RequestId, hex};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::rows::{RowKey, SecretReply, SigningKey};
use crate::domain::time::Timestamp;
use crate::pb;
use crate::store::query::{Fetched, Query, Standing};
use crate::store::{Answer, Committed, Store, StoreError};
use action::Action as _;
use admitted::{Admitted, Caller};
use operation::{CandidateChange, CandidateRead, Change, Codes, Effect, Operation, Read, SandboxCall};
use rejection::Rejection;
use signature::Expected;
use tools::Tools;

/// As often a call is prepared anew because something moved meanwhile.
const PREPARATIONS: usize = 3;

/// What a gate is made of.
pub struct Parts {
    /// The only owner of the store besides the writer itself.
    pub store: Arc<Store>,
    /// Keys, clock, entropy, policy.
    pub tools: Arc<Tools>,
    /// Who may come how often.
    pub limits: limit::Limits,
    /// What is known of a database that was put back.
    pub restoration: settled::Restoration,
}

/// The pipeline.
pub struct Gate {
    store: Arc<Store>,
    tools: Arc<Tools>,
    limits: limit::Limits,
    keys: keys::KeyCache,
    marks: replay::ReadMarks,
    settled: settled::Settled,
    hub: Arc<hub::Hub>,
    places: places::Places,
}

/// A final outcome that is no refusal, and the secret of its reply.
pub struct Done {
    /// What was stored.
    pub outcome: Outcome,
    /// The secret, or nothing when it can no longer be had.
    pub secret: Option<Zeroizing<String>>,
}

impl Gate {
    /// A gate over its parts.
    pub fn new(parts: Parts) -> Self {
        let since = Timestamp(parts.tools.clock.now_us());
        Self {
            settled: settled::Settled::after(parts.restoration.at, &parts.tools.policy),
            keys: keys::KeyCache::new(Arc::clone(&parts.store), parts.restoration.revoked),
            marks: replay::ReadMarks::new(since, parts.limits.shared_marks()),
            store: parts.store,
            tools: parts.tools,
            limits: parts.limits,
            hub: Arc::default(),
            places: places::Places::default(),
        }
    }

    /// When an older database was taken as it is, if one was: what was said of it before is given up.
    pub fn restored_at(&self) -> Option<Timestamp> {
        self.settled.restored_at()
    }

    /// Who waits for news.
    pub fn hub(&self) -> &Arc<hub::Hub> {
        &self.hub
    }

    /// A change by an enrolled key.
    pub async fn change<O: Change>(&self, envelope: &pb::Envelope, peer: IpAddr) -> Result<Done, Rejection> {
        self.change_of::<O>(envelope, peer).await.map(|(_, done)| done)
    }

    /// The same, and the call: where the reply tells of what was signed.
    pub async fn change_of<O: Change>(
        &self,
        envelope: &pb::Envelope,
        peer: IpAddr,
    ) -> Result<(Admitted<O>, Done), Rejection> {
        self.limits.peer(O::COST, peer, self.now()).await?;
        self.settled.lets::<O>(self.now())?;
        for attempt in 0..PREPARATIONS {
            let call = self.enrolled::<O>(envelope).await?;
            if attempt == 0 {
                self.limits.own(O::COST, &call.caller, peer, self.now()).await?;
                self.seen(&call.caller, peer).await?;
            }
            let proof = second_factor::compare(&call, &self.tools).await?;
            let action = O::prepare(&call, &self.tools).await?;
            match self.execute(action.order(&call, proof)?).await? {
                Answer::Stale(Stale::Key) => self.keys.forget(call.signed.key_id),
                Answer::Stale(Stale::Document) => {}
                answer @ (Answer::Final(_) | Answer::Open(_) | Answer::Kept | Answer::Nothing(_)) => {
                    let done = self.done::<O>(answer, &call).await?;
                    return Ok((call, done));
                }
            }
        }
        Err(Rejection::Unavailable)
    }

    /// A change by a key that is not enrolled.
    pub async fn candidate<O: CandidateChange>(
        &self,
        envelope: &pb::Envelope,
        peer: IpAddr,
    ) -> Result<Done, Rejection> {
        self.limits.peer(O::COST, peer, self.now()).await?;
        self.settled.lets::<O>(self.now())?;
        let call = self.anonymous::<O>(envelope)?;
        let key_id = call.signed.key_id;
        self.limits.own(O::COST, &call.caller, peer, self.now()).await?;
        self.limits.anonymous(key_id, call.stamp_bits, self.now()).await?;
        for _attempt in 0..PREPARATIONS {
            let stranger = limit::Stranger::new(&self.limits, peer, call.stamp_bits);
            let action = O::prepare(&call, &self.tools, &stranger).await?;
            let (point, form) = call.candidate_key()?;
            let candidate = CandidateCall { signed: call.signed.clone(), point, form };
            match self.execute(Order::Candidate(candidate, action)).await? {
                Answer::Stale(_) => {}
                answer @ (Answer::Final(_) | Answer::Open(_) | Answer::Kept | Answer::Nothing(_)) => {
                    let done = self.done::<O>(answer, &call).await?;
                    if matches!(O::CODES, Codes::Contact | Codes::Recovery) {
                        self.limits.proved_by(key_id, self.now());
                    }
                    return Ok(done);
                }
            }
        }
        Err(Rejection::Unavailable)
    }

    /// A read by a key that is not enrolled: what it may see is its own by the key alone.
    pub async fn candidate_read<O: CandidateRead>(
        &self,
        envelope: &pb::Envelope,
        peer: IpAddr,
    ) -> Result<(Admitted<O>, Fetched), Rejection> {
        self.limits.peer(O::COST, peer, self.now()).await?;
        let call = self.anonymous::<O>(envelope)?;
        self.limits.own(O::COST, &call.caller, peer, self.now()).await?;
        self.claim::<O>(&call).await?;
        let mut query = O::query(&call)?;
        query.rows.push(RowKey::SigningKey(call.signed.key_id));
        let fetched = self.store.fetch(query).await?;
        // Enrolled by now, or once: it is no candidate any more.
        if fetched.get::<SigningKey>().is_some() {
            return Err(Rejection::PermissionDenied);
        }
        Ok((call, fetched))
    }

    /// A read by an enrolled key: key, owner and epoch are checked in the same snapshot.
    pub async fn read<O: Read>(
        &self,
        envelope: &pb::Envelope,
        peer: IpAddr,
    ) -> Result<(Admitted<O>, Fetched), Rejection> {
        self.limits.peer(O::COST, peer, self.now()).await?;
        let call = self.enrolled::<O>(envelope).await?;
        self.limits.own(O::COST, &call.caller, peer, self.now()).await?;
        self.claim::<O>(&call).await?;
        self.seen(&call.caller, peer).await?;
        let query = O::query(&call, &self.tools)?;
        let query = Query { caller: Some(call.reader()?), ..query };
        let fetched = self.store.fetch(query).await?;
        if fetched.caller == Standing::Unknown {
            self.keys.forget(call.signed.key_id);
        }
        Ok((call, self.admit(fetched)?))
    }

    /// A call of the sandbox's service: a candidate's envelope, from a loopback address only.
    pub async fn sandbox<O: SandboxCall>(
        &self,
        envelope: &pb::Envelope,
        peer: IpAddr,
    ) -> Result<Admitted<O>, Rejection> {
        if !peer.is_loopback() {
            return Err(Rejection::PermissionDenied);
        }
        self.limits.peer(O::COST, peer, self.now()).await?;
        let call = self.anonymous::<O>(envelope)?;
        let known = self.store.fetch(Query::row(RowKey::SigningKey(call.signed.key_id))).await?;
        if known.get::<SigningKey>().is_some() {
            return Err(Rejection::PermissionDenied);
        }
        self.claim::<O>(&call).await?;
        Ok(call)
    }

    /// What sandbox and tasks need besides the store.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The system's own reads.
    pub async fn fetch(&self, query: Query) -> Result<Fetched, StoreError> {
        self.store.fetch(query).await
    }

    /// Hears of every commit of this process from now on.
    pub fn tail(&self) -> tokio::sync::broadcast::Receiver<Arc<[Committed]>> {
        self.store.tail()
    }

    /// What was read, for whoever may read it.
    fn admit(&self, fetched: Fetched) -> Result<Fetched, Rejection> {
        match fetched.caller {
            Standing::Good => Ok(fetched),
            Standing::Unknown => Err(Rejection::Unauthenticated),
            Standing::Barred => {
                let refusal = Refusal::Barred;
                Err(Rejection::Refused { refusal, retry_at: Timestamp(0), now: self.now() })
            }
        }
    }

    /// A read is answered once.
    async fn claim<O: Operation>(&self, call: &Admitted<O>) -> Result<(), Rejection> {
        match self.marks.claim(&call.signed, call.issued_at, self.now()).await {
            Err(Rejection::Unauthenticated) => Err(explain::unauthenticated(&self.tools, O::METHOD, || {
                "this key was answered under this request id before: a read is answered once".to_owned()
            })),
            claimed => claimed,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.tools.clock.now_us())
    }

    /// An envelope by an enrolled key.
    async fn enrolled<O: Operation>(&self, envelope: &pb::Envelope) -> Result<Admitted<O>, Rejection> {
        let expected = Expected { audience: &self.tools.audience, now: self.now() };
        signature::by_enrolled::<O>(envelope, &expected, &self.keys, &self.tools).await
    }

    /// An envelope by a key that is not enrolled.
    fn anonymous<O: Operation>(&self, envelope: &pb::Envelope) -> Result<Admitted<O>, Rejection> {
        let expected = Expected { audience: &self.tools.audience, now: self.now() };
        signature::by_candidate::<O>(envelope, &expected, &self.tools)
    }

    /// A till's key that is used at two places raises an alarm, which its merchant sees.
    async fn seen(&self, caller: &Caller, peer: IpAddr) -> Result<(), StoreError> {
        if let Caller::Terminal { terminal_id, .. } = caller
            && self.places.seen(*terminal_id, peer, self.now())
        {
            tracing::warn!(till = %hex(&terminal_id.0), "a till's key is used at two places at once");
            self.execute(Order::Chore(Chore::AlarmTerminal(*terminal_id))).await?;
        }
        Ok(())
    }

    async fn execute(&self, order: Order) -> Result<Answer, StoreError> {
        let id = CommandId(self.tools.new_id());
        self.store.execute(Command { id, order }).await
    }

    async fn done<O: Operation>(&self, answer: Answer, call: &Admitted<O>) -> Result<Done, Rejection> {
        debug_assert!(O::EFFECT == Effect::Changes);
        match answer {
            Answer::Final(Outcome::Refused { refusal, retry_at }) => {
                Err(Rejection::Refused { refusal, retry_at, now: self.now() })
            }
            Answer::Final(outcome) => {
                let (key_id, request_id) = (call.signed.key_id, call.signed.request_id);
                let secret = if O::SECRET_REPLY { self.secret(key_id, request_id).await? } else { None };
                Ok(Done { outcome, secret })
            }
            Answer::Open(answer) => {
                let rejection = Rejection::Open { answer, now: self.now() };
                explain::told(&self.tools, O::METHOD, &rejection);
                Err(rejection)
            }
            Answer::Nothing(Traceless::RequestIdReused) => Err(Rejection::RequestIdReused),
            Answer::Nothing(Traceless::NotACandidate) => match &call.caller {
                // What is told is the same for every enrolled key, revoked or not.
                Caller::Candidate(_) => Err(Rejection::PermissionDenied),
                Caller::Device { .. }
                | Caller::Terminal { .. }
                | Caller::Merchant { .. }
                | Caller::Operator { .. } => Err(Rejection::Internal),
            },
            Answer::Nothing(Traceless::NothingToDo) | Answer::Kept => Err(Rejection::Internal),
            Answer::Stale(_) => Err(Rejection::Unavailable),
        }
    }

    /// The secret of a reply is read after the commit, and read again by every repetition: so a
    /// repetition can only ever be given what was committed.
    async fn secret(
        &self,
        key_id: KeyId,
        request_id: RequestId,
    ) -> Result<Option<Zeroizing<String>>, Rejection> {
        let fetched = self.store.fetch(Query::row(RowKey::SecretReply(request_id, key_id))).await?;
        let now = self.now();
        match fetched.get::<SecretReply>().filter(|secret| now < secret.expires_at) {
            Some(secret) => self.tools.open_secret(secret).map(Some),
            None => Ok(None),
        }
    }

    /// A row for the reply of a change just made.
    pub async fn row_of<R: crate::domain::record::Record>(
        &self,
        key: R::Key,
    ) -> Result<Option<R>, Rejection> {
        let fetched = self.store.fetch(Query::row(R::row_key(key))).await?;
        Ok(fetched.get::<R>().cloned())
    }
}

impl SecretReply {
    /// What its ciphertext is bound to.
    pub(crate) fn place(request_id: RequestId, key_id: KeyId) -> Vec<u8> {
        [&request_id.0[..], &key_id.0[..]].concat()
    }
}

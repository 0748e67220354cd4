//! The till's line to its server: one call, one attempt, within its time; and what came back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;

use super::error::TillError;
use super::fault::{Fault, Mode, Relay, Role};
use super::next::Learned;
use super::order::{Call, Payment, RequestId};
use crate::client::clock::FollowingClock;
use crate::client::{Refused, Staff, connect, method};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::entropy::SystemEntropy;
use crate::env::{Clock as _, uuid_v7};
use crate::pb;

/// The one currency so far.
const CURRENCY: &str = "JPY";

/// What an attempt came to.
#[derive(Debug)]
pub enum Heard<Reply> {
    /// Its reply.
    Reply(Reply),
    /// The server says why it was not done.
    Refused(pb::Reason, Refused),
    /// Nothing of saifu's, in words for people.
    Silence(String),
}

/// Whom the line goes to, and who speaks.
pub struct Ends {
    /// The server.
    pub server: SocketAddr,
    /// Whose certificate is trusted.
    pub authority: Vec<u8>,
    /// The deployment's name.
    pub audience: String,
    /// The till's key.
    pub key: DeviceKey,
}

/// The line.
pub struct Line {
    ends: Ends,
    timeout: Duration,
    clock: Arc<FollowingClock>,
    staff: Option<Staff>,
    faulty: Option<(Fault, Relay)>,
    /// Whether the fault is on: it is for the command's call alone.
    pub is_armed: bool,
}

impl Line {
    /// A line whose attempts may take so long.
    pub fn new(ends: Ends, timeout: Duration) -> Self {
        Self { ends, timeout, clock: Arc::default(), staff: None, faulty: None, is_armed: false }
    }

    /// Leads it over a relay that makes this fault, once it is armed.
    pub async fn with_fault(mut self, fault: Fault) -> Result<Self, TillError> {
        if !self.ends.server.ip().is_loopback() {
            return Err(TillError::NotLoopback(self.ends.server));
        }
        let relay = Relay::start(self.ends.server).await.map_err(TillError::FaultLine)?;
        self.faulty = Some((fault, relay));
        Ok(self)
    }

    /// A request id that was never used.
    pub fn new_request_id(&self) -> RequestId {
        RequestId(uuid_v7(&SystemEntropy::new(), self.clock.now_us()))
    }

    /// What time it is, as the server has it.
    pub fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// Enrols the key.
    pub async fn activate(&mut self, code: &str, id: RequestId) -> Heard<pb::PosActivateReply> {
        let private = pb::PosActivatePrivate { activation_code: code.to_owned() };
        self.exchange(|staff| {
            let draft = staff.draft(method::POS_ACTIVATE, &pb::PosActivateRequest {}).private(&private);
            draft.request_id(id.0).as_candidate()
        })
        .await
    }

    /// Sends a call once. `attempt` counts from 1.
    pub async fn send(
        &mut self,
        order_id: &str,
        (call, id): (&Call, RequestId),
        code: Option<&str>,
        (role, attempt): (Role, u32),
    ) -> (Learned, String) {
        let order_id = order_id.to_owned();
        self.prepare(&order_id, role, attempt).await;
        let heard = match call.clone() {
            Call::Charge { amount_minor, receipt_line, ask } => {
                let (currency, external_reference) = (CURRENCY.to_owned(), String::new());
                let body = pb::ChargeRequest {
                    order_id,
                    amount_minor,
                    currency,
                    receipt_line,
                    external_reference,
                    ask,
                };
                learned::<pb::ChargeReply>(self.paying(method::CHARGE, &body, id, code).await)
            }
            Call::Authorize { amount_minor, receipt_line, hold_seconds, ask } => {
                let (currency, external_reference) = (CURRENCY.to_owned(), String::new());
                let body = pb::AuthorizeRequest {
                    order_id,
                    amount_minor,
                    currency,
                    receipt_line,
                    external_reference,
                    hold_seconds,
                    ask,
                };
                learned::<pb::AuthorizeReply>(self.paying(method::AUTHORIZE, &body, id, code).await)
            }
            Call::Capture { amount_minor, more_follows } => {
                let body = pb::CaptureRequest { order_id, amount_minor, more_follows };
                learned::<pb::PaymentStepReply>(self.change(method::CAPTURE, &body, id).await)
            }
            Call::Void => learned::<pb::PaymentStepReply>(
                self.change(method::VOID, &pb::VoidRequest { order_id }, id).await,
            ),
            Call::Refund { amount_minor } => {
                let body = pb::RefundRequest { order_id, amount_minor };
                learned::<pb::PaymentStepReply>(self.change(method::REFUND, &body, id).await)
            }
            Call::Reverse => {
                let body = pb::ReverseRequest { order_id };
                undone(self.change(method::REVERSE, &body, id).await)
            }
        };
        self.pass();
        heard
    }

    /// Asks what became of an order, once.
    pub async fn ask(&mut self, order_id: &str) -> (Learned, String) {
        if let Some((fault, relay)) = self.faulty.as_ref().filter(|_| self.is_armed) {
            relay.set(fault.mode(Role::After, 1));
        }
        let heard = self.get_payment(order_id).await;
        self.pass();
        match heard {
            Heard::Reply(reply) => (Learned::Order(reply.into()), String::new()),
            Heard::Refused(pb::Reason::NotFound, refused) => (Learned::NoOrder, refused.message().to_owned()),
            Heard::Refused(_, refused) => (Learned::Unasked, refused.message().to_owned()),
            Heard::Silence(why) => (Learned::Unasked, why),
        }
    }

    async fn get_payment(&mut self, order_id: &str) -> Heard<pb::PosGetPaymentReply> {
        let body = pb::PosGetPaymentRequest { order_id: order_id.to_owned() };
        self.exchange(|staff| staff.draft(method::POS_GET_PAYMENT, &body)).await
    }

    async fn paying<Reply: Message + Default + 'static>(
        &mut self,
        method: &'static str,
        body: &impl Message,
        id: RequestId,
        code: Option<&str>,
    ) -> Heard<Reply> {
        let private = pb::ChargePrivate { payment_code: code.unwrap_or_default().to_owned() };
        self.exchange(|staff| staff.draft(method, body).private(&private).request_id(id.0)).await
    }

    async fn change<Reply: Message + Default + 'static>(
        &mut self,
        method: &'static str,
        body: &impl Message,
        id: RequestId,
    ) -> Heard<Reply> {
        self.exchange(|staff| staff.draft(method, body).request_id(id.0)).await
    }

    /// One attempt: and once more, when all that was wrong with the first was the time it was signed for.
    async fn exchange<Reply: Message + Default + 'static>(
        &mut self,
        draft: impl Fn(&Staff) -> crate::client::Draft,
    ) -> Heard<Reply> {
        let heard = self.attempt(&draft).await;
        let Heard::Refused(pb::Reason::ClockSkew, refused) = &heard else { return heard };
        let Some(server_us) = refused.metadata("server_time").and_then(|text| text.parse().ok()) else {
            return heard;
        };
        self.clock.follow(server_us);
        self.attempt(&draft).await
    }

    async fn attempt<Reply: Message + Default + 'static>(
        &mut self,
        draft: impl Fn(&Staff) -> crate::client::Draft,
    ) -> Heard<Reply> {
        let sent = tokio::time::timeout(self.timeout, async {
            let staff = self.connected().await?;
            Ok(staff.send::<Reply>(draft(staff)).await)
        });
        let heard = match sent.await {
            Ok(Ok(Ok(reply))) => Heard::Reply(reply),
            Ok(Ok(Err(refused))) => match refused.reason() {
                // The server says itself that it does not know.
                Some(pb::Reason::Unavailable | pb::Reason::Internal) | None => {
                    Heard::Silence(refused.message().to_owned())
                }
                Some(reason) => Heard::Refused(reason, refused),
            },
            Ok(Err(unreachable)) => Heard::Silence(unreachable),
            Err(_elapsed) => Heard::Silence(format!("no answer within {} ms", self.timeout.as_millis())),
        };
        if matches!(heard, Heard::Silence(_)) {
            // Whatever is left of the connection may be what lost the answer.
            self.staff = None;
        }
        heard
    }

    async fn connected(&mut self) -> Result<&Staff, String> {
        if self.staff.is_none() {
            let Ends { server, authority, audience, key } = &self.ends;
            let address = self.faulty.as_ref().map_or(*server, |(_, relay)| relay.address);
            let channel = connect(address, authority).await.map_err(|error| error.to_string())?;
            let key = DeviceKey::from_pkcs8(key.pkcs8(), key.public().form())
                .expect("it was read from the same bytes before");
            self.staff = Some(Staff::new(channel, key, audience, Arc::clone(&self.clock) as Arc<_>));
        }
        Ok(self.staff.as_ref().expect("made above"))
    }

    /// Makes the line ready to lose what it is about to carry.
    async fn prepare(&mut self, order_id: &str, role: Role, attempt: u32) {
        let Some(fault) = self.faulty.as_ref().filter(|_| self.is_armed).map(|(fault, _)| *fault) else {
            return;
        };
        let mode = fault.mode(role, attempt);
        if !matches!(mode, Mode::Pass | Mode::Deaf) {
            // A read first: after it the connection stands and is quiet, so that the bytes that follow are
            // the call's and its answer's. What it says is not looked at.
            let _quiet = self.get_payment(order_id).await;
        }
        if fault.crashes_before(role, attempt) {
            std::process::abort();
        }
        if let Some((_, relay)) = &self.faulty {
            relay.set(mode);
        }
    }

    fn pass(&self) {
        if let Some((_, relay)) = &self.faulty {
            relay.set(Mode::Pass);
        }
    }
}

/// Nothing was undone when it is too late: that is a refusal, whatever the server calls it. A result that
/// this till does not know tells it nothing.
fn undone(heard: Heard<pb::ReverseReply>) -> (Learned, String) {
    use pb::ReverseResult as R;
    let Heard::Reply(reply) = heard else { return learned(heard) };
    match reply.result() {
        R::NothingFound | R::Reversed | R::AlreadyReversed => learned(Heard::Reply(reply)),
        R::DayClosed => stays(pb::Reason::DayClosed, "its business day is closed; a refund is the way"),
        R::TooLate => stays(pb::Reason::ReversalTooLate, "it was captured too long ago; a refund is the way"),
        R::Unspecified => {
            (Learned::Silence, "the server found something that this till does not know".into())
        }
    }
}

fn stays(reason: pb::Reason, why: &str) -> (Learned, String) {
    (Learned::Refused { reason, is_final: true, retry_after: None }, why.to_owned())
}

fn learned<Reply: Into<Payment>>(heard: Heard<Reply>) -> (Learned, String) {
    match heard {
        Heard::Reply(reply) => (Learned::Reply(reply.into()), String::new()),
        Heard::Refused(reason, refused) => {
            let is_final = refused.is_final() == Some(true);
            let retry_after = refused.retry_after();
            (Learned::Refused { reason, is_final, retry_after }, refused.message().to_owned())
        }
        Heard::Silence(why) => (Learned::Silence, why),
    }
}

//! What merchants and their webhooks read: lists by time, and what is to be delivered.

use super::{Sql, bytes};
use crate::domain::id::{MerchantId, PaymentId, StoreId, TerminalId, WebhookEndpointId};
use crate::domain::payment::State;
use crate::domain::record::Value;
use crate::domain::rows::{Table, TerminalState};
use crate::domain::time::Timestamp;

/// Several rows of one merchant, or of the work for all of them.
#[derive(Clone, Debug)]
pub enum MerchantScan {
    /// A merchant's stores, by id.
    Stores {
        /// Whose.
        merchant_id: MerchantId,
        /// After this one; from the first when absent.
        after: Option<StoreId>,
        /// At most.
        limit: i64,
    },
    /// A merchant's tills, by id.
    Terminals {
        /// Whose.
        merchant_id: MerchantId,
        /// Those of this store alone.
        store_id: Option<StoreId>,
        /// Those in this state alone.
        state: Option<TerminalState>,
        /// Those of this label alone.
        label: Option<String>,
        /// After this one; from the first when absent.
        after: Option<TerminalId>,
        /// At most.
        limit: i64,
    },
    /// A merchant's payments, newest first.
    Payments(PaymentScan),
    /// A merchant's webhooks.
    Endpoints(MerchantId),
    /// Any webhook at all.
    AnyEndpoint,
    /// A lane's rows, by sequence.
    Rows {
        /// Which lane.
        lane: i64,
        /// After this one.
        after: i64,
        /// Up to this one.
        last: i64,
        /// At most.
        limit: i64,
    },
    /// Endpoints at which something is due by now, or is to be made due again.
    DueEndpoints {
        /// Now.
        now: Timestamp,
        /// After this one; from the first when absent.
        after: Option<WebhookEndpointId>,
        /// At most.
        limit: i64,
    },
    /// Deliveries of an endpoint that are due by now, longest due first; of each payment none but the first
    /// that is not delivered or given up.
    DueDeliveries {
        /// Which endpoint.
        endpoint_id: WebhookEndpointId,
        /// Now.
        now: Timestamp,
        /// At most.
        limit: i64,
    },
    /// Deliveries of an endpoint between two moments that were not made due since a third, oldest first.
    ToReplay {
        /// Whose.
        merchant_id: MerchantId,
        /// Which endpoint.
        endpoint_id: WebhookEndpointId,
        /// From then on.
        from: Timestamp,
        /// Before then.
        until: Timestamp,
        /// Not made due since.
        asked_at: Timestamp,
        /// At most.
        limit: i64,
    },
    /// A merchant's deliveries, newest first.
    Deliveries {
        /// Whose.
        merchant_id: MerchantId,
        /// Those of this endpoint alone.
        endpoint_id: Option<WebhookEndpointId>,
        /// Before this place; from the end when absent.
        before: Option<DeliveryPlace>,
        /// At most.
        limit: i64,
    },
}

/// Nothing is held any more, and something was captured.
macro_rules! concat_captured {
    ($refunded:literal) => {
        concat!(
            "(closing_reason = 1 OR (closing_reason IN (2, 3) AND captured_minor > 0) OR \
             (closing_reason IS NULL AND authorised_at IS NOT NULL \
             AND authorised_minor = captured_minor + released_minor)) AND ",
            $refunded
        )
    };
}

/// Where a delivery stands in its merchant's list.
pub type DeliveryPlace = (Timestamp, PaymentId, i64, WebhookEndpointId);

/// Which payments of a merchant.
#[derive(Clone, Debug)]
pub struct PaymentScan {
    /// Whose.
    pub merchant_id: MerchantId,
    /// Made from then on.
    pub from: Timestamp,
    /// Made before then.
    pub until: Timestamp,
    /// Those of this store alone.
    pub store_id: Option<StoreId>,
    /// Those in this state alone.
    pub state: Option<State>,
    /// That of this order alone.
    pub order_id: Option<String>,
    /// Before this moment and payment; from the end when absent.
    pub before: Option<(Timestamp, PaymentId)>,
    /// At most.
    pub limit: i64,
}

/// A condition whose parameters are numbered as they come.
pub(super) struct Condition {
    table: Table,
    text: String,
    values: Vec<Value<'static>>,
}

impl Condition {
    pub(super) fn new(table: Table) -> Self {
        Self { table, text: String::new(), values: Vec::new() }
    }

    /// One more that must hold; each `?` stands for the next value.
    pub(super) fn and(mut self, text: &str, values: impl IntoIterator<Item = Value<'static>>) -> Self {
        if !self.text.is_empty() {
            self.text.push_str(" AND ");
        }
        self.push(text, values)
    }

    pub(super) fn and_if<T>(
        self,
        wanted: Option<T>,
        text: &str,
        value: impl FnOnce(T) -> Value<'static>,
    ) -> Self {
        match wanted {
            Some(wanted) => self.and(text, [value(wanted)]),
            None => self,
        }
    }

    fn push(mut self, text: &str, values: impl IntoIterator<Item = Value<'static>>) -> Self {
        let mut values = values.into_iter();
        for (place, piece) in text.split('?').enumerate() {
            if place > 0 {
                self.values.extend(values.next());
                self.text.push('?');
                self.text.push_str(&self.values.len().to_string());
            }
            self.text.push_str(piece);
        }
        self
    }

    pub(super) fn ordered(self, order: &str, limit: i64) -> Sql {
        let Self { table, text, values } =
            self.push(&format!(" ORDER BY {order} LIMIT ?"), [Value::Int(limit)]);
        (table, text, values)
    }
}

pub(super) fn time(at: Timestamp) -> Value<'static> {
    Value::Int(at.0)
}

fn text(text: &str) -> Value<'static> {
    Value::Text(text.to_owned().into())
}

impl MerchantScan {
    pub(super) fn sql(&self) -> Sql {
        match self {
            Self::Stores { merchant_id, after, limit } => Condition::new(Table::Store)
                .and("merchant_id = ?", [bytes(&merchant_id.0)])
                .and_if(after.as_ref(), "store_id > ?", |after| bytes(&after.0))
                .ordered("store_id", *limit),
            Self::Terminals { merchant_id, store_id, state, label, after, limit } => {
                Condition::new(Table::Terminal)
                    .and("merchant_id = ?", [bytes(&merchant_id.0)])
                    .and_if(after.as_ref(), "terminal_id > ?", |after| bytes(&after.0))
                    .and_if(store_id.as_ref(), "store_id = ?", |store_id| bytes(&store_id.0))
                    .and_if(*state, "state = ?", |state| Value::Int(state.number()))
                    .and_if(label.as_deref(), "label = ?", text)
                    .ordered("terminal_id", *limit)
            }
            Self::Payments(scan) => payments(scan),
            Self::Endpoints(merchant_id) => Condition::new(Table::WebhookEndpoint)
                .and("merchant_id = ?", [bytes(&merchant_id.0)])
                .ordered("endpoint_id", 100),
            Self::AnyEndpoint => {
                Condition::new(Table::WebhookEndpoint).and("state = 1", []).ordered("endpoint_id", 1)
            }
            Self::Rows { lane, after, last, limit } => Condition::new(Table::Journal)
                .and("lane = ? AND sequence > ?", [Value::Int(*lane), Value::Int(*after)])
                .and("sequence <= ?", [Value::Int(*last)])
                .ordered("sequence", *limit),
            Self::DueEndpoints { now, after, limit } => Condition::new(Table::WebhookEndpoint)
                .and(DUE_ENDPOINT, [time(*now)])
                .and("endpoint_id > ?", [bytes(after.as_ref().map_or(&[][..], |id| &id.0))])
                .ordered("endpoint_id", *limit),
            Self::DueDeliveries { endpoint_id, now, limit } => Condition::new(Table::WebhookDelivery)
                .and("endpoint_id = ? AND state = 0 AND due_at <= ?", [bytes(&endpoint_id.0), time(*now)])
                .and(FIRST_OF_ITS_PAYMENT, [])
                .ordered("due_at, payment_id, step", *limit),
            Self::ToReplay { merchant_id, endpoint_id, from, until, asked_at, limit } => {
                Condition::new(Table::WebhookDelivery)
                    .and("merchant_id = ?", [bytes(&merchant_id.0)])
                    .and("at >= ? AND at < ?", [time(*from), time(*until)])
                    .and("endpoint_id = ?", [bytes(&endpoint_id.0)])
                    .and("state <> 0 AND queued_at < ?", [time(*asked_at)])
                    .ordered("at, payment_id, step", *limit)
            }
            Self::Deliveries { merchant_id, endpoint_id, before, limit } => {
                deliveries(*merchant_id, *endpoint_id, before.as_ref(), *limit)
            }
        }
    }
}

const DUE_ENDPOINT: &str = "(replay_until IS NOT NULL OR EXISTS (SELECT 1 FROM webhook_delivery \
     WHERE webhook_delivery.endpoint_id = webhook_endpoint.endpoint_id AND webhook_delivery.state = 0 \
     AND webhook_delivery.due_at <= ?))";
const FIRST_OF_ITS_PAYMENT: &str = "NOT EXISTS (SELECT 1 FROM webhook_delivery AS earlier \
     WHERE earlier.endpoint_id = webhook_delivery.endpoint_id \
     AND earlier.payment_id = webhook_delivery.payment_id AND earlier.step < webhook_delivery.step \
     AND earlier.state = 0)";

fn deliveries(
    merchant_id: MerchantId,
    endpoint_id: Option<WebhookEndpointId>,
    before: Option<&DeliveryPlace>,
    limit: i64,
) -> Sql {
    let mut condition =
        Condition::new(Table::WebhookDelivery).and("merchant_id = ?", [bytes(&merchant_id.0)]);
    if let Some((at, payment_id, step, endpoint_id)) = before {
        condition = condition.and(
            "(at, payment_id, step, endpoint_id) < (?, ?, ?, ?)",
            [time(*at), bytes(&payment_id.0), Value::Int(*step), bytes(&endpoint_id.0)],
        );
    }
    condition
        .and_if(endpoint_id, "endpoint_id = ?", |endpoint_id| bytes(&endpoint_id.0))
        .ordered("at DESC, payment_id DESC, step DESC, endpoint_id DESC", limit)
}

fn payments(scan: &PaymentScan) -> Sql {
    let mut condition = Condition::new(Table::Payment)
        .and("merchant_id = ?", [bytes(&scan.merchant_id.0)])
        .and("created_at >= ? AND created_at < ?", [time(scan.from), time(scan.until)]);
    if let Some((at, payment_id)) = scan.before {
        condition = condition.and("(created_at, payment_id) < (?, ?)", [time(at), bytes(&payment_id.0)]);
    }
    if let Some(state) = scan.state {
        condition = condition.and(in_state(state), []);
    }
    condition
        .and_if(scan.store_id, "store_id = ?", |store_id| bytes(&store_id.0))
        .and_if(scan.order_id.as_deref(), "order_id = ?", text)
        .ordered("created_at DESC, payment_id DESC", scan.limit)
}

/// What `Sums::state` says, of the columns; a test compares the two.
fn in_state(state: State) -> &'static str {
    match state {
        State::AwaitingCustomer => "closing_reason IS NULL AND authorised_at IS NULL",
        State::Authorized => {
            "closing_reason IS NULL AND authorised_at IS NOT NULL AND captured_minor = 0 \
             AND authorised_minor > captured_minor + released_minor"
        }
        State::PartlyCaptured => {
            "closing_reason IS NULL AND authorised_at IS NOT NULL AND captured_minor > 0 \
             AND authorised_minor > captured_minor + released_minor"
        }
        State::Captured => concat_captured!("refunded_minor = 0"),
        State::PartlyRefunded => concat_captured!("refunded_minor > 0 AND refunded_minor < captured_minor"),
        State::Refunded => concat_captured!("refunded_minor > 0 AND refunded_minor >= captured_minor"),
        State::Declined => "closing_reason = 5",
        State::Voided => "closing_reason = 2 AND captured_minor = 0",
        State::Expired => "closing_reason = 3 AND captured_minor = 0",
        State::Reversed => "closing_reason = 4",
    }
}

//! Names of things: opaque bytes, one type each, so that a store's id cannot be passed for an
//! account's.

use std::fmt;

use super::record::{ColumnType, Corrupt, Field, Value};

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $length:literal),+ $(,)?) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(pub [u8; $length]);

            impl $name {
                /// From bytes of any length; nothing unless the length is right.
                pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                    bytes.try_into().ok().map(Self)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}({})", stringify!($name), hex(&self.0))
                }
            }

            impl Field for $name {
                const COLUMN: ColumnType = ColumnType::Bytes;

                fn value(&self) -> Value<'_> {
                    self.0.value()
                }

                fn read(value: Value<'_>) -> Result<Self, Corrupt> {
                    Field::read(value).map(Self)
                }
            }
        )+
    };
}

ids! {
    /// A deployment may hold several tenants; there is one at first.
    TenantId = 16,
    /// A customer's account.
    AccountId = 16,
    /// A device of a customer.
    DeviceId = 16,
    /// SHA-256 of a SubjectPublicKeyInfo.
    KeyId = 32,
    /// Chosen by the caller; the idempotency key of a change.
    RequestId = 16,
    /// One execution of a command.
    CommandId = 16,
    /// An enrolment under way.
    EnrolmentId = 16,
    /// The keyed blind index of a contact.
    ContactIndex = 32,
    /// A linked funding source.
    FundingId = 16,
    /// A top-up; also the provider's idempotency key.
    TopUpId = 16,
    /// A payment.
    PaymentId = 16,
    /// Money of a payment that was captured of a hold, or given back.
    MovementId = 16,
    /// Cash that a till took for a customer's account.
    CashTopUpId = 16,
    /// A merchant.
    MerchantId = 16,
    /// A store of a merchant.
    StoreId = 16,
    /// A till.
    TerminalId = 16,
    /// A one-time payment code of a customer.
    PaymentCodeId = 16,
    /// The keyed hash of a code that is found by its text: a payment code, a till's activation code.
    CodeTag = 32,
    /// The keyed hash of what a provider knows a card by.
    CardTag = 32,
    /// An operator.
    OperatorId = 16,
    /// What one operator proposed and another may approve.
    ProposalId = 16,
    /// Whoever a key belongs to: a device, a till, a merchant or an operator.
    OwnerId = 16,
    /// An account of the ledger, derived from whose it is.
    LedgerAccountId = 16,
    /// A lot of value, as it was topped up.
    LotId = 16,
    /// A security event.
    EventId = 16,
    /// A message to a person.
    MessageId = 16,
    /// A recovery.
    CaseId = 16,
    /// What recoveries are about: an account, or the shadow of one that does not exist.
    TargetId = 16,
    /// A phone that asks to join an account.
    AdditionId = 16,
    /// A contact that is not confirmed yet.
    PendingContactId = 16,
    /// A server process.
    WorkerId = 16,
    /// A difference between a provider's list and ours, derived from the charge's name.
    ReconciliationItemId = 16,
    /// Where a merchant wants to be told of its payments.
    WebhookEndpointId = 16,
}

/// Bytes as lower-case hexadecimal digits, for logs, file names and references.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

/// The bytes of exactly so many hexadecimal digits, two each.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The only tenant so far.
pub const FIRST_TENANT: TenantId = TenantId(*b"saifu-tenant-one");

impl TargetId {
    /// An account's. A shadow's is the beginning of its contact's index.
    pub fn of_account(account_id: AccountId) -> Self {
        Self(account_id.0)
    }

    /// Of the shadow behind a contact that belongs to no account.
    pub fn of_shadow(contact_index: ContactIndex) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&contact_index.0[..16]);
        Self(id)
    }
}

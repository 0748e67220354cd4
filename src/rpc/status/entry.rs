//! What is known of every reason.

use tonic::Code;

use crate::pb::Reason;

/// A reason's gRPC code, what it says, and what to do about it.
pub struct Entry {
    /// The reason.
    pub reason: Reason,
    /// The code.
    pub code: Code,
    /// The status message, and the catalogue's first sentence.
    pub says: &'static str,
    /// What a client does about it.
    pub advice: &'static str,
}

const AGAIN: &str = "Send the same request id again.";
const NEW: &str = "Tell the person; a new attempt is a new request id.";

/// What is known of a reason. Exhaustive: a reason without an entry does not compile.
pub fn entry(reason: Reason) -> Entry {
    let (code, says, advice) = match reason {
        Reason::Unspecified => (Code::Unknown, "no reason", "Never sent."),
        Reason::Unauthenticated => (
            Code::Unauthenticated,
            "the call is not authenticated",
            "Check what is signed; ask for the authenticator's next code; sign a read with a new request id.",
        ),
        Reason::ClockSkew => (
            Code::Unauthenticated,
            "the call was signed too long ago or in the future",
            "Metadata server_time is in microseconds since 1970: sign again by it, with the same request id.",
        ),
        Reason::EpochChanged => (
            Code::Unauthenticated,
            "the account's epoch is another by now",
            "Take the epoch of metadata epoch, sign again with the same request id.",
        ),
        Reason::PermissionDenied => (
            Code::PermissionDenied,
            "this key may not call this",
            "An enrolled key is no candidate; a device is no till. Nothing to repeat.",
        ),
        Reason::Malformed => (
            Code::InvalidArgument,
            "the request is malformed",
            "A defect of the client: BadRequest names the field and what it must be.",
        ),
        Reason::TooLarge => (
            Code::OutOfRange,
            "the message is too large",
            "At most 64 KiB. Sent by the transport, without details.",
        ),
        Reason::NotFound => {
            (Code::NotFound, "it does not exist", "Nothing tells which of the two. Check the id.")
        }
        Reason::RequestIdReused => (
            Code::AlreadyExists,
            "the request id was used with another request",
            "A defect of the client: the first request's answer stands. Draw a new request id.",
        ),
        Reason::SecondFactorRequired => (
            Code::FailedPrecondition,
            "a code is needed in this call",
            "Ask the person for the code and send the same request id again, re-signed with the code.",
        ),
        Reason::SecondFactorBlocked => (
            Code::FailedPrecondition,
            "codes are blocked for a while",
            "Too many wrong codes. RetryInfo says when they are looked at again.",
        ),
        Reason::SecondFactorExhausted => (
            Code::FailedPrecondition,
            "too many wrong codes",
            "Another phone of the account may still do it; else only account recovery helps.",
        ),
        Reason::Throttled => (
            Code::ResourceExhausted,
            "too many calls",
            "Wait as RetryInfo says, then send the same request id again.",
        ),
        Reason::StampNeeded => (
            Code::ResourceExhausted,
            "a stamp is needed",
            "Make a stamp of as many bits as metadata difficulty_bits says, and send the call again.",
        ),
        Reason::Unavailable => (Code::Unavailable, "not now, or the outcome is unknown", AGAIN),
        Reason::AccountNotActive => {
            (Code::FailedPrecondition, "the account is not active yet", "Call Activate first.")
        }
        Reason::AccountAlreadyActive => {
            (Code::FailedPrecondition, "the account is active already", "Nothing to do.")
        }
        Reason::AccountFrozen => {
            (Code::FailedPrecondition, "the account is frozen", "Unfreeze it first, with a code.")
        }
        Reason::AccountClosed => {
            (Code::FailedPrecondition, "the account is closed", "Enrol anew, with a new key.")
        }
        Reason::AccountNotFrozen => (Code::FailedPrecondition, "the account is not frozen", "Nothing to do."),
        Reason::EnrolmentOver => (Code::FailedPrecondition, "the enrolment is over", "Start anew."),
        Reason::PassphraseUnsuitable => (
            Code::InvalidArgument,
            "the passphrase is too short, too long or too easily guessed",
            "BadRequest says what to write instead: 10 to 128 characters, such as four words that have \
             nothing to do with each other. The same request id may be used.",
        ),
        Reason::InsufficientBalance => (Code::FailedPrecondition, "the balance does not suffice", NEW),
        Reason::LimitPerPayment => (Code::FailedPrecondition, "more than one payment may amount to", NEW),
        Reason::LimitPerDay => (Code::FailedPrecondition, "more than 24 hours allow", NEW),
        Reason::LimitPerMonth => (Code::FailedPrecondition, "more than 30 days allow", NEW),
        Reason::LimitBalance => (Code::FailedPrecondition, "more than an account may hold", NEW),
        Reason::LimitTopUps => (Code::FailedPrecondition, "too many top-ups in 24 hours", NEW),
        Reason::TopUpTooSoon => (
            Code::FailedPrecondition,
            "too soon after the last top-up",
            "RetryInfo says when; that is a new attempt with a new request id.",
        ),
        Reason::PayeeChanged => (
            Code::FailedPrecondition,
            "the shop's registered name is another",
            "Call ResolvePayee again and show the name to the person.",
        ),
        Reason::PayeeSuspended => (Code::FailedPrecondition, "the shop takes no payments at present", NEW),
        Reason::NotAPaymentCode => (
            Code::InvalidArgument,
            "the scanned text is not a payable code",
            "Scan again; other services' codes are not payable here.",
        ),
        Reason::WrongCurrency => (Code::FailedPrecondition, "not the account's currency", NEW),
        Reason::FundingNotLinked => {
            (Code::FailedPrecondition, "the funding source is not linked", "Link it first.")
        }
        Reason::TooManyFundingSources => {
            (Code::FailedPrecondition, "as many funding sources as there may be", "Unlink one first.")
        }
        Reason::DeviceAlreadyRevoked => {
            (Code::FailedPrecondition, "the device is revoked already", "Nothing to do.")
        }
        Reason::TopUpUnderWay => (
            Code::FailedPrecondition,
            "a top-up is under way",
            "Unlink when GetTopUp says that it is settled; that is a new request id.",
        ),
        Reason::CodeNotUsable => (
            Code::FailedPrecondition,
            "the payment code cannot be used",
            "Expired, used, replaced or unknown; which, is not said. Ask the customer for a new code: a new \
             request id.",
        ),
        Reason::Declined => (
            Code::FailedPrecondition,
            "the charge was declined",
            "The customer's app says why. The till offers another way to pay.",
        ),
        Reason::OrderReversed => (
            Code::FailedPrecondition,
            "the order was reversed",
            "Its payment will never be taken. A new attempt is a new order id.",
        ),
        Reason::OrderTaken => (
            Code::FailedPrecondition,
            "the order has its payment",
            "Ask GetPayment by the order id. A new attempt is a new order id.",
        ),
        Reason::TerminalBlocked => (
            Code::FailedPrecondition,
            "the terminal waits after too many unusable codes",
            "Wait as RetryInfo says, some seconds: then a new request id. Reverse and GetPayment still work.",
        ),
        Reason::TerminalSuspended => (
            Code::FailedPrecondition,
            "the terminal is suspended",
            "The merchant's server resumes it, and reverses for it meanwhile.",
        ),
        Reason::TerminalNotActive => (
            Code::FailedPrecondition,
            "the terminal is not activated yet",
            "The till calls PosService/Activate with the code of RegisterTerminal first.",
        ),
        Reason::TerminalNotSuspended => {
            (Code::FailedPrecondition, "the terminal is not suspended", "Nothing to do.")
        }
        Reason::ActivationOver => (
            Code::FailedPrecondition,
            "the activation code cannot be used",
            "Unknown, used or too old. The merchant's server registers the terminal anew.",
        ),
        Reason::ProposalOver => (
            Code::FailedPrecondition,
            "the proposal is over",
            "Approved already, or older than 24 hours: propose it anew.",
        ),
        Reason::ProposalChanged => (
            Code::FailedPrecondition,
            "what was approved is not what was proposed",
            "Read the proposal, hash its payload yourself, and sign that hash.",
        ),
        Reason::SameOperator => {
            (Code::FailedPrecondition, "nobody approves his own proposal", "Ask another operator.")
        }
        Reason::MerchantSuspended => (
            Code::PermissionDenied,
            "the merchant is suspended",
            "An operator's matter. Refund, Void and Reverse still work, but not for cash.",
        ),
        Reason::MerchantNotSuspended => {
            (Code::FailedPrecondition, "the merchant is not suspended", "Nothing to do.")
        }
        Reason::KeyInUse => (
            Code::FailedPrecondition,
            "the key belongs to somebody already",
            "A key belongs to one principal for ever: make a new key and propose that.",
        ),
        Reason::RecoveryOver => (
            Code::FailedPrecondition,
            "the recovery is over",
            "It does not exist, is another key's, or has ended. Start anew.",
        ),
        Reason::RecoveryAttempts => (
            Code::FailedPrecondition,
            "no attempts are left",
            "Of this case: start anew. Of this day: come back tomorrow, or prove the saved code or a code \
             to a contact first.",
        ),
        Reason::RecoveryMessages => (
            Code::FailedPrecondition,
            "no codes are left for today",
            "Come back tomorrow, or prove something that needs no message.",
        ),
        Reason::RecoveryUnproven => {
            (Code::FailedPrecondition, "too little is proved", "Prove another factor first.")
        }
        Reason::RecoveryCooling => (
            Code::FailedPrecondition,
            "the waiting period is not over",
            "Status says when it is; a new attempt then is a new request id.",
        ),
        Reason::RecoveryProveAgain => (
            Code::FailedPrecondition,
            "one factor must be proved again",
            "Prove one of the proved factors again, and complete within 10 minutes, with a new request id.",
        ),
        Reason::RecoveryContested => (
            Code::FailedPrecondition,
            "two contend for the account",
            "Only being seen in person, by two operators, helps.",
        ),
        Reason::RecoveryFrozenLately => (
            Code::FailedPrecondition,
            "a code to a contact alone froze it lately",
            "Prove something else, or wait 7 days.",
        ),
        Reason::RecoveryCancelFirst => (
            Code::FailedPrecondition,
            "the cancellation was not begun",
            "Call CancelByNotice without confirm first, within 10 minutes.",
        ),
        Reason::DeviceLost => (
            Code::FailedPrecondition,
            "this device was reported lost",
            "It moves no money and changes nothing. Another device revokes it.",
        ),
        Reason::RecoveryUnderWay => (
            Code::FailedPrecondition,
            "a recovery stands",
            "Cancel it, or wait until it is over: nothing is changed meanwhile.",
        ),
        Reason::RecoveredLately => (
            Code::FailedPrecondition,
            "the account was recovered lately",
            "This has to wait: docs/recovery.md says how long.",
        ),
        Reason::RenewalDue => (
            Code::FailedPrecondition,
            "the new authenticator is not confirmed yet",
            "Call EnrolmentService/Activate with its first code.",
        ),
        Reason::AdditionOver => (
            Code::FailedPrecondition,
            "the addition is over",
            "Gone, approved, or its number was wrong. The new phone asks again.",
        ),
        Reason::AdditionsTooMany => {
            (Code::FailedPrecondition, "too many phones ask to join", "Wait 10 minutes.")
        }
        Reason::TooManyDevices => {
            (Code::FailedPrecondition, "as many devices as there may be", "Revoke one first.")
        }
        Reason::TooManyContacts => {
            (Code::FailedPrecondition, "as many contacts as there may be", "Remove one first.")
        }
        Reason::LastContact => (Code::FailedPrecondition, "the last contact stays", "Add another one first."),
        Reason::ContactOver => (
            Code::FailedPrecondition,
            "the contact cannot be confirmed",
            "Gone, confirmed, or its code was wrong too often: add it anew.",
        ),
        Reason::TotpNotBegun => {
            (Code::FailedPrecondition, "no new authenticator was begun", "Call BeginTotp first.")
        }
        Reason::AccountContested => (
            Code::FailedPrecondition,
            "two contend for the account",
            "Nothing leaves it until one of them was seen in person.",
        ),
        Reason::AccountRestricted => {
            (Code::FailedPrecondition, "a recovery is waiting", "Cancel it, or wait until it is over.")
        }
        Reason::PaymentAwaiting => (
            Code::FailedPrecondition,
            "the customer is still asked",
            "Ask GetPayment until he has answered or his time is over; Void or Reverse ends it.",
        ),
        Reason::PaymentNotAwaiting => (
            Code::FailedPrecondition,
            "the customer is not asked any more",
            "Answered, withdrawn by the shop, or too late. GetPayment says which.",
        ),
        Reason::HoldOver => (
            Code::FailedPrecondition,
            "nothing is held any more",
            "Captured, voided or expired; GetPayment says which. What was captured is given back by Refund.",
        ),
        Reason::CaptureTooMuch => {
            (Code::FailedPrecondition, "more than is held", "GetPayment says how much is held.")
        }
        Reason::RefundTooMuch => (
            Code::FailedPrecondition,
            "more than was captured and not given back",
            "GetPayment says how much was captured and given back.",
        ),
        Reason::RefundCeiling => (
            Code::FailedPrecondition,
            "more than this till gives back in a day",
            "The merchant's server refunds it, by the order id.",
        ),
        Reason::AmountChanged => (
            Code::FailedPrecondition,
            "the amount is not the one that the shop asked for",
            "Show the customer the amount of the payment as it stands.",
        ),
        Reason::OrderExists => (
            Code::AlreadyExists,
            "the order was created before",
            "GetPayment says what became of it. A new order is a new order id.",
        ),
        Reason::OrderOver => (
            Code::FailedPrecondition,
            "the order's time is over, or it is none that a customer pays",
            "The shop makes a new order.",
        ),
        Reason::CashNotAllowed => (
            Code::PermissionDenied,
            "the store takes no cash for customers' accounts",
            "Two operators allow it for a store, with its ceilings.",
        ),
        Reason::CashCeiling => (
            Code::FailedPrecondition,
            "more cash than the store may hold, or its till may take in a calendar day",
            "Another till, the next day, or after the merchant was settled and owes nothing.",
        ),
        Reason::AlreadySpent => (
            Code::FailedPrecondition,
            "what was topped up with cash was spent",
            "Keep the cash: the customer has had its value.",
        ),
        Reason::ReversalTooLate => (
            Code::FailedPrecondition,
            "the cash was taken too long ago to be given back",
            "Keep the cash: the customer has its value, and pays with it.",
        ),
        Reason::CashBackByTill => (
            Code::FailedPrecondition,
            "cash goes back at the till that took it, and nowhere else",
            "The till reverses it itself, within minutes.",
        ),
        Reason::DayClosed => (
            Code::FailedPrecondition,
            "not the till's business day",
            "GetDay says which day it is in. What is closed goes back by Refund; cash does not.",
        ),
        Reason::TooManyWebhookEndpoints => (
            Code::FailedPrecondition,
            "as many webhook endpoints as there may be",
            "Five at most: delete one that is not used any more.",
        ),
        Reason::WebhookEndpointGone => (
            Code::FailedPrecondition,
            "the webhook's receiver answered that it is gone for good",
            "It answered 410. Delete the endpoint and create another.",
        ),
        Reason::WebhookSecretRotating => (
            Code::FailedPrecondition,
            "the webhook has two secrets already",
            "End the older one by EndWebhookSecret, or wait until it ends.",
        ),
        Reason::WebhookSecretNotRotating => {
            (Code::FailedPrecondition, "the webhook has one secret only", "Nothing to do.")
        }
        Reason::WebhookReplayUnderWay => (
            Code::FailedPrecondition,
            "events are being sent again already",
            "One range at a time at an endpoint: try again later, with a new request id.",
        ),
        Reason::PayableFloor => (
            Code::FailedPrecondition,
            "the merchant would owe more than it may",
            "Its sales come first. A reversal is that only where refunds took what it would give back.",
        ),
        Reason::PayoutOver => (
            Code::FailedPrecondition,
            "the payout is over, or there was none",
            "The payout file names those of the day; what became of each is said once.",
        ),
        Reason::FeeUnchanged => (Code::FailedPrecondition, "the fee is what it was", "Nothing to do."),
        Reason::ReconciliationItemOver => (
            Code::FailedPrecondition,
            "the difference was resolved, or is gone",
            "Nothing to do. With other figures it is open again.",
        ),
        Reason::ReconciliationItemNotYours => (
            Code::FailedPrecondition,
            "another operator looks after the difference, or none",
            "Take it first, with a request id of its own.",
        ),
        Reason::ReconciliationItemChanged => (
            Code::FailedPrecondition,
            "the difference is another than was seen",
            "List it again, and decide by what it is now, with a new request id.",
        ),
        Reason::Barred => (
            Code::PermissionDenied,
            "an operator barred the merchant, the store or the till",
            "Nothing at all is done for it, reads included. Call the operators.",
        ),
        Reason::NotBarred => (Code::FailedPrecondition, "it is not barred", "Nothing to do."),
        Reason::OperatorConcerned => (
            Code::PermissionDenied,
            "two others decide on an operator's key",
            "Two other operators must propose and approve it. One's own key is rotated by RotateKey.",
        ),
        Reason::NoKey => (
            Code::FailedPrecondition,
            "there is no key to revoke",
            "It was revoked before. A merchant gets another by SetMerchantKey; an operator who left comes \
             back by AddOperator.",
        ),
        Reason::ProposerRevoked => (
            Code::FailedPrecondition,
            "the key that proposed it was revoked since",
            "Who still wants it proposes it anew.",
        ),
        Reason::AccountHalted => (
            Code::FailedPrecondition,
            "the operators stopped all outflow of the account",
            "GetBalance says since when and why. Only the operators lift it: the owner turns to support.",
        ),
        Reason::AccountNotHalted => {
            (Code::FailedPrecondition, "no operator stopped the account's outflow", "Nothing to do.")
        }
        Reason::FundingInUse => (
            Code::FailedPrecondition,
            "the card is in as many accounts as it may be",
            "Link another card. In which accounts it is, nobody is told; after 30 days without use one \
             counts no more.",
        ),
        Reason::CardLimit => (
            Code::FailedPrecondition,
            "more, or more often, than one card tops up within 24 hours",
            "All accounts that use the card count. Another card, a smaller amount, or tomorrow.",
        ),
        Reason::LimitNewSource => (
            Code::FailedPrecondition,
            "more than a new source brings in within 24 hours",
            "A smaller amount. A source is new for a day, and until its first top-up was credited.",
        ),
        Reason::Internal => (
            Code::Internal,
            "a defect on our side",
            "Whether it was done is not known. Send the same request id again later.",
        ),
    };
    Entry { reason, code, says, advice }
}

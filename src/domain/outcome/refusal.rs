//! Why the domain says no.

use crate::domain::record::stored_enum;

stored_enum! {
    /// The domain says no, for good: money, limit or state.
    Refusal {
        /// It does not exist, or is somebody else's.
        NotFound = 1,
        /// Activate comes first.
        AccountNotActive = 2,
        /// It is active already.
        AccountAlreadyActive = 3,
        /// Nothing leaves it.
        AccountFrozen = 4,
        /// It is gone.
        AccountClosed = 5,
        /// It is not frozen.
        AccountNotFrozen = 6,
        /// Expired, confirmed, or tried too often.
        EnrolmentOver = 7,
        /// Not enough money.
        InsufficientBalance = 8,
        /// More than one payment may amount to.
        LimitPerPayment = 9,
        /// More than 24 hours allow.
        LimitPerDay = 10,
        /// More than 30 days allow.
        LimitPerMonth = 11,
        /// More than an account may hold.
        LimitBalance = 12,
        /// Too many top-ups in 24 hours.
        LimitTopUps = 13,
        /// Too soon after the last top-up.
        TopUpTooSoon = 14,
        /// The shop's registered name is not the signed one.
        PayeeChanged = 15,
        /// The shop takes no payments at present.
        PayeeSuspended = 16,
        /// Not the account's currency.
        WrongCurrency = 17,
        /// Not linked, or no longer.
        FundingNotLinked = 18,
        /// As many as there may be.
        TooManyFundingSources = 19,
        /// Revoked before.
        DeviceAlreadyRevoked = 20,
        /// A top-up has no answer yet: its source must stay.
        TopUpUnderWay = 21,
        /// Unknown, expired, used, or killed by a newer one, a freeze or a revocation. Which, a till
        /// is not told.
        CodeNotUsable = 22,
        /// The customer's account does not allow it. Why, a till is not told.
        Declined = 23,
        /// The order was reversed before its payment arrived.
        OrderReversed = 24,
        /// The order has its payment.
        OrderTaken = 25,
        /// Too many unusable codes: it waits for a moment.
        TerminalBlocked = 26,
        /// Its merchant suspended it.
        TerminalSuspended = 27,
        /// Not suspended, or not activated yet: there is nothing to resume.
        TerminalNotSuspended = 28,
        /// Unknown, used or too old.
        ActivationOver = 29,
        /// Approved already, or too old.
        ProposalOver = 30,
        /// What was approved is not what was proposed.
        ProposalChanged = 31,
        /// Nobody approves what he proposed himself.
        SameOperator = 32,
        /// The merchant takes no part at present.
        MerchantSuspended = 33,
        /// The merchant takes part.
        MerchantNotSuspended = 34,
        /// The key belongs to somebody already.
        KeyInUse = 35,
        /// The recovery does not exist, is another key's, or ended.
        RecoveryOver = 36,
        /// As many attempts as there are were made, of the case or of the day.
        RecoveryAttempts = 37,
        /// As many codes as are sent in a day were sent.
        RecoveryMessages = 38,
        /// Too little is proved.
        RecoveryUnproven = 39,
        /// The delay is not over.
        RecoveryCooling = 40,
        /// One factor must be proved again.
        RecoveryProveAgain = 41,
        /// Two contend for the account: only proofing in person helps.
        RecoveryContested = 42,
        /// A code to a contact alone froze it lately.
        RecoveryFrozenLately = 43,
        /// The cancellation's first call must come first.
        RecoveryCancelFirst = 44,
        /// The device was reported lost.
        DeviceLost = 45,
        /// A recovery stands: factors, contacts and devices stay as they are.
        RecoveryUnderWay = 46,
        /// The account was recovered lately: that has to wait.
        RecoveredLately = 47,
        /// The authenticator must be confirmed first.
        RenewalDue = 48,
        /// Gone, approved, or its number was wrong too often.
        AdditionOver = 49,
        /// As many additions as there may be were asked for.
        AdditionsTooMany = 50,
        /// As many devices as there may be.
        TooManyDevices = 51,
        /// As many contacts as there may be.
        TooManyContacts = 52,
        /// It is the account's last contact.
        LastContact = 53,
        /// Gone, confirmed, or its code was wrong too often.
        ContactOver = 54,
        /// No new authenticator was begun.
        TotpNotBegun = 55,
        /// Two contend for the account: nothing leaves it.
        AccountContested = 56,
        /// A recovery cools: that is not possible until it is over.
        AccountRestricted = 57,
        /// Its customer is still asked.
        PaymentAwaiting = 58,
        /// Its customer is not asked, or not any more.
        PaymentNotAwaiting = 59,
        /// Nothing is held any more: captured, voided or over.
        HoldOver = 60,
        /// More than is held.
        CaptureTooMuch = 61,
        /// More than was captured and not given back.
        RefundTooMuch = 62,
        /// More than this till gives back in a day; its merchant's server may.
        RefundCeiling = 63,
        /// The amount is not the one that the shop asked for.
        AmountChanged = 64,
        /// The order was created before.
        OrderExists = 65,
        /// It is no order that a customer pays, or its time is over.
        OrderOver = 66,
        /// The store takes no cash.
        CashNotAllowed = 67,
        /// More cash than the store may hold, or its till may take in a calendar day.
        CashCeiling = 68,
        /// What was topped up with cash was spent.
        AlreadySpent = 69,
        /// Not the till's business day: it is closed, or not begun.
        DayClosed = 70,
        /// As many webhook endpoints as there may be.
        TooManyWebhookEndpoints = 100,
        /// The webhook's receiver said that it is gone for good.
        WebhookEndpointGone = 101,
        /// The webhook has two secrets already.
        WebhookSecretRotating = 102,
        /// The webhook has one secret only.
        WebhookSecretNotRotating = 103,
        /// Events are being sent again already.
        WebhookReplayUnderWay = 104,
        /// The merchant would owe more than it may: its sales must come in first.
        PayableFloor = 120,
        /// It was settled otherwise, said to be paid, or returned before; or nothing was to be paid.
        PayoutOver = 121,
        /// The fee is what it was.
        FeeUnchanged = 122,
        /// The difference was resolved, or is gone.
        ReconciliationItemOver = 130,
        /// Another operator looks after the difference, or none.
        ReconciliationItemNotYours = 131,
        /// The difference is another than was seen.
        ReconciliationItemChanged = 132,
        /// An operator barred the merchant, the store or the till: nothing at all is done for it.
        Barred = 133,
        /// It is not barred.
        NotBarred = 134,
        /// Two others decide on an operator's key.
        OperatorConcerned = 135,
        /// There is no key any more: it was revoked before.
        NoKey = 136,
        /// The key that proposed it was revoked since.
        ProposerRevoked = 137,
        /// The operators stopped all outflow; its owner does not lift it.
        AccountHalted = 150,
        /// No operator stopped it.
        AccountNotHalted = 151,
        /// It was taken too long ago for its till to give it back without its customer.
        ReversalTooLate = 140,
        /// Cash goes back at the till that took it, and nowhere else.
        CashBackByTill = 141,
        /// The card is in as many accounts as it may be.
        FundingInUse = 152,
        /// As much, or as often, as one card tops up in 24 hours.
        CardLimit = 153,
        /// More than a new source brings in within 24 hours.
        LimitNewSource = 154,
        /// The till was registered, and has not called Activate yet.
        TerminalNotActive = 170,
    }
}

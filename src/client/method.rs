//! The RPCs by their full gRPC names, which is what a signature names them by.

/// Those whose reply carries a secret: their calls want a private part, salt at least.
pub const SECRET_REPLIES: [&str; 9] = [
    ENROLMENT_CONFIRM,
    ENROLMENT_ACTIVATE,
    ISSUE_CODE,
    REGISTER_TERMINAL,
    CREATE_WEBHOOK_ENDPOINT,
    ROTATE_WEBHOOK_SECRET,
    RECOVERY_COMPLETE,
    BEGIN_TOTP,
    REPLACE_SAVED_CODE,
];

/// Anonymous: asks for a code.
pub const ENROLMENT_START: &str = "/saifu.v1.EnrolmentService/Start";
/// Anonymous: the code and a passphrase make an account.
pub const ENROLMENT_CONFIRM: &str = "/saifu.v1.EnrolmentService/Confirm";
/// The first one-time code makes the account active.
pub const ENROLMENT_ACTIVATE: &str = "/saifu.v1.EnrolmentService/Activate";
/// The account's devices.
pub const DEVICE_LIST: &str = "/saifu.v1.DeviceService/List";
/// Ends a device.
pub const DEVICE_REVOKE: &str = "/saifu.v1.DeviceService/Revoke";
/// Makes the device fresh.
pub const VERIFY_SECOND_FACTOR: &str = "/saifu.v1.SecurityService/VerifySecondFactor";
/// Stops all outflow.
pub const FREEZE: &str = "/saifu.v1.SecurityService/Freeze";
/// Lets outflow go on.
pub const UNFREEZE: &str = "/saifu.v1.SecurityService/Unfreeze";
/// What happened to the account's security.
pub const LIST_EVENTS: &str = "/saifu.v1.SecurityService/ListEvents";
/// The balance.
pub const GET_BALANCE: &str = "/saifu.v1.WalletService/GetBalance";
/// The account's movements.
pub const LIST_ENTRIES: &str = "/saifu.v1.WalletService/ListEntries";
/// Links a funding source.
pub const LINK_FUNDING: &str = "/saifu.v1.TopUpService/LinkFunding";
/// Unlinks a funding source.
pub const UNLINK_FUNDING: &str = "/saifu.v1.TopUpService/UnlinkFunding";
/// The linked funding sources.
pub const LIST_FUNDING: &str = "/saifu.v1.TopUpService/ListFunding";
/// Moves money in.
pub const TOP_UP: &str = "/saifu.v1.TopUpService/TopUp";
/// A top-up as it stands.
pub const GET_TOP_UP: &str = "/saifu.v1.TopUpService/GetTopUp";
/// Who is behind a scanned code.
pub const RESOLVE_PAYEE: &str = "/saifu.v1.PaymentService/ResolvePayee";
/// Pays a shop.
pub const PAY: &str = "/saifu.v1.PaymentService/Pay";
/// A one-time payment code.
pub const ISSUE_CODE: &str = "/saifu.v1.PaymentService/IssueCode";
/// Enrols a till's key.
pub const POS_ACTIVATE: &str = "/saifu.v1.PosService/Activate";
/// Charges a payment code.
pub const CHARGE: &str = "/saifu.v1.PosService/Charge";
/// Holds an amount on a payment code.
pub const AUTHORIZE: &str = "/saifu.v1.PosService/Authorize";
/// Captures what is held.
pub const CAPTURE: &str = "/saifu.v1.PosService/Capture";
/// Releases what is held.
pub const VOID: &str = "/saifu.v1.PosService/Void";
/// Gives back what was captured.
pub const REFUND: &str = "/saifu.v1.PosService/Refund";
/// Captures for a till.
pub const MERCHANT_CAPTURE: &str = "/saifu.v1.MerchantService/Capture";
/// Voids for a till.
pub const MERCHANT_VOID: &str = "/saifu.v1.MerchantService/Void";
/// Refunds for a till.
pub const MERCHANT_REFUND: &str = "/saifu.v1.MerchantService/Refund";
/// Yes to a till that asked.
pub const CONFIRM_PAYMENT: &str = "/saifu.v1.PaymentService/Confirm";
/// What tills ask for.
pub const WATCH_PAYMENTS: &str = "/saifu.v1.PaymentService/Watch";
/// No to it.
pub const DECLINE_PAYMENT: &str = "/saifu.v1.PaymentService/Decline";
/// What became of an order.
pub const POS_GET_PAYMENT: &str = "/saifu.v1.PosService/GetPayment";
/// An order that a customer pays by himself.
pub const CREATE_ORDER: &str = "/saifu.v1.PosService/CreateOrder";
/// Nobody pays it any more.
pub const CANCEL_ORDER: &str = "/saifu.v1.PosService/CancelOrder";
/// What becomes of an order.
pub const WATCH_ORDER: &str = "/saifu.v1.PosService/WatchOrder";
/// An order for a till.
pub const MERCHANT_CREATE_ORDER: &str = "/saifu.v1.MerchantService/CreateOrder";
/// Cancels a till's order.
pub const MERCHANT_CANCEL_ORDER: &str = "/saifu.v1.MerchantService/CancelOrder";
/// What becomes of a till's order.
pub const MERCHANT_WATCH_ORDER: &str = "/saifu.v1.MerchantService/WatchOrder";
/// Cash for a customer's account.
pub const CASH_TOP_UP: &str = "/saifu.v1.PosService/CashTopUp";
/// A till's business day is over.
pub const CLOSE_DAY: &str = "/saifu.v1.PosService/CloseDay";
/// What a business day amounts to.
pub const GET_DAY: &str = "/saifu.v1.PosService/GetDay";
/// What a business day differs in from the till's own account.
pub const COMPARE_DAY: &str = "/saifu.v1.PosService/CompareDay";
/// Reverses an order.
pub const REVERSE: &str = "/saifu.v1.PosService/Reverse";
/// The merchant's stores.
pub const LIST_STORES: &str = "/saifu.v1.MerchantService/ListStores";
/// A new till.
pub const REGISTER_TERMINAL: &str = "/saifu.v1.MerchantService/RegisterTerminal";
/// The merchant's tills.
pub const LIST_TERMINALS: &str = "/saifu.v1.MerchantService/ListTerminals";
/// A till charges no more.
pub const SUSPEND_TERMINAL: &str = "/saifu.v1.MerchantService/SuspendTerminal";
/// A till goes on.
pub const RESUME_TERMINAL: &str = "/saifu.v1.MerchantService/ResumeTerminal";
/// Reverses a till's order.
pub const MERCHANT_REVERSE: &str = "/saifu.v1.MerchantService/Reverse";
/// The payment of an order of any till's.
pub const MERCHANT_GET_PAYMENT: &str = "/saifu.v1.MerchantService/GetPayment";
/// The merchant's payments.
pub const LIST_PAYMENTS: &str = "/saifu.v1.MerchantService/ListPayments";
/// Counts and sums by store and day.
pub const GET_SALES_REPORT: &str = "/saifu.v1.MerchantService/GetSalesReport";
/// Another webhook.
pub const CREATE_WEBHOOK_ENDPOINT: &str = "/saifu.v1.MerchantService/CreateWebhookEndpoint";
/// The merchant's webhooks.
pub const LIST_WEBHOOK_ENDPOINTS: &str = "/saifu.v1.MerchantService/ListWebhookEndpoints";
/// A second secret for a webhook.
pub const ROTATE_WEBHOOK_SECRET: &str = "/saifu.v1.MerchantService/RotateWebhookSecret";
/// The older secret of a webhook ends.
pub const END_WEBHOOK_SECRET: &str = "/saifu.v1.MerchantService/EndWebhookSecret";
/// A webhook goes.
pub const DELETE_WEBHOOK_ENDPOINT: &str = "/saifu.v1.MerchantService/DeleteWebhookEndpoint";
/// What became of webhooks' events.
pub const LIST_WEBHOOK_DELIVERIES: &str = "/saifu.v1.MerchantService/ListWebhookDeliveries";
/// Events are sent again.
pub const REPLAY_WEBHOOKS: &str = "/saifu.v1.MerchantService/ReplayWebhooks";
/// What a merchant was owed and paid.
pub const LIST_SETTLEMENTS: &str = "/saifu.v1.MerchantService/ListSettlements";
/// What a settlement consists of.
pub const LIST_SETTLEMENT_LINES: &str = "/saifu.v1.MerchantService/ListSettlementLines";
/// What the bank is to pay for a day.
pub const GET_PAYOUT_FILE: &str = "/saifu.v1.AdminService/GetPayoutFile";
/// Proposes something to another operator.
pub const PROPOSE: &str = "/saifu.v1.AdminService/Propose";
/// What waits for approval.
pub const LIST_PROPOSALS: &str = "/saifu.v1.AdminService/ListProposals";
/// Approves a proposal.
pub const APPROVE: &str = "/saifu.v1.AdminService/Approve";
/// A merchant takes no part any more.
pub const SUSPEND_MERCHANT: &str = "/saifu.v1.AdminService/SuspendMerchant";
/// Nothing leaves an account any more.
pub const FREEZE_ACCOUNT: &str = "/saifu.v1.AdminService/FreezeAccount";
/// In which a funding provider's list differs from ours.
pub const LIST_RECONCILIATION_ITEMS: &str = "/saifu.v1.AdminService/ListReconciliationItems";
/// An operator looks after a difference.
pub const TAKE_RECONCILIATION_ITEM: &str = "/saifu.v1.AdminService/TakeReconciliationItem";
/// A difference is dealt with.
pub const RESOLVE_RECONCILIATION_ITEM: &str = "/saifu.v1.AdminService/ResolveReconciliationItem";
/// A payment as it stands.
pub const GET_PAYMENT: &str = "/saifu.v1.PaymentService/GetPayment";
/// The sandbox's clock goes forward.
pub const ADVANCE_CLOCK: &str = "/saifu.v1.SandboxService/AdvanceClock";
/// What the sandbox would have sent.
pub const READ_MESSAGES: &str = "/saifu.v1.SandboxService/ReadMessages";
/// The sandbox's shops.
pub const LIST_SHOPS: &str = "/saifu.v1.SandboxService/ListShops";
/// Anonymous: a recovery begins.
pub const RECOVERY_START: &str = "/saifu.v1.RecoveryService/Start";
/// Anonymous: a code to confirmed contacts.
pub const RECOVERY_SEND_CODE: &str = "/saifu.v1.RecoveryService/SendCode";
/// Anonymous: a factor is proved.
pub const RECOVERY_PROVE: &str = "/saifu.v1.RecoveryService/Prove";
/// Anonymous: outflow stops.
pub const RECOVERY_FREEZE: &str = "/saifu.v1.RecoveryService/Freeze";
/// Anonymous: the owner's devices are lost.
pub const RECOVERY_REPORT_LOST: &str = "/saifu.v1.RecoveryService/ReportLost";
/// Anonymous: where a recovery is.
pub const RECOVERY_STATUS: &str = "/saifu.v1.RecoveryService/Status";
/// Anonymous: the account, please.
pub const RECOVERY_COMPLETE: &str = "/saifu.v1.RecoveryService/Complete";
/// A device ends a recovery.
pub const RECOVERY_CANCEL: &str = "/saifu.v1.RecoveryService/Cancel";
/// Anonymous: a notice's secret ends a recovery.
pub const RECOVERY_CANCEL_BY_NOTICE: &str = "/saifu.v1.RecoveryService/CancelByNotice";
/// Another device is lost.
pub const DEVICE_REPORT_LOST: &str = "/saifu.v1.DeviceService/ReportLost";
/// Anonymous: a phone asks to join.
pub const DEVICE_REQUEST_ADD: &str = "/saifu.v1.DeviceService/RequestAdd";
/// Lets a phone join.
pub const DEVICE_APPROVE_ADD: &str = "/saifu.v1.DeviceService/ApproveAdd";
/// A new authenticator.
pub const BEGIN_TOTP: &str = "/saifu.v1.SecurityService/BeginTotp";
/// It works.
pub const CONFIRM_TOTP: &str = "/saifu.v1.SecurityService/ConfirmTotp";
/// A new saved code.
pub const REPLACE_SAVED_CODE: &str = "/saifu.v1.SecurityService/ReplaceSavedCode";
/// Another passphrase.
pub const CHANGE_PASSPHRASE: &str = "/saifu.v1.SecurityService/ChangePassphrase";
/// The account's contacts.
pub const LIST_CONTACTS: &str = "/saifu.v1.SecurityService/ListContacts";
/// A code to a new contact.
pub const ADD_CONTACT: &str = "/saifu.v1.SecurityService/AddContact";
/// The new contact's code.
pub const CONFIRM_CONTACT: &str = "/saifu.v1.SecurityService/ConfirmContact";
/// A contact goes.
pub const REMOVE_CONTACT: &str = "/saifu.v1.SecurityService/RemoveContact";
/// An operator ends a recovery.
pub const CANCEL_RECOVERY: &str = "/saifu.v1.AdminService/CancelRecovery";
/// An operator bars a merchant, a store or a till.
pub const BAR: &str = "/saifu.v1.AdminService/Bar";
/// An operator gives their key up for another.
pub const ROTATE_OPERATOR_KEY: &str = "/saifu.v1.AdminService/RotateKey";
/// A merchant's server gives its key up for another.
pub const ROTATE_MERCHANT_KEY: &str = "/saifu.v1.MerchantService/RotateKey";
/// No RPC: the type of what a merchant's new key signs.
pub const MERCHANT_KEY: &str = "saifu.v1.KeyPossession/Merchant";
/// No RPC: the type of what an operator's new key signs.
pub const OPERATOR_KEY: &str = "saifu.v1.KeyPossession/Operator";

//! The RPCs by their full gRPC names, which is what a signature names them by.

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
/// What became of an order.
pub const POS_GET_PAYMENT: &str = "/saifu.v1.PosService/GetPayment";
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
/// Proposes something to another operator.
pub const PROPOSE: &str = "/saifu.v1.AdminService/Propose";
/// What waits for approval.
pub const LIST_PROPOSALS: &str = "/saifu.v1.AdminService/ListProposals";
/// Approves a proposal.
pub const APPROVE: &str = "/saifu.v1.AdminService/Approve";
/// A merchant takes no part any more.
pub const SUSPEND_MERCHANT: &str = "/saifu.v1.AdminService/SuspendMerchant";
/// A payment as it stands.
pub const GET_PAYMENT: &str = "/saifu.v1.PaymentService/GetPayment";
/// The sandbox's clock goes forward.
pub const ADVANCE_CLOCK: &str = "/saifu.v1.SandboxService/AdvanceClock";
/// What the sandbox would have sent.
pub const READ_MESSAGES: &str = "/saifu.v1.SandboxService/ReadMessages";
/// The sandbox's shops.
pub const LIST_SHOPS: &str = "/saifu.v1.SandboxService/ListShops";

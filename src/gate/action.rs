//! Whose action a change is. Each kind of caller has actions of its own type, and an order is made of
//! an action and a call of that same kind only.

use super::admitted::{Admitted, Caller};
use super::operation::{CallerKind, Operation};
use super::rejection::Rejection;
use crate::domain::command::{
    DeviceAction, DeviceCall, MerchantAction, MerchantCall, OperatorAction, OperatorCall, Order,
    TerminalAction, TerminalCall,
};
use crate::domain::proof::Proof;

/// What one kind of caller may ask for.
pub trait Action: Send + Sized {
    /// Which kind.
    const CALLER: CallerKind;
    /// The order, when the call is of that kind.
    fn order<O: Operation>(self, call: &Admitted<O>, proof: Option<Proof>) -> Result<Order, Rejection>;
}

impl Action for DeviceAction {
    const CALLER: CallerKind = CallerKind::Device;

    fn order<O: Operation>(self, call: &Admitted<O>, proof: Option<Proof>) -> Result<Order, Rejection> {
        let (account_id, device_id, epoch) = call.device()?;
        let call = DeviceCall { signed: call.signed.clone(), account_id, device_id, epoch, proof };
        Ok(Order::Device(call, self))
    }
}

impl Action for TerminalAction {
    const CALLER: CallerKind = CallerKind::Terminal;

    fn order<O: Operation>(self, call: &Admitted<O>, _proof: Option<Proof>) -> Result<Order, Rejection> {
        let Caller::Terminal { terminal_id, merchant_id, store_id } = call.caller else {
            return Err(Rejection::PermissionDenied);
        };
        let call = TerminalCall { signed: call.signed.clone(), terminal_id, merchant_id, store_id };
        Ok(Order::Terminal(call, self))
    }
}

impl Action for MerchantAction {
    const CALLER: CallerKind = CallerKind::Merchant;

    fn order<O: Operation>(self, call: &Admitted<O>, _proof: Option<Proof>) -> Result<Order, Rejection> {
        let merchant_id = call.merchant()?;
        Ok(Order::Merchant(MerchantCall { signed: call.signed.clone(), merchant_id }, self))
    }
}

impl Action for OperatorAction {
    const CALLER: CallerKind = CallerKind::Operator;

    fn order<O: Operation>(self, call: &Admitted<O>, _proof: Option<Proof>) -> Result<Order, Rejection> {
        let Caller::Operator { operator_id } = call.caller else { return Err(Rejection::PermissionDenied) };
        Ok(Order::Operator(OperatorCall { signed: call.signed.clone(), operator_id }, self))
    }
}

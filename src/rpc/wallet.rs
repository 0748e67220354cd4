//! WalletService: Balance and entries.

mod get_balance;
mod list_entries;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// Balance and entries.
pub struct Wallet {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 2] {
    [Declared::of::<get_balance::GetBalance>(), Declared::of::<list_entries::ListEntries>()]
}

#[tonic::async_trait]
impl pb::wallet_service_server::WalletService for Wallet {
    async fn get_balance(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::GetBalanceReply>, Status> {
        let peer = peer(&request);
        answer(get_balance::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_entries(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListEntriesReply>, Status> {
        let peer = peer(&request);
        answer(list_entries::call(&self.gate, request.into_inner(), peer)).await
    }
}

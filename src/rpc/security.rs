//! SecurityService: Second factor, freezing, and what happened.

mod add_contact;
mod begin_totp;
mod change_passphrase;
mod confirm_contact;
mod confirm_totp;
mod freeze;
mod list_contacts;
mod list_events;
mod remove_contact;
mod replace_saved_code;
mod unfreeze;
mod verify_second_factor;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// Second factor, freezing, and what happened.
pub struct Security {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 12] {
    [
        Declared::of::<verify_second_factor::VerifySecondFactor>(),
        Declared::of::<freeze::Freeze>(),
        Declared::of::<unfreeze::Unfreeze>(),
        Declared::of::<list_events::ListEvents>(),
        Declared::of::<begin_totp::BeginTotp>(),
        Declared::of::<confirm_totp::ConfirmTotp>(),
        Declared::of::<replace_saved_code::ReplaceSavedCode>(),
        Declared::of::<change_passphrase::ChangePassphrase>(),
        Declared::of::<list_contacts::ListContacts>(),
        Declared::of::<add_contact::AddContact>(),
        Declared::of::<confirm_contact::ConfirmContact>(),
        Declared::of::<remove_contact::RemoveContact>(),
    ]
}

#[tonic::async_trait]
impl pb::security_service_server::SecurityService for Security {
    async fn verify_second_factor(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::VerifySecondFactorReply>, Status> {
        let peer = peer(&request);
        answer(verify_second_factor::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn freeze(&self, request: Request<pb::Envelope>) -> Result<Response<pb::FreezeReply>, Status> {
        let peer = peer(&request);
        answer(freeze::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn unfreeze(&self, request: Request<pb::Envelope>) -> Result<Response<pb::UnfreezeReply>, Status> {
        let peer = peer(&request);
        answer(unfreeze::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_events(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListEventsReply>, Status> {
        let peer = peer(&request);
        answer(list_events::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn begin_totp(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::BeginTotpReply>, Status> {
        let peer = peer(&request);
        answer(begin_totp::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn confirm_totp(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ConfirmTotpReply>, Status> {
        let peer = peer(&request);
        answer(confirm_totp::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn replace_saved_code(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ReplaceSavedCodeReply>, Status> {
        let peer = peer(&request);
        answer(replace_saved_code::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn change_passphrase(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ChangePassphraseReply>, Status> {
        let peer = peer(&request);
        answer(change_passphrase::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_contacts(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListContactsReply>, Status> {
        let peer = peer(&request);
        answer(list_contacts::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn add_contact(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::AddContactReply>, Status> {
        let peer = peer(&request);
        answer(add_contact::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn confirm_contact(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ConfirmContactReply>, Status> {
        let peer = peer(&request);
        answer(confirm_contact::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn remove_contact(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RemoveContactReply>, Status> {
        let peer = peer(&request);
        answer(remove_contact::call(&self.gate, request.into_inner(), peer)).await
    }
}

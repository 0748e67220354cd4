//! An operator, as the journal names him.

use crate::domain::id::{KeyId, OperatorId};
use crate::domain::rows::KeyForm;

/// An operator and his key, in full, so that the journal alone verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorKey {
    /// The operator.
    pub operator_id: OperatorId,
    /// His key.
    pub key_id: KeyId,
    /// Its uncompressed point.
    pub point: [u8; 65],
    /// How it signs.
    pub form: KeyForm,
}

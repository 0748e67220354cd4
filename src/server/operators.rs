//! The operators that a deployment begins with: two people with a key each, since what raises money or
//! privilege takes two. A sandbox makes itself both keys; everybody else brings the public ones.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::OperatorsAt;
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::{PublicKey, SignatureForm};
use crate::domain::command::SystemAction;
use crate::domain::decide::Traceless;
use crate::domain::id::{KeyId, OperatorId};
use crate::domain::outcome::OperatorKey;
use crate::domain::rows::KeyForm;
use crate::env::file;
use crate::gate::Gate;
use crate::store::{Answer, StoreError};

/// The files of a sandbox's operators: private keys, PKCS#8.
pub const SANDBOX_FILES: [&str; 2] = ["first.p8", "second.p8"];

/// Why the first operators cannot be enrolled.
#[derive(Debug)]
pub enum OperatorsError {
    /// A key file cannot be read or written.
    File(PathBuf, io::Error),
    /// A key file is not a P-256 private key.
    Malformed(PathBuf),
    /// A key file is not a P-256 public key.
    NoPublicKey(PathBuf),
    /// The deployment began with other operators.
    Others,
    /// The database could not be written.
    Store(StoreError),
}

impl std::fmt::Display for OperatorsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, error) => {
                write!(f, "the operator's key {} cannot be used: {error}", path.display())
            }
            Self::Malformed(path) => {
                write!(f, "{} is not a P-256 private key in PKCS#8: put the right file back", path.display())
            }
            Self::NoPublicKey(path) => write!(
                f,
                "{} is not a P-256 public key in PEM: write one with `openssl pkey -pubout`",
                path.display()
            ),
            Self::Others => f.write_str(
                "the first operators' keys are not those that this deployment began with; nothing was \
                 changed: put the right ones back, and add others through AdminService/Propose",
            ),
            Self::Store(_) => f.write_str(
                "the first operators could not be written into the database: look for a full or read-only \
                 disk, and start again",
            ),
        }
    }
}

impl std::error::Error for OperatorsError {}

impl OperatorsAt {
    /// The two public keys.
    pub(super) fn keys(&self) -> Result<Vec<PublicKey>, OperatorsError> {
        match self {
            Self::Generated(directory) => of_sandbox(directory),
            Self::Files(files) => files.iter().map(|path| read(path)).collect(),
        }
    }
}

/// A public key as `openssl pkey -pubout` writes it; it signs DER.
fn read(path: &Path) -> Result<PublicKey, OperatorsError> {
    let pem = fs::read(path).map_err(|error| OperatorsError::File(path.to_owned(), error))?;
    SubjectPublicKeyInfoDer::from_pem_slice(&pem)
        .ok()
        .and_then(|spki| PublicKey::from_spki(spki.as_ref(), SignatureForm::Der).ok())
        .ok_or_else(|| OperatorsError::NoPublicKey(path.to_owned()))
}

/// A sandbox's operators: their keys are made on the first start, and are in files that anybody who may
/// read this directory can sign with.
fn of_sandbox(directory: &Path) -> Result<Vec<PublicKey>, OperatorsError> {
    let failed = |path: &Path, error| OperatorsError::File(path.to_owned(), error);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| failed(directory, error))?;
    SANDBOX_FILES
        .iter()
        .map(|name| {
            let path = directory.join(name);
            match fs::read(&path) {
                Ok(pkcs8) => DeviceKey::from_pkcs8(&pkcs8, SignatureForm::Der)
                    .map(|key| key.public())
                    .map_err(|_| OperatorsError::Malformed(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let key = DeviceKey::generate(SignatureForm::Der);
                    file::replace(&path, key.pkcs8()).map_err(|error| failed(&path, error))?;
                    Ok(key.public())
                }
                Err(error) => Err(failed(&path, error)),
            }
        })
        .collect()
}

/// Enrols them, once; any other ones later are an error.
pub async fn enrol(gate: &Gate, keys: &[PublicKey]) -> Result<(), OperatorsError> {
    let operators = keys.iter().map(operator).collect();
    match gate.system(SystemAction::EnrolOperators { operators }).await.map_err(OperatorsError::Store)? {
        Answer::Nothing(Traceless::RequestIdReused | Traceless::NothingToDo) => Err(OperatorsError::Others),
        Answer::Final(_)
        | Answer::Open(_)
        | Answer::Kept
        | Answer::Stale(_)
        | Answer::Nothing(Traceless::NotACandidate) => Ok(()),
    }
}

/// An operator's id follows from his key, so that every start names the same.
fn operator(key: &PublicKey) -> OperatorKey {
    let key_id = key.key_id();
    OperatorKey {
        operator_id: OperatorId(std::array::from_fn(|at| key_id[at])),
        key_id: KeyId(key_id),
        point: *key.point(),
        form: match key.form() {
            SignatureForm::Der => KeyForm::Der,
            SignatureForm::Fixed => KeyForm::Fixed,
        },
    }
}

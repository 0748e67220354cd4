//! Where the server's certificate comes from: the operator's files, or the sandbox's own authority.
//!
//! The sandbox makes a certificate authority, signs one server certificate with it and forgets the
//! authority's key: `ca.pem` can be given to any client, and nothing but this server will ever be
//! trusted because of it.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use zeroize::Zeroizing;

use crate::door::reload::Files;
use crate::env::file;

/// The names that a client on this machine may call the sandbox by.
const SANDBOX_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const CA_FILE: &str = "ca.pem";
const CHAIN_FILE: &str = "server.pem";
const KEY_FILE: &str = "server-key.pem";

/// Nobody else has business where a private key lies.
const DIRECTORY_MODE: u32 = 0o700;

/// What the server proves itself with.
pub struct Identity {
    /// The file that a client is given to trust this server: the sandbox's authority, or else the
    /// chain itself.
    pub ca_path: PathBuf,
    /// Where chain and key were read.
    pub files: Files,
    /// The server's certificate and what leads from it to an authority, as PEM.
    pub chain_pem: Vec<u8>,
    /// The private key, as PEM. Secret.
    pub key_pem: Zeroizing<Vec<u8>>,
}

impl Identity {
    /// Reads the operator's own certificate chain and private key, both PEM.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        Ok(Self {
            ca_path: chain.to_owned(),
            files: Files { chain: chain.to_owned(), key: key.to_owned() },
            chain_pem: read(chain)?,
            key_pem: Zeroizing::new(read(key)?),
        })
    }
}

/// The sandbox's own certificates.
pub struct Sandbox;

impl Sandbox {
    /// Reads the sandbox's certificate from `dir`, and makes it first if there is none.
    pub fn load_or_create(dir: &Path) -> Result<Identity, CertificateError> {
        let (ca, chain, key) = (dir.join(CA_FILE), dir.join(CHAIN_FILE), dir.join(KEY_FILE));
        if !ca.exists() {
            create(dir)?;
        } else if !chain.exists() || !key.exists() {
            return Err(CertificateError::Incomplete { dir: dir.to_owned() });
        }
        Ok(Identity { ca_path: ca, ..Identity::from_files(&chain, &key)? })
    }
}

fn create(dir: &Path) -> Result<(), CertificateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(dir)
        .map_err(|source| CertificateError::Unwritable { path: dir.to_owned(), source })?;
    let made = make().map_err(CertificateError::Generation)?;
    // The authority's file comes last and says that all are there: a crash before it starts anew.
    type Replace = fn(&Path, &[u8]) -> io::Result<()>;
    let files: [(_, _, Replace); 3] = [
        (KEY_FILE, made.key.as_bytes(), file::replace),
        (CHAIN_FILE, made.chain.as_bytes(), file::replace),
        // Whoever connects needs it, and it is nobody's secret.
        (CA_FILE, made.authority.as_bytes(), file::replace_public),
    ];
    for (name, content, replace) in files {
        let path = dir.join(name);
        replace(&path, content).map_err(|source| CertificateError::Unwritable { path, source })?;
    }
    Ok(())
}

// Each as PEM.
struct Made {
    authority: String,
    chain: String,
    key: Zeroizing<String>,
}

fn make() -> Result<Made, rcgen::Error> {
    let mut authority = params(&[], "saifu sandbox authority")?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let key = KeyPair::generate()?;
    let mut server = params(&SANDBOX_NAMES, "saifu sandbox")?;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(Made {
        authority: authority.pem(),
        chain: server.signed_by(&key, &authority)?.pem(),
        key: Zeroizing::new(key.serialize_pem()),
    })
}

fn params(names: &[&str], common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    // Wide on purpose: whatever the sandbox's clock is put forward to, its clients still connect.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
}

/// Why there is no certificate to serve with.
#[derive(Debug)]
pub enum CertificateError {
    /// A file could not be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or directory could not be made.
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The sandbox's authority is there and what it signed is not.
    Incomplete {
        /// Where the files should be.
        dir: PathBuf,
    },
    /// Keys or certificates could not be made.
    Generation(rcgen::Error),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(
                f,
                "the certificate file {} cannot be read ({source}): name a file that this user may read",
                path.display()
            ),
            Self::Unwritable { path, source } => write!(
                f,
                "the sandbox's certificate cannot be written to {} ({source}): name a directory that this \
                 user may write to",
                path.display()
            ),
            Self::Incomplete { dir } => write!(
                f,
                "{dir} has {CA_FILE} but lacks {CHAIN_FILE} or {KEY_FILE}: restore them, or remove {CA_FILE} \
                 to have a new certificate made",
                dir = dir.display()
            ),
            Self::Generation(error) => write!(
                f,
                "the sandbox's certificate cannot be made ({error}): start again, or name certificate files \
                 of your own"
            ),
        }
    }
}

impl std::error::Error for CertificateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => Some(source),
            Self::Generation(error) => Some(error),
            Self::Incomplete { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_certificate_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = Sandbox::load_or_create(dir.path()).unwrap();
        let ca_pem = fs::read(&first.ca_path).unwrap();
        let again = Sandbox::load_or_create(dir.path()).unwrap();
        assert_eq!(first.chain_pem, again.chain_pem);
        assert_eq!(*first.key_pem, *again.key_pem);
        assert_eq!(fs::read(&again.ca_path).unwrap(), ca_pem);
    }

    #[test]
    fn the_private_key_is_its_owner_s_and_the_authority_s_is_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("tls");
        Sandbox::load_or_create(&inside).unwrap();
        for (name, expected) in [(KEY_FILE, 0o600), (CA_FILE, 0o644)] {
            let mode = fs::metadata(inside.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{name}");
        }
        let mut names: Vec<_> =
            fs::read_dir(&inside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [CA_FILE, KEY_FILE, CHAIN_FILE]);
        let pem = fs::read_to_string(inside.join(KEY_FILE)).unwrap();
        assert_eq!(pem.matches("PRIVATE KEY").count(), 2, "one key: its header and its footer");
    }

    #[test]
    fn what_a_crash_left_before_the_authority_s_file_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(KEY_FILE), "half").unwrap();
        let identity = Sandbox::load_or_create(dir.path()).unwrap();
        assert!(identity.key_pem.starts_with(b"-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn a_lost_key_is_not_replaced_behind_the_clients_backs() {
        let dir = tempfile::tempdir().unwrap();
        Sandbox::load_or_create(dir.path()).unwrap();
        fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
        let error = Sandbox::load_or_create(dir.path()).err().unwrap();
        assert!(matches!(error, CertificateError::Incomplete { .. }), "{error}");
    }

    #[test]
    fn an_absent_file_is_named() {
        let error = Identity::from_files(Path::new("/absent/a.pem"), Path::new("/absent/b.pem"));
        assert!(error.err().unwrap().to_string().contains("/absent/a.pem"));
    }
}

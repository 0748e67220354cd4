//! `saifu keygen`: a server's keys, a person's key, and a new key's introduction. Nothing that is there is
//! written over.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Failure;
use super::person::{Id, Introduction, Role, private_key};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::envelope::SignatureForm;
use crate::crypto::keyring::Keyring;
use crate::env::file;
use crate::server::SANDBOX_AUDIENCE;

/// What `saifu keygen` makes.
#[derive(Debug, clap::Subcommand)]
pub enum KeygenCommand {
    /// A server's seven secret keys, in a new directory. Every server of a deployment has the same.
    Server {
        /// The directory.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// The key of an operator or of a merchant's server: FILE is private, FILE with `.pem` is public.
    Person {
        /// The private key's file, such as `yuki.p8`.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// What operators are given of a new key: its public half, and its own word for it.
    Introduction {
        /// The private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// What it is to be.
        #[arg(long, value_enum)]
        role: Role,
        /// The deployment's name.
        #[arg(long, value_name = "NAME", default_value = SANDBOX_AUDIENCE)]
        audience: String,
        /// The id of the operator or merchant that is there already, when it gets another key.
        #[arg(long, value_name = "ID")]
        owner: Option<Id>,
        /// The file that is given to them.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

pub(super) fn run(command: KeygenCommand) -> Result<(), Failure> {
    match command {
        KeygenCommand::Server { out } => {
            if out.exists() {
                return Err(format!("{} is there already: name a new directory", out.display()).into());
            }
            let keys = Keyring::load_or_create(&out, &SystemEntropy::new(), true)?;
            println!(
                "seven keys in {}: keep a copy apart from the database's\nsystem key {}",
                out.display(),
                crate::domain::id::hex(&keys.system.public())
            );
            Ok(())
        }
        KeygenCommand::Person { out } => person(&out),
        KeygenCommand::Introduction { key, role, audience, owner, out } => {
            let owner_id = owner.map_or(Vec::new(), |Id(id)| id);
            let introduction = Introduction::of(private_key(&key)?, &audience, role, &owner_id);
            let mut text = serde_json::to_string_pretty(&introduction)?;
            text.push('\n');
            create(&out, text.as_bytes())?;
            println!("{}: give it to an operator", out.display());
            Ok(())
        }
    }
}

fn person(out: &Path) -> Result<(), Failure> {
    let key = DeviceKey::generate(SignatureForm::Der);
    let public = out.with_extension("pem");
    if out.exists() || public.exists() {
        return Err(format!("{} is there already: name a new file", out.display()).into());
    }
    let unwritable = |error| format!("{} cannot be written: {error}", out.display());
    file::replace(out, key.pkcs8()).map_err(unwritable)?;
    let encoded = BASE64.encode(key.public().spki());
    let lines: Vec<String> =
        encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    create(&public, pem.as_bytes())?;
    println!("{} is private: keep it, and give it to nobody\n{} is public", out.display(), public.display());
    Ok(())
}

/// A file that everybody may read and that was not there.
fn create(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let written = File::options().write(true).create_new(true).open(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    Ok(written.map_err(|error| format!("{} cannot be written: {error}", path.display()))?)
}

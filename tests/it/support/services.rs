//! Real servers for tests: PostgreSQL from Debian's packages, one of the test's own, on a free loopback
//! port, as a user other than root, gone with the test.
//!
//! For the library's tests as well as for those in `tests/it`, so it names nothing of either.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The database's superuser, and its password.
const USER: &str = "saifu";
const PASSWORD: &str = "only-for-this-test";

/// A server answers within so many looks, 10 ms apart, or the test fails.
const LOOKS: usize = 6_000;
/// As many ports are tried.
const PORTS: usize = 10;

/// How a cluster is run.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Every commit reaches the disk: where durability is the question.
    pub durable: bool,
    /// Certificate chain and private key, PEM, of a server that takes encrypted connections only.
    pub tls: Option<(&'a str, &'a str)>,
    /// Further settings, one `name=value` each.
    pub settings: &'a [&'a str],
}

/// A cluster of its own; ended when dropped, and when the test dies.
pub struct PostgresServer {
    directory: TempDir,
    user: Option<(u32, u32)>,
    options: Vec<String>,
    port: u16,
    running: Option<Child>,
}

impl PostgresServer {
    /// A new cluster, answering.
    pub fn start(wanted: Wanted<'_>) -> Self {
        let directory = tempfile::Builder::new().prefix("saifu-postgres").tempdir().expect("a directory");
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            chown(directory.path(), Some(uid), Some(gid)).expect("root gives its directory away");
        }
        let mut server = Self { directory, user, options: Vec::new(), port: 0, running: None };
        server.init();
        server.configure(wanted);
        server.resume();
        server
    }

    /// Another one that follows it by this name, from now on.
    pub fn standby(&self, name: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("saifu-standby").tempdir().expect("a directory");
        if let Some((uid, gid)) = self.user {
            chown(directory.path(), Some(uid), Some(gid)).expect("root gives its directory away");
        }
        let options = self.options.clone();
        let mut standby = Self { directory, user: self.user, options, port: 0, running: None };
        let primary =
            format!("postgresql://{USER}:{PASSWORD}@127.0.0.1:{}/?application_name={name}", self.port);
        let made = standby
            .command("pg_basebackup")
            .args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf"])
            .args([format!("--dbname={primary}"), format!("--pgdata={}", standby.data().display())])
            .output()
            .expect("pg_basebackup runs");
        assert!(made.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&made.stderr));
        standby.resume();
        standby
    }

    /// Its address for a database, without TLS.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Its address by a host name of the caller's, verified.
    pub fn verified_url(&self, host: &str, database: &str) -> String {
        format!("postgresql://{USER}:{PASSWORD}@{host}:{}/{database}", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// SIGQUIT: it ends at once, as if its machine had failed, and recovers when it is resumed.
    pub fn crash(&mut self) {
        if let Some(mut child) = self.running.take() {
            signal(&child, "QUIT");
            child.wait().expect("it ends");
        }
    }

    /// Starts it again, on the same port unless that is taken by now.
    pub fn resume(&mut self) {
        for _ in 0..PORTS {
            if self.port == 0 {
                self.port = free_port();
            }
            let child = self.spawn();
            if self.answers(child) {
                return;
            }
            // Somebody else was faster with this port.
            self.port = 0;
        }
        panic!("PostgreSQL does not start: {}", self.log());
    }

    fn init(&self) {
        let password = self.directory.path().join("password");
        fs::write(&password, PASSWORD).expect("a file");
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).expect("its own file");
        let made = self
            .command("initdb")
            .args(["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"])
            .args([&format!("--username={USER}"), &format!("--pwfile={}", password.display())])
            .arg(format!("--pgdata={}", self.data().display()))
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    }

    fn configure(&mut self, wanted: Wanted<'_>) {
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "max_connections=60".to_owned(),
            "shared_buffers=32MB".to_owned(),
            format!("fsync={}", if wanted.durable { "on" } else { "off" }),
        ];
        if let Some((chain, key)) = wanted.tls {
            for (name, content) in [("server.pem", chain), ("server-key.pem", key)] {
                let path = self.data().join(name);
                fs::write(&path, content).expect("a file");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its own file");
                if let Some((uid, gid)) = self.user {
                    chown(&path, Some(uid), Some(gid)).expect("root gives its file away");
                }
            }
            let lines = "hostssl all all 127.0.0.1/32 scram-sha-256\n";
            fs::write(self.data().join("pg_hba.conf"), lines).expect("a file");
            settings.extend(
                ["ssl=on", "ssl_cert_file=server.pem", "ssl_key_file=server-key.pem"].map(str::to_owned),
            );
        }
        settings.extend(wanted.settings.iter().map(|&setting| setting.to_owned()));
        self.options = settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect();
    }

    fn spawn(&self) -> Child {
        let log = fs::File::create(self.directory.path().join("log")).expect("a file");
        self.command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres starts")
    }

    /// Waits until it accepts sessions; false when it ended instead.
    fn answers(&mut self, mut child: Child) -> bool {
        for _ in 0..LOOKS {
            if child.try_wait().expect("a child of ours").is_some() {
                return false;
            }
            if accepts_sessions(self.port) {
                self.running = Some(child);
                return true;
            }
            pause();
        }
        panic!("PostgreSQL does not answer: {}", self.log());
    }

    /// One of its programs, as the unprivileged user, ended when the test dies.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if let Some((uid, gid)) = self.user {
            command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()]);
        }
        command.args(["--pdeathsig", "QUIT", "--"]).arg(programs().join(program));
        command.current_dir(self.directory.path()).env_clear().env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.crash();
    }
}

#[expect(clippy::disallowed_methods, reason = "between two looks, until a deadline")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

fn signal(child: &Child, name: &str) {
    let told = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(told.expect("kill runs").success());
}

/// Whether a server on this port answers the first message of a session: one that still starts or
/// recovers refuses it, with an error; one that is ready asks for a password.
fn accepts_sessions(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    body.extend(format!("user\0{USER}\0database\0postgres\0\0").bytes());
    let mut message = (u32::try_from(body.len()).expect("short") + 4).to_be_bytes().to_vec();
    message.extend(body);
    let mut answer = [0; 256];
    let Ok(length) = stream.write_all(&message).and_then(|()| stream.read(&mut answer)) else { return false };
    // 'R' asks for authentication; an error whose code begins with 28 is the host's rule that wants TLS.
    answer[..length].first() == Some(&b'R') || answer[..length].windows(4).any(|window| window == b"C280")
}

/// Root may not run PostgreSQL: then somebody who owns nothing does.
fn unprivileged() -> Option<(u32, u32)> {
    let number = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().expect("id runs");
        String::from_utf8_lossy(&output.stdout).trim().parse().ok().filter(|_| output.status.success())
    };
    let is_root = number(&["-u"]) == Some(0);
    let of = |name: &str| number(&["-u", name]).zip(number(&["-g", name]));
    is_root.then(|| of("postgres").or_else(|| of("nobody")).expect("a user other than root"))
}

/// The newest of PostgreSQL's versioned folders.
fn programs() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))
        })
        .collect();
    found.sort();
    let (_, newest) = found.pop().expect("PostgreSQL is not installed: run scripts/install-services");
    newest.join("bin")
}

/// A loopback port that nobody listens on at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

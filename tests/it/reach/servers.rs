//! Real servers on loopback, each in a folder of its own, ended by its process id.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server; it ends with this.
pub struct Server {
    child: Child,
    pub port: u16,
    pub dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The path of a program, where the machine has it.
pub fn program(name: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.map(|v| v.unwrap().path().join("bin")));
    }
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
}

/// Says that a test was not made.
pub fn skipped(what: &str) {
    println!("skipped: {what} is not installed");
}

fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < end, "{what} did not start");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn open(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn quiet(command: &mut Command, log: &Path) -> Child {
    let file = std::fs::File::create(log).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap()
}

/// PostgreSQL, which does not run as root.
pub fn postgres() -> Option<Server> {
    let (Some(initdb), Some(postgres)) = (program("initdb"), program("postgres")) else {
        skipped("postgresql");
        return None;
    };
    let dir = tempfile::tempdir().unwrap();
    let root = rustix::process::getuid().is_root();
    let as_user = |program: &Path| {
        if !root {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        command.arg(program);
        command
    };
    let pw = dir.path().join("pw");
    std::fs::write(&pw, "admin pass'word").unwrap();
    if root {
        let chown = Command::new("chown")
            .arg("-R")
            .arg("postgres")
            .arg(dir.path())
            .status();
        if !chown.is_ok_and(|status| status.success()) {
            skipped("the user postgres");
            return None;
        }
    }
    let data = dir.path().join("data");
    let made = as_user(&initdb)
        .args(["-A", "scram-sha-256", "-U", "boss", "-N"])
        .arg("-D")
        .arg(&data)
        .arg(format!("--pwfile={}", pw.display()))
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let port = free_port();
    let log = dir.path().join("log");
    let mut command = as_user(&postgres);
    command
        .arg("-D")
        .arg(&data)
        .args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "log_statement=all",
            "-c",
            "fsync=off",
        ])
        .arg("-c")
        .arg(format!("unix_socket_directories={}", dir.path().display()));
    let server = Server {
        child: quiet(&mut command, &log),
        port,
        dir,
    };
    until("postgres", || {
        server.psql("boss", "admin pass'word", "SELECT 1").is_some()
    });
    Some(server)
}

impl Server {
    /// What the server's own client gets.
    pub fn psql(&self, user: &str, password: &str, statement: &str) -> Option<String> {
        let output = Command::new(program("psql")?)
            .env("PGPASSWORD", password)
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                user,
                "-d",
                "postgres",
            ])
            .args(["-w", "-Atqc", statement])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| text.trim_end().to_owned())
    }

    /// What `redis-cli` prints.
    pub fn redis(&self, user: &str, password: &str, words: &[&str]) -> String {
        let output = Command::new(program("redis-cli").unwrap())
            .args([
                "-p",
                &self.port.to_string(),
                "--no-auth-warning",
                "--user",
                user,
                "-a",
                password,
            ])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.path().join("log")).unwrap()).into_owned()
    }

    /// Ends Redis and starts it again on the same files.
    pub fn restart_redis(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = redis_on(self.dir.path(), self.port);
        until("redis", || open(self.port));
    }
}

fn redis_on(dir: &Path, port: u16) -> Child {
    let mut command = Command::new(program("redis-server").unwrap());
    command
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        .arg("--dir")
        .arg(dir)
        .arg("--aclfile")
        .arg(dir.join("users.acl"));
    quiet(&mut command, &dir.join("log"))
}

pub fn redis() -> Option<Server> {
    if program("redis-server").is_none() {
        skipped("redis-server");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let users = "user default on >adm ~* &* +@all\nuser app on >first ~* &* +@all\n";
    std::fs::write(dir.path().join("users.acl"), users).unwrap();
    let port = free_port();
    let child = redis_on(dir.path(), port);
    until("redis", || open(port));
    Some(Server { child, port, dir })
}

/// The folder of the virtual environment with moto, a server of AWS's APIs that checks signatures.
pub fn moto_home() -> Option<PathBuf> {
    let home = std::env::var_os("ROT_MOTO").map(PathBuf::from);
    let home = home.filter(|home| home.join("bin/moto_server").exists());
    if home.is_none() {
        skipped("moto (ROT_MOTO names its virtual environment)");
    }
    home
}

pub fn moto() -> Option<Server> {
    let home = moto_home()?;
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = Command::new(home.join("bin/moto_server"));
    command
        .env("INITIAL_NO_AUTH_ACTION_COUNT", "4")
        .args(["-p", &port.to_string()]);
    let child = quiet(&mut command, &dir.path().join("log"));
    let server = Server { child, port, dir };
    until("moto", || open(port));
    Some(server)
}

/// The files of a MariaDB server whose root has the password [`MARIADB_ROOT`]: made once, copied for each server.
fn mariadb_files() -> Option<&'static Path> {
    static MADE: std::sync::OnceLock<Option<tempfile::TempDir>> = std::sync::OnceLock::new();
    let made = MADE.get_or_init(|| {
        let (Some(install), Some(_)) = (program("mariadb-install-db"), program("mariadbd")) else {
            skipped("mariadb-server");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let made = Command::new(install)
            .args(["--no-defaults", "--auth-root-authentication-method=normal"])
            .args(["--skip-test-db", "--skip-name-resolve"])
            .args(["--innodb-log-file-size=4M", "--innodb-flush-method=nosync"])
            .arg(format!("--datadir={}", dir.path().join("data").display()))
            .args(mariadb_user())
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stdout)
        );
        Some(dir)
    });
    made.as_ref().map(tempfile::TempDir::path)
}

/// MariaDB runs as root only when it is told to.
fn mariadb_user() -> Option<&'static str> {
    rustix::process::getuid().is_root().then_some("--user=root")
}

pub const MARIADB_ROOT: &str = "admin pass'word\\";

/// MariaDB with a `sql_mode` of its own; statements are in its log.
pub fn mariadb(mode: &str) -> Option<Server> {
    let files = mariadb_files()?;
    let dir = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .args(["-r", "--sparse=always"])
        .arg(files.join("data"))
        .arg(dir.path())
        .status();
    assert!(copied.unwrap().success());
    let init = dir.path().join("init.sql");
    std::fs::write(
        &init,
        format!(
            "SET SESSION sql_mode='NO_BACKSLASH_ESCAPES'; CREATE USER boss@'127.0.0.1' IDENTIFIED BY '{}'; GRANT ALL ON *.* TO boss@'127.0.0.1' WITH GRANT OPTION;\n",
            MARIADB_ROOT.replace('\'', "''")
        )
        .replace("; ", ";\n"),
    )
    .unwrap();
    let port = free_port();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let mut command = Command::new(program("mariadbd").unwrap());
    command
        .args(["--no-defaults", "--bind-address=127.0.0.1"])
        .args(["--skip-name-resolve", "--general-log"])
        .args(["--innodb-log-file-size=4M", "--innodb-flush-method=nosync"])
        .args(["--innodb-buffer-pool-size=8M", "--performance-schema=OFF"])
        .arg(format!("--port={port}"))
        .arg(format!("--sql-mode={mode}"))
        .arg(format!("--datadir={}", path("data")))
        .arg(format!("--socket={}", path("socket")))
        .arg(format!("--pid-file={}", path("pid")))
        .arg(format!("--general-log-file={}", path("log")))
        .arg(format!("--init-file={}", path("init.sql")))
        .args(mariadb_user());
    let child = quiet(&mut command, &dir.path().join("errors"));
    let server = Server { child, port, dir };
    until("mariadb", || {
        server.mariadb("boss", MARIADB_ROOT, "SELECT 1").is_some()
    });
    Some(server)
}

impl Server {
    /// What MariaDB's own client gets.
    pub fn mariadb(&self, user: &str, password: &str, statement: &str) -> Option<String> {
        let output = Command::new(program("mariadb")?)
            .args(["--no-defaults", "-h", "127.0.0.1", "-u", user])
            .arg(format!("-P{}", self.port))
            .arg(format!("-p{password}"))
            .args(["-N", "-B", "-r", "-e", statement])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| text.trim_end().to_owned())
    }
}

/// An LDAP server whose administrator has a password of this hash.
pub fn ldap(hash: &str) -> Option<Server> {
    let Some(slapd) = program("slapd").filter(|_| program("ldapwhoami").is_some()) else {
        skipped("slapd");
        return None;
    };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let settings = dir.path().join("slapd.conf");
    let text = format!(
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\nsuffix dc=x\nrootdn cn=admin,dc=x\nrootpw {hash}\ndirectory {}\n",
        data.display()
    );
    std::fs::write(&settings, text).unwrap();
    let port = free_port();
    let mut command = Command::new(slapd);
    command
        .args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}")])
        .arg("-f")
        .arg(settings);
    let child = quiet(&mut command, &dir.path().join("log"));
    let server = Server { child, port, dir };
    until("slapd", || open(port));
    Some(server)
}

impl Server {
    /// Whether the LDAP server takes the password of its administrator.
    pub fn ldap_bind(&self, password: &str) -> bool {
        let output = Command::new(program("ldapwhoami").unwrap())
            .arg("-x")
            .args(["-H", &format!("ldap://127.0.0.1:{}", self.port)])
            .args(["-D", "cn=admin,dc=x", "-w", password])
            .output()
            .unwrap();
        output.status.success()
    }
}

//! Each way out that a message about the vault, the state or an identity names leads out: the situation is made, the message is
//! read, and what it says is done, in a shell, word by word.
//!
//! A code without a trial fails, and so does a help line that names a command and that no trial has seen.

use crate::support::project::{Called, Project};
use rot::diagnostic::{ALL_CODES, Category};
use std::process::Command;

/// One situation: how it comes about, what is called then, what the message says, and what is done about it.
struct Trial {
    code: &'static str,
    make: &'static str,
    call: &'static str,
    exit: i32,
    /// A part of the help, or of the message where there is none; words of the situation as `$NAME`.
    help: &'static str,
    way: &'static str,
}

const fn trial(
    code: &'static str,
    make: &'static str,
    call: &'static str,
    exit: i32,
    help: &'static str,
    way: &'static str,
) -> Trial {
    Trial {
        code,
        make,
        call,
        exit,
        help,
        way,
    }
}

/// Functions of all scripts: `v NAME VALUE` stores, `id FILE` makes another identity and prints its key, `plain` and `seal` are
/// the stock age program's view of the vault.
const PRELUDE: &str = r#"set -e
v() { printf %s "$2" | rot -q vault set "$1"; }
own() { rot identity show; }
id() { rot -q --identity "$1" identity new; }
I=$XDG_CONFIG_HOME/rot/identity.txt
plain() { age --decrypt -i "$I" rot.vault; }
up() { sed -E "s/(\"generation\": *)([0-9]+)/\1$1/"; }
"#;

/// A run that stops behind an effect, by itself.
const OPEN: &str = r#"rot -q vault init; cat > r.rot <<'X'
secret tok
rotation r {
  generate g password { length 32 }
  update tok = g.value
  fail "not today"
}
X
rot -q run r.rot >/dev/null 2>&1 || [ $? = 21 ]; J=$(ls "$XDG_STATE_HOME"/rot/runs/*/*.jnl)"#;

const TRIALS: &[Trial] = &[
    trial(
        "ROT801",
        "id \"$I\"",
        "rot vault list",
        2,
        "`rot vault init` makes one; `--vault PATH` names another",
        "rot vault init && rot vault list; rot --vault x.vault vault init",
    ),
    trial(
        "ROT801",
        "rot vault init; v a 1; v a 2; rm rot.vault",
        "rot vault list",
        2,
        "one change older: `cp $PWD/.rot.vault.prev $PWD/rot.vault`, then `rot vault accept`",
        "cp $PWD/.rot.vault.prev $PWD/rot.vault; rot vault accept; [ $(rot vault get a) = 1 ]",
    ),
    trial(
        "ROT801",
        "rot vault init; v a 1; rm rot.vault .rot.vault.prev",
        "rot vault list",
        2,
        "restore it from version control or a backup; `rot vault init --anew` begins a new one",
        "rot vault init --anew; v a 1",
    ),
    trial(
        "ROT802",
        "rot vault init",
        "rot vault init",
        2,
        "use it as it is, or name another file with `--vault PATH`; to join its people, `rot identity new` makes your key",
        "rot --vault other.vault vault init; rot --identity mine.txt identity new; rot vault list",
    ),
    trial(
        "ROT802",
        "rot vault init; v a 1; rm rot.vault",
        "rot vault init",
        2,
        "`rot vault init --anew` begins a new one and keeps what is left of the old",
        "rot vault init --anew; rot --read-only --vault .rot.vault.*.lost vault list",
    ),
    trial(
        "ROT802",
        "rot vault init; v a 1; rm rot.vault .rot.vault.prev",
        "rot vault init",
        2,
        "restore it from version control or a backup; `rot vault init --anew`",
        "rot vault init --anew",
    ),
    trial(
        "ROT803",
        "rot vault init; mv rot.vault real.vault; ln -s real.vault rot.vault",
        "rot vault list",
        2,
        "name the file that it leads to",
        "rot --vault real.vault vault list",
    ),
    trial(
        "ROT803",
        "rot vault init; v a 1; v a 2; head -c 150 rot.vault > x; mv x rot.vault",
        "rot vault list",
        23,
        "restore the file from a copy; the `.prev` file beside it is one change older, and `rot vault accept` takes it",
        "cp .rot.vault.prev rot.vault; rot vault accept; [ $(rot vault get a) = 1 ]",
    ),
    trial(
        "ROT804",
        "rot vault init; id b.txt",
        "rot --identity b.txt vault list",
        2,
        "ask a recipient to run `rot vault recipients add` with the public key that `rot identity show` prints",
        "rot vault recipients add $(rot --identity b.txt identity show); rot --identity b.txt vault list",
    ),
    trial(
        "ROT805",
        "rot vault init; v a 1; plain | sed 's#rot.vault/v2#rot.vault/v9#' | age --encrypt -r $(own) -o x; mv x rot.vault",
        "rot vault list",
        2,
        "update rot; `age --decrypt` still shows the content",
        "age --decrypt -i $I rot.vault | grep -q '\"a\"'",
    ),
    trial(
        "ROT805",
        "rot vault init; v a 1; v a 2; plain | up 4 | age --encrypt -r $(own) -r $(id b.txt) -o x; mv x rot.vault",
        "rot vault verify",
        23,
        "`rot vault recipients` lists them; the next change seals it to those and nobody else",
        "rot vault recipients; v a 3; rot vault verify",
    ),
    trial(
        "ROT806",
        "rot vault init; rot -q --vault o.vault vault init; cp o.vault rot.vault",
        "rot vault list",
        23,
        "restore the newest copy of the vault; when this one is right, and you know why, `rot vault accept` takes it",
        "rot vault accept; v a 1; rot vault list",
    ),
    trial(
        "ROT806",
        "rot vault init; v a 1; for p in $XDG_STATE_HOME/rot/vaults/*.pin; do echo junk > $p; done",
        "rot vault list",
        23,
        "when the vault is right, and you know why, `rot vault accept` remembers it anew",
        "rot vault accept; rot vault list",
    ),
    trial(
        "ROT806",
        "rot vault init; v a 1; rot vault recipients add $(id b.txt) --name dan; cp rot.vault old; rot vault recipients remove dan; cp rot.vault new; cp old rot.vault",
        "rot vault list",
        23,
        "restore the newest copy; what a member stored in this one meanwhile is read with `--read-only`, and stored again",
        "rot --read-only vault get a; cp new rot.vault; rot vault list",
    ),
    trial(
        "ROT807",
        "rot vault init; v a 1; cp rot.vault old; v a 2; cp rot.vault new; cp old rot.vault",
        "rot vault list",
        23,
        "`rot vault accept` takes it",
        "cp new rot.vault; rot vault list; cp old rot.vault; rot vault accept; v a 3",
    ),
    trial(
        "ROT808",
        "rot vault init; v a 1; cp rot.vault base; v a 2; cp rot.vault mine; cp base rot.vault; export ROT_STATE=$PWD/other; v b 1; unset ROT_STATE",
        "rot vault list",
        23,
        "`rot vault merge OTHER` joins this file with a copy of the other one, such as `git show HEAD:rot.vault` gives; `rot vault accept` takes this one as it is",
        "cp rot.vault theirs; rot vault merge mine; [ $(rot vault get a)$(rot vault get b) = 21 ]; cp theirs rot.vault; rot vault accept; rot vault list",
    ),
    trial(
        "ROT809",
        "rot vault init; flock rot.vault.lock sh -c 'touch held; sleep 2' & until [ -e held ]; do sleep 0.05; done",
        "rot --lock-timeout 10ms vault environment x",
        24,
        "wait until it is done; the lock goes away with its process",
        "sleep 2; rot vault environment x",
    ),
    trial(
        "ROT810",
        "rot vault init; v a 1; V=$(rot vault history a | tail -1 | cut -d' ' -f1)",
        "rot vault revoked a $V",
        2,
        "store what takes its place first: `rot vault set a`",
        "v a 2; rot vault revoked a $V",
    ),
    trial(
        "ROT811",
        "rot vault init; v a 1",
        "rot vault get nothing",
        2,
        "`rot vault list` shows the names; `rot vault set NAME` stores one",
        "rot vault list; v nothing 1; rot vault get nothing",
    ),
    trial(
        "ROT811",
        "rot vault init; v a 1",
        "rot vault get a --version x",
        2,
        "`rot vault history a` lists its versions",
        "rot vault get a --version $(rot vault history a | tail -1 | cut -d' ' -f1)",
    ),
    trial(
        "ROT811",
        "rot vault init; v a 1; v a 2",
        "rot vault revoked a",
        2,
        "`rot vault history a` lists its versions; name one: `rot vault revoked a VERSION`",
        "rot vault revoked a $(rot vault history a | tail -1 | cut -d' ' -f1)",
    ),
    trial(
        "ROT812",
        "rot vault init",
        "rot vault set a",
        2,
        "pipe it in (`pass show x | rot vault set NAME`), or type it at the prompt; `--allow-empty` stores an empty one",
        "printf x | rot vault set a; rot vault set a --allow-empty </dev/null",
    ),
    trial(
        "ROT812",
        "rot vault init; printf '{\"f\":\"1\"}' | rot vault set a --record",
        "rot vault set a --unset f",
        2,
        "`rot vault remove a` forgets the secret",
        "rot vault remove a",
    ),
    trial(
        "ROT812",
        "rot vault init; v path 1",
        "rot vault export --format env",
        2,
        "give it another name: `--prefix APP_`, or `rot vault export --format json`",
        "rot vault export --format env --prefix APP_ | grep -q APP_PATH; rot vault export --format json",
    ),
    trial(
        "ROT812",
        "rot vault init; printf '\\377' | rot vault set a",
        "rot vault export --format env",
        2,
        "`--format json` writes it as base64",
        "rot vault export --format json | grep -q base64",
    ),
    trial(
        "ROT812",
        "rot vault init; printf '1\\n2' | rot vault set a",
        "rot vault export --format docker",
        2,
        "`--format json` holds every value",
        "rot vault export --format json",
    ),
    trial(
        "ROT812",
        "rot vault init; echo '{\"@\":\"1\"}' > f.json",
        "rot vault import f.json",
        2,
        "`--map THEIRS=NAME` gives one",
        "rot vault import f.json --map @=a --apply; rot vault get a",
    ),
    trial(
        "ROT811",
        "rot vault init; v a 1",
        "rot vault export --format k8s --key b=c",
        2,
        "`--key NAME=KEY` names a secret, `--key NAME.FIELD=KEY` a field of a record",
        "rot vault export --format k8s --key a=c; printf '{\"f\":\"1\"}' | rot vault set r --record; rot vault export --format k8s --key r.f=c r",
    ),
    trial(
        "ROT812",
        "rot vault init; echo 'A=1' > f.env",
        "rot vault import f.env --map nothing=b",
        2,
        "without `--apply`, a table of its names is shown",
        "rot vault import f.env | grep -q A; rot vault import f.env --map A=b --apply",
    ),
    trial(
        "ROT841",
        "rot vault init; v a 1",
        "rot vault get a --field x",
        2,
        "leave `--field` away",
        "rot vault get a",
    ),
    trial(
        "ROT841",
        "rot vault init; printf '{\"f\":\"1\"}' | rot vault set a --record",
        "rot vault get a",
        2,
        "name a field with `--field`: f",
        "rot vault get a --field f",
    ),
    trial(
        "ROT841",
        "rot vault init; v a 1",
        "rot --read-only vault remove a",
        2,
        "leave `--read-only` away",
        "rot vault remove a",
    ),
    trial(
        "ROT841",
        ":",
        "env -u HOME -u XDG_CONFIG_HOME -u XDG_STATE_HOME rot vault init",
        2,
        "set HOME, or give `--identity PATH` or ROT_IDENTITY, or write `[vault] identity` in rot.toml",
        "env -u HOME -u XDG_CONFIG_HOME -u XDG_STATE_HOME rot --identity $PWD/i.txt --state $PWD/s vault init",
    ),
    trial(
        "ROT841",
        "rot identity new",
        "rot identity new",
        2,
        "`rot identity show` prints its public key; `--identity PATH` names another place",
        "rot identity show; rot --identity b.txt identity new",
    ),
    trial(
        "ROT841",
        ":",
        "rot --identity a --identity b identity new",
        2,
        "name the one to make: `--identity PATH`",
        "rot --identity a identity new",
    ),
    trial(
        "ROT813",
        "rot vault init; v a 1; mv $I kept",
        "rot vault list",
        2,
        "`rot identity new` makes one; `--identity PATH` names another",
        "rot --identity kept vault list; rot identity new; rot --identity kept vault recipients add $(rot identity show); rot vault get a",
    ),
    trial(
        "ROT814",
        "rot vault init; chmod 644 $I",
        "rot vault list",
        2,
        "chmod 600 $I",
        "chmod 600 $I; rot vault list",
    ),
    trial(
        "ROT815",
        "rot vault init; export ROT_IDENTITY=AGE-SECRET-KEY-1NONE",
        "rot vault list",
        2,
        "a file (`--identity PATH`) is safer",
        "unset ROT_IDENTITY; rot --identity $I vault list; ROT_IDENTITY=$(grep AGE- $I) rot vault list",
    ),
    trial(
        "ROT816",
        "rot vault init",
        "rot vault recipients add nonsense",
        2,
        "a recipient is `age1…`, `ssh-ed25519 …` or `ssh-rsa …`",
        "rot vault recipients add $(id b.txt)",
    ),
    trial(
        "ROT816",
        "rot vault init",
        "rot vault recipients add age1tpm1abcdef",
        2,
        "use an `age1…` key made by `age-keygen`, or an SSH key",
        "rot vault recipients add $(id b.txt)",
    ),
    trial(
        "ROT816",
        "rot vault init",
        "rot vault recipients remove nobody",
        2,
        "`rot vault recipients` lists them",
        "rot vault recipients",
    ),
    trial(
        "ROT816",
        "rot vault init",
        "rot vault recipients remove $(own)",
        2,
        "add another one first: `rot vault recipients add KEY`",
        "rot vault recipients add $(id b.txt); rot vault recipients remove $(own) --force; rot --identity b.txt vault list",
    ),
    trial(
        "ROT816",
        "rot vault init; rot vault recipients add $(id b.txt) --name dan",
        "rot vault recipients add $(id c.txt) --name dan",
        2,
        "give this one another name: `--name NAME`",
        "rot vault recipients add $(rot --identity c.txt identity show) --name eve",
    ),
    trial(
        "ROT816",
        "rot vault init; rot vault recipients add $(id b.txt)",
        "rot vault recipients remove $(own)",
        2,
        "`--force` removes the recipient all the same; make sure that another one's identity works first",
        "rot --identity b.txt vault list; rot vault recipients remove $(own) --force; rot --identity b.txt vault list",
    ),
    trial(
        "ROT817",
        "rot vault init; v a 1",
        "rot vault rollback a",
        2,
        "`rot vault history a` lists what there is",
        "rot vault history a; v a 2; rot vault rollback a",
    ),
    trial(
        "ROT817",
        "rot vault init; printf 1 | rot vault set a --expires 2020-01-01T00:00:00Z; v a 2",
        "rot vault rollback a",
        2,
        "`--force` restores it all the same; a new rotation is mostly what you want",
        "rot vault rollback a --force; [ $(rot vault get a) = 1 ]",
    ),
    trial(
        "ROT818",
        "rot vault init",
        "rot --state $PWD/other vault list",
        0,
        "sees the vault for the first time",
        "rot --state $PWD/other vault list",
    ),
    trial(
        "ROT819",
        "rot vault init; printf x > file",
        "rot --state $PWD/file vault list",
        0,
        "cannot remember the vault",
        "rot --state $PWD/other vault list",
    ),
    trial(
        "ROT820",
        "rot vault init; v a 1",
        "sh -c 'O=$(ulimit -f 0; rot vault environment x 2>&1); E=$?; echo \"$O\"; exit $E'",
        20,
        "check the free space, the permissions and the health of the disk",
        "rot vault environment x",
    ),
    trial(
        "ROT821",
        "OPEN; python3 -c \"import sys;p=sys.argv[1];b=bytearray(open(p,'rb').read());b[200]^=1;open(p,'wb').write(b)\" $J",
        "rot resume",
        23,
        "look at what the issuer has live, move the file away, give the run up with `rot resume $R --abandon`, and start a new run",
        "mv $J away; rot resume $R --abandon; rot run r.rot || [ $? = 21 ]; rot resume --abandon",
    ),
    trial(
        "ROT822",
        "OPEN; python3 -c \"import sys;p=sys.argv[1];b=open(p,'rb').read();import hashlib;f=b'RTJ9'+b[4:12];open(p,'wb').write(f+hashlib.sha256(f).digest()[:4]+b[16:])\" $J",
        "rot resume",
        2,
        "move the file away, give the run up with `rot resume $R --abandon`, and start a new run",
        "mv $J away; rot resume $R --abandon; rot run r.rot || [ $? = 21 ]; rot resume --abandon",
    ),
    trial(
        "ROT714",
        "OPEN; rot vault recipients add $(id b.txt) --name dan",
        "rot vault recipients remove dan",
        2,
        "end it first: `rot resume $R`; `--force` removes the recipient all the same",
        "rot resume --abandon; rot vault recipients remove dan",
    ),
    trial(
        "ROT826",
        "rot vault init; cp -r $XDG_STATE_HOME other; rot vault recipients add $(id b.txt) --name dan",
        "env XDG_STATE_HOME=$PWD/other rot vault list",
        0,
        "added dan",
        "env XDG_STATE_HOME=$PWD/other rot vault list",
    ),
    trial(
        "ROT827",
        "printf '[environment.prod]\\nvault = \"rot.vault\"\\n[environment.dev]\\nvault = \"rot.vault\"\\n' > rot.toml; rot vault init; echo 'rotation r { log \"x\" }' > r.rot",
        "rot --environment prod run r.rot",
        2,
        "when it is the vault of `prod`: `rot --environment prod vault environment prod`",
        "rot --environment prod vault environment prod; rot --environment prod run r.rot",
    ),
    trial(
        "ROT827",
        "printf '[environment.prod]\\nvault = \"rot.vault\"\\n[environment.dev]\\nvault = \"rot.vault\"\\n' > rot.toml; rot --environment prod vault init; echo 'rotation r { log \"x\" }' > r.rot",
        "rot run r.rot",
        2,
        "give `--environment prod`, or set ROT_ENVIRONMENT",
        "rot --environment prod run r.rot; ROT_ENVIRONMENT=prod rot run r.rot",
    ),
    trial(
        "ROT827",
        "printf '[environment.prod]\\nvault = \"rot.vault\"\\n[environment.dev]\\nvault = \"rot.vault\"\\n' > rot.toml; rot --environment prod vault init",
        "rot --environment dev vault list",
        2,
        "give `--environment prod`, or name the vault of `dev` in `[environment.dev]`",
        "rot --environment prod vault list; printf '[environment.dev]\\nvault = \"dev.vault\"\\n' > rot.toml; rot --environment dev vault init; rot --environment dev vault list",
    ),
    trial(
        "ROT828",
        "rot vault init; v a 1; plain | sed -E 's/(\"ancestors\": *)\"[^\"]*\"/\\1\"\"/; s/(\"prev\": *\"sha256:)[0-9a-f]{8}/\\100000000/' | up 5000 | age --encrypt -r $(own) -o x; mv x rot.vault",
        "rot vault list",
        0,
        "look whether what was stored on this machine is there",
        "rot vault list; rot vault get a",
    ),
    trial(
        "ROT829",
        "rot vault init; v a 1; rot -q --vault o.vault vault init; printf 2 | rot -q --vault o.vault vault set b",
        "rot vault merge o.vault",
        23,
        "`rot vault import` carries values from one vault to another",
        "rot --vault o.vault vault export --format json | rot vault import - --format json --apply; rot vault get b",
    ),
    trial(
        "ROT829",
        "rot vault init; v a 1; rot vault recipients add $(id b.txt) --name dan; cp rot.vault base; cp base o.vault; rot vault recipients remove dan; printf 2 | rot -q --state $PWD/other --vault o.vault vault set b",
        "rot vault merge o.vault",
        23,
        "keep the copy in which the recipient was removed; when you know who wrote the other one, `rot vault merge OTHER --across-removal` joins them, and the recipient stays removed",
        "rot vault merge o.vault --across-removal --base base; rot vault get b; ! rot vault recipients | grep -q dan",
    ),
    trial(
        "ROT829",
        "rot vault init; v a 1; rot vault recipients add $(id b.txt) --name dan; rot vault recipients add $(id c.txt) --name eve; cp rot.vault base; cp base o.vault; rot vault recipients remove dan; rot -q --state $PWD/other --vault o.vault vault recipients remove eve",
        "rot vault merge o.vault",
        23,
        "when you know who wrote them, `rot vault merge OTHER --across-removal` joins them, and both recipients stay removed",
        "rot vault merge o.vault --across-removal --base base; [ $(rot vault recipients | wc -l) = 1 ]",
    ),
    trial(
        "ROT818",
        "rot vault init; echo 'rotation r { log \"x\" }' > r.rot",
        "env XDG_STATE_HOME=$PWD/o rot run r.rot",
        2,
        "`rot vault accept` on this machine takes it for good; a machine that remembers nothing, such as a CI runner, is told with `--first-use` or ROT_FIRST_USE=true, or keeps its state folder",
        "for n in a b c; do export XDG_STATE_HOME=$PWD/$n; case $n in a) rot --first-use run r.rot;; b) ROT_FIRST_USE=true rot run r.rot;; c) rot vault accept; rot run r.rot;; esac; done",
    ),
    trial(
        "ROT806",
        "rot vault init; v a 1; rm $XDG_STATE_HOME/rot/vaults/*.pin",
        "rot vault remove a",
        23,
        "when the vault is right, and you know why, `rot vault accept` remembers it anew",
        "rot vault get a; rot vault accept; rot vault remove a",
    ),
    trial(
        "ROT806",
        "rot vault init; v a 1; cp rot.vault o; v a 2; rm $XDG_STATE_HOME/rot/vaults/*.pin",
        "rot vault merge o",
        23,
        "`rot vault accept` remembers it anew",
        "rot vault accept; rot vault merge o",
    ),
    trial(
        "ROT832",
        "touch rot.toml; rot vault init; v a 1; cp rot.vault x.vault; printf '[vault]\npath = \"x.vault\"\n' > rot.toml",
        "rot vault list",
        23,
        "when it is right, and you know who changed it, `rot vault accept` takes it from now on; `--vault PATH` names one for a single call",
        "rot --vault rot.vault vault list; rot --vault x.vault vault list; rot vault accept; rot vault list; printf '' > rot.toml; rot vault list",
    ),
    trial(
        "ROT832",
        "touch rot.toml; rot vault init; v a 1; printf '[state]\ndir = \"s\"\n' > rot.toml",
        "rot vault list",
        23,
        "`rot vault accept` takes it from now on; `--state DIR` names one for a single call",
        "rot --state $XDG_STATE_HOME/rot vault list; rot vault accept; rot vault list; printf '' > rot.toml; rot vault list",
    ),
    trial(
        "ROT811",
        "rot vault init; printf '{\"password\":\"1\"}' | rot vault set a --record",
        "sh -c 'printf x | rot vault set a --field pasword'",
        2,
        "the nearest is `password`; `--new-field` adds one that is called so",
        "printf x | rot vault set a --field password; printf x | rot vault set a --field pasword --new-field; rot vault get a --field pasword",
    ),
    trial(
        "ROT801",
        "rot vault init",
        "rot vault merge nothing",
        2,
        "name a file: `git show BRANCH:rot.vault > other.vault` writes the copy of a branch into one",
        "git init -q .; git add rot.vault; git -c user.name=x -c user.email=x@x commit -qm x; git show HEAD:rot.vault > other.vault; rot vault merge other.vault",
    ),
    trial(
        "ROT803",
        "rot vault init; echo hello > other",
        "rot vault merge other",
        2,
        "name a copy of this vault, as `git show BRANCH:rot.vault > other.vault` gives it",
        "cp rot.vault other; rot vault merge other",
    ),
    trial(
        "ROT833",
        "rot vault init; chmod 777 $XDG_STATE_HOME",
        "rot vault list",
        2,
        "chmod go-w $XDG_STATE_HOME",
        "chmod go-w $XDG_STATE_HOME; rot vault list",
    ),
    trial(
        "ROT833",
        "rot vault init; chmod 666 rot.vault",
        "rot vault list",
        2,
        "chmod go-w $PWD/rot.vault",
        "rot --read-only vault list; chmod go-w $PWD/rot.vault; rot vault list",
    ),
    trial(
        "ROT833",
        "rot vault init; ln rot.vault other",
        "rot vault list",
        2,
        "cp $PWD/rot.vault $PWD/rot.vault.own && mv $PWD/rot.vault.own $PWD/rot.vault",
        "cp $PWD/rot.vault $PWD/rot.vault.own && mv $PWD/rot.vault.own $PWD/rot.vault; rot vault list",
    ),
    trial(
        "ROT833",
        "rot vault init; ln rot.vault.lock other",
        "rot vault environment x",
        2,
        "when no rot is at work: rm $PWD/rot.vault.lock",
        "rm $PWD/rot.vault.lock; rot vault environment x",
    ),
];

/// Codes of the same room that are about neither storage nor identities.
const ELSEWHERE: [&str; 5] = ["ROT830", "ROT831", "ROT840", "ROT850", "ROT870"];

fn shell(project: &Project, script: &str) -> Called {
    let script = script.replace("OPEN;", &format!("{OPEN}\n"));
    let output = Command::new("bash")
        .args(["-c", &format!("{PRELUDE}{script}")])
        .current_dir(project.dir())
        .env_clear()
        .env(
            "PATH",
            format!(
                "{}:/usr/local/bin:/usr/bin:/bin",
                project.path("bin").display()
            ),
        )
        .env("HOME", project.path("home"))
        .env("XDG_CONFIG_HOME", project.path("home/config"))
        .env("XDG_STATE_HOME", project.path("home/state"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    Called::from(output)
}

fn flat(text: &str) -> String {
    let text = text.replace('│', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes the situation, reads the message, does what it says. Answers with what was shown.
fn tried(trial: &Trial) -> Result<String, String> {
    let Trial {
        code,
        make,
        call,
        exit,
        help,
        way,
    } = trial;
    let project = Project::empty();
    std::fs::create_dir(project.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rot"), project.path("bin/rot")).unwrap();
    let wrong = |what: &str, called: &Called| {
        Err(format!(
            "{code} `{call}`: {what}: exit {}\n{}{}",
            called.code, called.stdout, called.stderr
        ))
    };
    // One shell for all three, so that what the situation has set is known to the way out.
    let script = format!(
        "{{ {make}\n}} >made 2>&1; R=$(basename \"${{J:-}}\" .jnl)\nset +e; {call} >said 2>&1 </dev/null; echo $? >exit; set -e\ncat <<X >help\n{}\nX\n{way}",
        help.replace('\\', "\\\\").replace('`', "\\`")
    );
    let called = shell(&project, &script);
    let read = |name: &str| std::fs::read_to_string(project.path(name)).unwrap_or_default();
    if read("exit").is_empty() {
        return wrong(
            &format!("the situation could not be made: {}", read("made")),
            &called,
        );
    }
    if read("exit").trim() != exit.to_string() {
        return wrong(
            &format!("ended with {}: {}", read("exit").trim(), read("said")),
            &called,
        );
    }
    let said = flat(&read("said"));
    if !said.contains(&flat(&read("help"))) {
        return wrong(
            &format!("does not say `{}`:\n{said}", read("help").trim()),
            &called,
        );
    }
    if *exit != 0 && !said.contains(code) {
        return wrong(&format!("is another code:\n{said}"), &called);
    }
    if called.code != 0 {
        return wrong("the way out does not lead out", &called);
    }
    Ok(said)
}

/// The help texts of a source file that name a command of ours, in their fixed parts.
fn helps_of(source: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for rest in source.split(".help(").skip(1) {
        let rest = rest.trim_start();
        let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
        let Some(rest) = rest.strip_prefix('"') else {
            continue;
        };
        let mut text = String::new();
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => text.extend(chars.next()),
                c => text.push(c),
            }
        }
        if !text.contains("`rot ") && !text.contains("`--") {
            continue;
        }
        let mut parts = Vec::new();
        for piece in text.split('{') {
            let piece = piece.split_once('}').map_or(piece, |(_, after)| after);
            parts.push(flat(piece));
        }
        found.push(parts);
    }
    found
}

#[test]
fn each_way_out_leads_out() {
    for program in ["age", "flock", "python3", "bash"] {
        if Command::new(program).arg("--version").output().is_err() {
            println!("skipped: no {program}");
            return;
        }
    }
    let results: Vec<Result<String, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = TRIALS
            .iter()
            .map(|trial| scope.spawn(|| tried(trial)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let wrong: Vec<&String> = results.iter().filter_map(|r| r.as_ref().err()).collect();
    assert!(
        wrong.is_empty(),
        "{}",
        wrong
            .iter()
            .map(|w| w.as_str())
            .collect::<Vec<_>>()
            .join("\n\n")
    );
    let seen: Vec<&String> = results.iter().flatten().collect();
    // Every code has a trial.
    for code in ALL_CODES
        .iter()
        .filter(|code| code.category() == Category::State)
    {
        let has = TRIALS.iter().any(|trial| trial.code == code.id());
        assert!(
            has != ELSEWHERE.contains(&code.id()),
            "{} needs a trial",
            code.id()
        );
    }
    // So has every help line that names a command.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut untried = Vec::new();
    for file in SOURCES {
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        for parts in helps_of(&source) {
            let shown = |said: &&String| {
                let mut rest = said.as_str();
                parts.iter().all(|part| match rest.find(part.as_str()) {
                    Some(at) => {
                        rest = &rest[at + part.len()..];
                        true
                    }
                    None => false,
                })
            };
            let text = parts.join("…");
            if !seen.iter().any(shown) && !UNTRIED.iter().any(|(known, _)| text.contains(known)) {
                untried.push(format!("{file}: {text}"));
            }
        }
    }
    assert_eq!(untried, [""; 0], "these need a trial");
}

/// The rooms of storage and identities.
const SOURCES: &[&str] = &[
    "vault/change.rs",
    "vault/guard.rs",
    "vault/identity.rs",
    "vault/merge.rs",
    "vault/recipient.rs",
    "vault/export.rs",
    "vault/import.rs",
    "vault/pin.rs",
    "vault/project.rs",
    "vault/store/mod.rs",
    "vault/store/load.rs",
    "vault/store/join.rs",
    "vault/store/lock.rs",
    "vault/store/memory.rs",
    "vault/store/write.rs",
    "vault/wire/mod.rs",
    "run/journal/mod.rs",
    "cli/identity.rs",
    "cli/paths.rs",
    "cli/environment.rs",
    "cli/vault/environment.rs",
    "cli/vault/get.rs",
    "cli/vault/history.rs",
    "cli/vault/import.rs",
    "cli/vault/init.rs",
    "cli/vault/merge.rs",
    "cli/vault/recipients.rs",
    "cli/vault/remove.rs",
    "cli/vault/revoked.rs",
    "cli/vault/rollback.rs",
    "cli/vault/set.rs",
    "cli/vault/verify.rs",
];

/// Help that cannot be brought about from a command line here, and why.
const UNTRIED: &[(&str, &str)] = &[
    (
        "give `--identity PATH` or set ROT_IDENTITY",
        "the command line always gives one; for users of the library",
    ),
    (
        "look at `rot vault history NAME`, then run it again",
        "another process in between: tested where two write at once",
    ),
    ("shows what it has", "a secret with a pending version alone"),
    (
        "begins with a letter or `_`",
        "names what a prefix may be, and no command",
    ),
    (
        "free some space or mend the permissions of the state directory",
        "a full disk: tested with one",
    ),
    (
        "or name another place with `--identity PATH`",
        "a folder that takes no file: as root there is none",
    ),
];

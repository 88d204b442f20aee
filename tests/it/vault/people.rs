//! People over one vault: each has a machine with a memory and a copy of their own, and a place where the copies meet, as a git
//! server is one. The copy forks and is merged at every instant, machines die in the middle of what they do, one clock is wrong,
//! and somebody who was removed goes on writing.
//!
//! What must hold: no credential that may be live is unknown to those who share the vault, and nothing of a person who was
//! removed is taken.

use super::support::*;
use jiff::SignedDuration;
use rot::diagnostic::Result;
use rot::vault::{Document, NewVersion, Paths, State, Vault};
use rot::world::World;
use rot::world::fs::{File, Fs, Lock, RealFs, Stat, Storage};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use zeroize::Zeroizing;

const SECRETS: [&str; 3] = ["a", "b/c", "d"];
const PEOPLE: usize = 4;
/// Steps of one history.
const STEPS: usize = 24;

/// Files of a machine that dies after so many calls; never, while the count is negative.
#[derive(Clone)]
struct Mortal(Arc<AtomicI64>);

impl Mortal {
    fn step(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            0 => Err(io::Error::other("dead")),
            left => {
                if left > 0 {
                    self.0.store(left - 1, Ordering::Relaxed);
                }
                Ok(())
            }
        }
    }
}

struct MortalFile(Box<dyn File>, Mortal);

impl File for MortalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.step()?;
        self.0.write(bytes)
    }
    // What is synced or not is the matter of the crash explorer; here it would only cost time.
    fn sync(&mut self) -> io::Result<()> {
        self.1.step()
    }
    fn reserve(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Fs for Mortal {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        RealFs.read(path, limit)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        RealFs.stat(path)
    }
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn File>> {
        self.step()?;
        Ok(Box::new(MortalFile(
            RealFs.create(path, mode)?,
            self.clone(),
        )))
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        RealFs.append(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealFs.rename(from, to)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealFs.hard_link(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealFs.remove(path)
    }
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        RealFs.truncate(path, len)
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.step()
    }
    fn create_dir(&self, dir: &Path, mode: u32) -> io::Result<()> {
        self.step()?;
        RealFs.create_dir(dir, mode)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        RealFs.list(dir)
    }
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        RealFs.lock(path, wait)
    }
    fn storage(&self, path: &Path) -> Storage {
        RealFs.storage(path)
    }
    fn user(&self) -> u32 {
        RealFs.user()
    }
}

struct Person {
    paths: Paths,
    key: String,
    world: World,
    life: Arc<AtomicI64>,
    /// The file that was met last: what both sides of the next merge come from.
    base: PathBuf,
    /// Whether this person is one of those who share the vault.
    member: bool,
}

impl Person {
    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.paths.vault).unwrap()
    }

    fn open(&self) -> Result<Vault> {
        Vault::open(&self.world, &self.paths)
    }

    /// Does something; where `dies`, the machine dies at that call and the person does it again.
    fn act<T>(&self, dies: Option<usize>, act: &dyn Fn() -> Result<T>) -> Result<T> {
        if let Some(calls) = dies {
            self.life
                .store(i64::try_from(calls).unwrap(), Ordering::Relaxed);
            let done = act();
            let died = self.life.swap(-1, Ordering::Relaxed) == 0;
            if !died {
                return done;
            }
        }
        act()
    }
}

struct Team {
    people: Vec<Person>,
    /// Where the copies meet.
    meet: PathBuf,
    issued: Vec<(&'static str, String)>,
    revoked: BTreeSet<(&'static str, String)>,
    _dir: tempfile::TempDir,
}

fn team() -> Team {
    let dir = tempfile::tempdir().unwrap();
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let folder = dir.path().join(format!("p{number}"));
        std::fs::create_dir(&folder).unwrap();
        let (key, text) = new_identity();
        let identity = folder.join("identity.txt");
        write_private(&identity, &text);
        let life = Arc::new(AtomicI64::new(-1));
        let world = World {
            fs: Arc::new(Mortal(life.clone())),
            ..world(&[])
        };
        let paths = Paths {
            vault: folder.join("rot.vault"),
            identities: vec![identity],
            state: folder.join("state"),
            lock_wait: Duration::from_secs(5),
        };
        let base = folder.join("base");
        let member = true;
        people.push(Person {
            paths,
            key,
            world,
            life,
            base,
            member,
        });
    }
    let keys: Vec<String> = people.iter().skip(1).map(|p| p.key.clone()).collect();
    let meet = dir.path().join("meet");
    ok(Vault::create(&people[0].world, &people[0].paths, &keys));
    let first = people[0].bytes();
    std::fs::write(&meet, &first).unwrap();
    for person in &people {
        std::fs::write(&person.paths.vault, &first).unwrap();
        std::fs::write(&person.base, &first).unwrap();
        ok(person.open());
    }
    Team {
        people,
        meet,
        issued: Vec::new(),
        revoked: BTreeSet::new(),
        _dir: dir,
    }
}

impl Team {
    /// A rotation: a new version, after which the one before the last is revoked.
    fn rotate(
        &mut self,
        who: usize,
        secret: &'static str,
        id: &str,
        after: i64,
        dies: Option<usize>,
    ) {
        let person = &self.people[who];
        // One machine's clock is a month ahead.
        let wrong = if who == 1 {
            SignedDuration::from_hours(720)
        } else {
            SignedDuration::ZERO
        };
        let at = now() + SignedDuration::from_secs(after) + wrong;
        let gone = std::cell::RefCell::new(None);
        ok(person.act(dies, &|| {
            let mut vault = person.open()?;
            vault.commit(|doc| {
                let old = doc.get(secret).and_then(|e| e.previous.clone());
                let new = NewVersion {
                    created_at: at,
                    ..single(id, &format!("value of {id}"))
                };
                doc.put_current(secret, new)?;
                if let Some(old) = &old {
                    doc.mark_revoked(secret, old, at)?;
                }
                // A second try finds it done, and has revoked nothing more.
                if gone.borrow().is_none() {
                    gone.replace(old);
                }
                Ok(())
            })
        }));
        self.issued.push((secret, id.to_owned()));
        if let Some(old) = gone.into_inner() {
            self.revoked.insert((secret, old));
        }
    }

    /// What `git pull` and `git push` do: the copies meet. Answers with the exit code of a refusal.
    fn sync(&self, who: usize, dies: Option<usize>) -> Option<u8> {
        let person = &self.people[who];
        let theirs = std::fs::read(&self.meet).unwrap();
        let base = std::fs::read(&person.base).unwrap();
        let mine = person.bytes();
        if theirs == base {
            std::fs::write(&self.meet, &mine).unwrap();
            std::fs::write(&person.base, &mine).unwrap();
            return None;
        }
        if mine == base {
            std::fs::write(&person.paths.vault, &theirs).unwrap();
            if let Err(error) = person.open() {
                std::fs::write(&person.paths.vault, &mine).unwrap();
                return Some(error.failure.exit_code());
            }
            std::fs::write(&person.base, &theirs).unwrap();
            return None;
        }
        let other = person.base.with_extension("theirs");
        std::fs::write(&other, &theirs).unwrap();
        // Members are known to each other: across a removal, too.
        let merge = || {
            Vault::merge(
                &person.world,
                &person.paths,
                Some(&person.base),
                &other,
                true,
            )
        };
        if let Err(error) = person.act(dies, &merge) {
            return Some(error.failure.exit_code());
        }
        ok(person.open());
        let merged = person.bytes();
        std::fs::write(&self.meet, &merged).unwrap();
        std::fs::write(&person.base, &merged).unwrap();
        None
    }

    fn members(&self) -> Vec<usize> {
        (0..PEOPLE).filter(|who| self.people[*who].member).collect()
    }

    /// Until all have the same.
    fn meet(&self) {
        for who in self.members().into_iter().chain(self.members()) {
            assert_eq!(self.sync(who, None), None);
        }
    }

    /// Every credential is known to the place where the copies meet, or to a member's copy.
    fn nothing_is_unknown(&self, seed: u64, step: usize) {
        let members = self.members();
        let docs: Vec<Document> = members
            .iter()
            .map(|who| {
                ok(Vault::open_read_only(
                    &self.people[*who].world,
                    &self.people[*who].paths,
                ))
            })
            .map(|vault| vault.doc().clone())
            .collect();
        for (secret, id) in &self.issued {
            if self.revoked.contains(&(*secret, id.clone())) {
                continue;
            }
            let known = docs.iter().any(|doc| is_held(doc, secret, id));
            assert!(
                known,
                "seed {seed}, step {step}: {secret} {id} is unknown to everybody"
            );
        }
    }
}

fn is_held(doc: &Document, secret: &str, id: &str) -> bool {
    let Some(entry) = doc.get(secret) else {
        return false;
    };
    let labelled = [&entry.current, &entry.previous, &entry.pending];
    let labelled = labelled
        .into_iter()
        .any(|label| label.as_deref() == Some(id));
    let listed = entry
        .version(id)
        .is_some_and(|v| v.unrevoked.is_some() || v.state == State::Revoked);
    labelled || listed
}

#[test]
fn what_people_do_at_the_same_time_loses_nothing_and_lets_nobody_back_in() {
    let (mut met, mut refused) = (0, 0);
    for seed in 0..16u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 7);
        let mut team = team();
        let leaves = 8 + chance.below(8);
        let mut evil: Vec<String> = Vec::new();
        for step in 0..STEPS {
            let members = team.members();
            let who = members[chance.below(members.len())];
            // Any call may be the last one of a machine.
            let dies = (chance.below(3) == 0).then(|| chance.below(12));
            if step == leaves {
                // The last one leaves, is removed by somebody, and has every file until now.
                let gone = PEOPLE - 1;
                let by = chance.below(gone);
                let person = &team.people[by];
                let key = team.people[gone].key.clone();
                ok(person.act(dies, &|| {
                    let mut vault = person.open()?;
                    vault.commit(|doc| match doc.recipients().contains(&key) {
                        true => doc.remove_recipient(&key),
                        false => Ok(()),
                    })
                }));
                // What the removed person did before, and everybody took, was a member's work.
                team.people[gone].member = false;
                let own = &team.people[gone];
                if own.bytes() != std::fs::read(&own.base).unwrap() {
                    let ids: Vec<_> = team.issued.clone();
                    let meets = ok(Vault::open_read_only(&own.world, &own.paths))
                        .doc()
                        .clone();
                    // What only that copy has went with its owner; nobody else ever knew it.
                    let left = |doc: &Document, (s, i): &(&str, String)| is_held(doc, s, i);
                    let others: Vec<Document> = team
                        .members()
                        .iter()
                        .map(|w| {
                            let p = &team.people[*w];
                            ok(Vault::open_read_only(&p.world, &p.paths)).doc().clone()
                        })
                        .collect();
                    let only: Vec<_> = ids
                        .into_iter()
                        .filter(|v| left(&meets, v) && !others.iter().any(|d| left(d, v)))
                        .collect();
                    team.issued.retain(|v| !only.contains(v));
                    team.revoked.retain(|v| {
                        others
                            .iter()
                            .any(|d| d.get(v.0).is_some_and(|e| e.version(&v.1).is_some()))
                    });
                }
                team.meet();
                continue;
            }
            match chance.below(6) {
                0..=2 => {
                    let secret = SECRETS[chance.below(SECRETS.len())];
                    let after = i64::try_from(step * 10 + chance.below(9)).unwrap();
                    team.rotate(who, secret, &format!("p{who}s{step}"), after, dies);
                }
                3 | 4 => {
                    let before = std::fs::read(&team.meet).unwrap();
                    let code = team.sync(who, dies);
                    assert_eq!(code, None, "seed {seed}, step {step}");
                    met += usize::from(before != std::fs::read(&team.meet).unwrap());
                }
                _ if step > leaves => {
                    // All have seen the removal; who was removed puts a file of their own where the copies meet.
                    team.meet();
                    let good = std::fs::read(&team.meet).unwrap();
                    let gone = &team.people[PEOPLE - 1];
                    let id = format!("evil{step}");
                    let mut vault = ok(Vault::open(&gone.world, &gone.paths));
                    ok(vault.commit(|doc| doc.put_current("a", single(&id, "planted"))));
                    evil.push(id);
                    std::fs::write(&team.meet, gone.bytes()).unwrap();
                    let person = &team.people[who];
                    if chance.below(2) == 0 {
                        // With a change of one's own, it would be a merge: a member's word is not given for that file.
                        std::fs::write(&person.paths.vault, gone.bytes()).unwrap();
                        assert!(
                            person.open().is_err(),
                            "seed {seed}: the forged file was taken"
                        );
                        std::fs::write(&person.paths.vault, &good).unwrap();
                        let other = person.base.with_extension("evil");
                        std::fs::write(&other, gone.bytes()).unwrap();
                        let plain = Vault::merge(
                            &person.world,
                            &person.paths,
                            Some(&person.base),
                            &other,
                            false,
                        );
                        assert_eq!(code(plain), ("ROT829", 23), "seed {seed}");
                    } else {
                        assert_eq!(team.sync(who, None), Some(23), "seed {seed}, step {step}");
                    }
                    refused += 1;
                    std::fs::write(&team.meet, good).unwrap();
                }
                _ => {}
            }
            team.nothing_is_unknown(seed, step);
        }
        team.meet();
        let end = ok(team.people[0].open());
        assert_eq!(end.doc().inconsistencies(), [""; 0], "seed {seed}");
        for who in team.members() {
            assert_eq!(
                team.people[who].bytes(),
                team.people[0].bytes(),
                "seed {seed}"
            );
        }
        for (secret, id) in &team.issued {
            let dead = team.revoked.contains(&(*secret, id.clone()));
            assert!(
                dead || is_held(end.doc(), secret, id),
                "seed {seed}: {secret} {id} is lost"
            );
        }
        assert!(
            !end.doc()
                .recipients()
                .contains(&team.people[PEOPLE - 1].key),
            "seed {seed}"
        );
        for (_, entry) in end.doc().secrets() {
            assert!(
                entry.versions.iter().all(|v| !evil.contains(&v.id)),
                "seed {seed}: a planted value was taken"
            );
        }
    }
    assert!(
        met > 40 && refused > 5,
        "{met} meetings, {refused} refusals"
    );
}

//! T8 for journals: flipped, cut, swapped, replayed, of another vault.

use super::project::{Project, files};
use super::scenario::{ADDITIVE, LIFE, SETS};
use rot::diagnostic::Failure;
use rot::run::open_runs;
use rot::world::World;
use std::path::PathBuf;

/// A project with an interrupted run: the answer is there, the capture is wrong.
fn interrupted() -> (Project, PathBuf) {
    let mut project = Project::new(&ADDITIVE);
    project.write_plan(&ADDITIVE.plan.replace("body $.token", "body $.tokn"));
    assert_eq!(project.rot("run p.rot").code, Some(21), "{}", project.said);
    project.write_plan(ADDITIVE.plan);
    let journal = journals(&project).remove(0);
    (project, journal)
}

fn journals(project: &Project) -> Vec<PathBuf> {
    files(&project.path("state"))
        .into_iter()
        .filter(|f| f.extension().is_some_and(|e| e == "jnl"))
        .collect()
}

/// Where the records of a journal end.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut at = 0;
    let mut ends = vec![0];
    while let Some((_, length)) = rot::run::journal::peek(&bytes[at..]) {
        at += length;
        ends.push(at);
    }
    assert_eq!(at, bytes.len());
    ends
}

/// The first records of formats that are not this program's: the one before, and one to come.
#[test]
fn a_journal_of_another_format_is_refused_with_its_own_message_and_stays() {
    let (mut project, journal) = interrupted();
    let good = std::fs::read(&journal).unwrap();
    for magic in [b"ROTJ", b"RTJ1", b"RTJ3", b"RTJ9"] {
        let mut frame = good.clone();
        frame[..4].copy_from_slice(magic);
        let check = ring::digest::digest(&ring::digest::SHA256, &frame[..12]);
        frame[12..16].copy_from_slice(&check.as_ref()[..4]);
        std::fs::write(&journal, &frame).unwrap();
        for line in ["run p.rot", "resume"] {
            let ended = project.rot(line);
            assert_eq!(ended.code, Some(2), "{}", ended.stderr);
            assert!(ended.stderr.contains("ROT822"), "{}", ended.stderr);
            assert!(
                ended.stderr.contains("finish or abandon"),
                "{}",
                ended.stderr
            );
        }
        assert_eq!(std::fs::read(&journal).unwrap(), frame, "{magic:?}");
    }
    assert_eq!(project.issuer.state().executed("POST", "/api/token"), 1);
    std::fs::write(&journal, good).unwrap();
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
}

#[test]
fn every_flipped_byte_is_found() {
    let (mut project, journal) = interrupted();
    let (world, vault) = (World::real(), project.vault());
    let good = std::fs::read(&journal).unwrap();
    let mut found = 0;
    for at in 0..good.len() {
        for bit in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= bit;
            std::fs::write(&journal, &bytes).unwrap();
            match open_runs(&world, &vault) {
                Ok(_) => panic!("byte {at}: not found"),
                Err(error) => assert_eq!(
                    error.failure,
                    Failure::Tampered,
                    "byte {at}: {}",
                    error.message()
                ),
            }
            assert_eq!(
                std::fs::read(&journal).unwrap(),
                bytes,
                "looking changes nothing"
            );
            found += 1;
        }
        if at % 400 == 0 {
            let ended = project.rot("run p.rot");
            assert_eq!(ended.code, Some(23), "byte {at}: {}", ended.stderr);
        }
    }
    assert_eq!(
        project.issuer.state().executed("POST", "/api/token"),
        1,
        "nothing is called on a damaged journal"
    );
    std::fs::write(&journal, &good).unwrap();
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
    println!("{found} flipped bytes of a journal, {found} found, 0 lost");
}

#[test]
fn a_torn_end_is_dropped_and_the_run_goes_on() {
    let (project, journal) = interrupted();
    let good = std::fs::read(&journal).unwrap();
    let ends = ends(&good);
    assert!(ends.len() >= 4);
    let (world, vault) = (World::real(), project.vault());
    let mut from = None;
    for cut in 0..good.len() {
        std::fs::write(&journal, &good[..cut]).unwrap();
        match open_runs(&world, &vault) {
            Ok(open) => {
                assert_eq!(open.len(), 1, "cut at {cut}");
                from.get_or_insert(cut);
            }
            // The vault knows how many records there were at its last change.
            Err(error) => {
                assert_eq!(
                    error.failure,
                    rot::diagnostic::Failure::Tampered,
                    "cut at {cut}"
                );
                assert_eq!(from, None, "cut at {cut}");
            }
        }
    }
    let known = ends.iter().position(|end| Some(*end) == from).unwrap();
    assert!(known >= 1);
    // Around each record, by the program itself.
    let mut runs = 0;
    for record in 0..ends.len() {
        for shift in [-40, -1, 0, 1, 17] {
            let (mut project, journal) = interrupted();
            let good = std::fs::read(&journal).unwrap();
            let ends = self::ends(&good);
            let Some(cut) = ends[record]
                .checked_add_signed(shift)
                .filter(|cut| *cut <= good.len())
            else {
                continue;
            };
            std::fs::write(&journal, &good[..cut]).unwrap();
            if cut < ends[known] {
                assert_eq!(project.rot("run p.rot").code, Some(23), "cut at {cut}");
                continue;
            }
            let code = project.until_over(5);
            assert_eq!(code, 0, "cut at {cut}: {}", project.said);
            // Cut before its answer, the credential is one that the issuer alone knows; cut to nothing, so is the run.
            if cut >= ends[2] {
                assert_eq!(project.lost(code), None, "cut at {cut}");
            }
            runs += 1;
        }
    }
    println!(
        "{} torn ends of a journal and {runs} runs that went on from one, 0 lost",
        good.len()
    );
}

#[test]
fn journals_of_other_runs_and_vaults_are_refused() {
    let (mut project, journal) = interrupted();
    let good = std::fs::read(&journal).unwrap();
    // Under the name of another run.
    let other = journal.with_file_name("01900000-0000-7000-8000-000000000000.jnl");
    std::fs::copy(&journal, &other).unwrap();
    assert_eq!(project.rot("run p.rot").code, Some(23), "{}", project.said);
    std::fs::remove_file(&other).unwrap();
    // Of another vault.
    let (second, theirs) = interrupted();
    // The template of a scenario is one vault; a vault of its own has another key.
    let foreign = {
        let dir = tempfile::tempdir().unwrap();
        super::project::make_vault(
            dir.path(),
            &[
                ("appKeyId", None, "demo-key-id".into()),
                ("appKeySecret", None, "demo-key-secret".into()),
            ],
        );
        let mut third = Project::new(&ADDITIVE);
        std::fs::remove_dir_all(third.path("state")).unwrap();
        super::project::copy(dir.path(), third.dir.path());
        third.write_plan(&ADDITIVE.plan.replace("body $.token", "body $.tokn"));
        assert_eq!(third.rot("run p.rot").code, Some(21), "{}", third.said);
        std::fs::read(journals(&third).remove(0)).unwrap()
    };
    std::fs::write(journal.with_file_name(theirs.file_name().unwrap()), foreign).unwrap();
    assert_eq!(project.rot("run p.rot").code, Some(23), "{}", project.said);
    std::fs::remove_file(journal.with_file_name(theirs.file_name().unwrap())).unwrap();
    drop(second);
    // Records in another order.
    let ends = ends(&good);
    let mut swapped = good[..ends[1]].to_vec();
    swapped.extend_from_slice(&good[ends[2]..ends[3]]);
    swapped.extend_from_slice(&good[ends[1]..ends[2]]);
    swapped.extend_from_slice(&good[ends[3]..]);
    std::fs::write(&journal, swapped).unwrap();
    assert_eq!(project.rot("run p.rot").code, Some(23), "{}", project.said);
    // A record that is missing in the middle.
    let mut missing = good[..ends[1]].to_vec();
    missing.extend_from_slice(&good[ends[2]..]);
    std::fs::write(&journal, missing).unwrap();
    assert_eq!(project.rot("run p.rot").code, Some(23), "{}", project.said);
    assert_eq!(project.issuer.state().executed("POST", "/api/token"), 1);
    std::fs::write(&journal, good).unwrap();
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
    println!("4 journals that were swapped, reordered or of another vault, 4 refused, 0 lost");
}

#[test]
fn a_journal_that_is_replayed_after_its_run_ended_brings_nothing_old_back() {
    let (mut project, journal) = interrupted();
    let old = std::fs::read(&journal).unwrap();
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
    let current = project.current();
    std::fs::write(&journal, old).unwrap();
    let calls = project.issuer.state().requests.len();
    let ended = project.rot("run p.rot");
    assert_eq!(ended.code, Some(21), "{}", ended.stderr);
    assert!(ended.stderr.contains("ROT810"), "{}", ended.stderr);
    assert_eq!(project.current(), current);
    assert_eq!(project.issuer.state().requests.len(), calls);
}

#[test]
fn the_journal_of_a_run_that_is_over_holds_no_answers_and_no_reserved_room() {
    for scenario in [&ADDITIVE, &LIFE, &SETS] {
        let mut project = Project::new(scenario);
        assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
        let journal = journals(&project).remove(0);
        // The next run tidies up.
        assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
        let bytes = std::fs::read(&journal).unwrap();
        assert!(
            !super::project::contains(&bytes, b"age-encryption.org"),
            "{}",
            scenario.name
        );
        let room =
            std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(&journal).unwrap()) * 512;
        assert!(room <= 64 * 1024, "{} bytes are still reserved", room);
        ends(&bytes);
    }
}

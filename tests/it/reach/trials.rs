//! What every server of SQL has to stand.

use crate::support::project::Project;
use std::process::Stdio;
use std::time::Duration;

/// Runs a file and kills the process, 24 times and later each time; what is stored must log in after each kill, and after the
/// run that is let through.
pub fn kills(project: &Project, file: &str, alive: impl Fn() -> bool) {
    for kill in 0..24u64 {
        let mut child = project
            .command(&["run", file])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(8 * kill));
        let _ = child.kill();
        let _ = child.wait();
        assert!(alive(), "locked out after kill {kill}");
    }
    project.rot(&format!("run {file}")).code(0);
    assert!(alive());
}

/// `special` texts, and `count` put together from `letters`.
pub fn hostile(special: &[&str], letters: [char; 10], count: usize) -> Vec<String> {
    let mut values: Vec<String> = special.iter().map(|text| (*text).to_owned()).collect();
    let mut state: u64 = 7;
    for _ in 0..count {
        let mut text = String::new();
        for _ in 0..6 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            text.push(letters[(state >> 33) as usize % 10]);
        }
        values.push(text);
    }
    values
}

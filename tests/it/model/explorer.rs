//! Runs a scenario once for every schedule with at most so many faults.

use std::collections::BTreeMap;

/// The choices of one run: forced at first, "no fault" from there on; remembers how many ways each could have gone.
pub(super) struct Choices {
    forced: Vec<u8>,
    taken: Vec<(u8, u8)>,
    faults_left: usize,
}

impl Choices {
    /// One of `width` ways to go on. 0 is "no fault"; any other uses one fault up.
    pub(super) fn choose(&mut self, width: u8) -> u8 {
        let wanted = self.forced.get(self.taken.len()).copied().unwrap_or(0);
        if self.faults_left == 0 {
            self.taken.push((1, 0));
            return 0;
        }
        self.taken.push((width, wanted));
        if wanted != 0 {
            self.faults_left -= 1;
        }
        wanted
    }
}

/// How often each outcome was seen.
pub(super) type Counts = BTreeMap<String, usize>;

/// Explores all schedules; returns how many there were, and how they ended.
pub(super) fn explore(
    faults: usize,
    mut scenario: impl FnMut(&mut Choices) -> String,
) -> (usize, Counts) {
    let mut open: Vec<Vec<u8>> = vec![Vec::new()];
    let mut counts = Counts::new();
    let mut schedules = 0;
    while let Some(forced) = open.pop() {
        let from = forced.len();
        let mut choices = Choices {
            forced,
            taken: Vec::new(),
            faults_left: faults,
        };
        *counts.entry(scenario(&mut choices)).or_default() += 1;
        schedules += 1;
        for at in from..choices.taken.len() {
            for other in 1..choices.taken[at].0 {
                let mut next: Vec<u8> = choices.taken[..at]
                    .iter()
                    .map(|(_, taken)| *taken)
                    .collect();
                next.push(other);
                open.push(next);
            }
        }
    }
    (schedules, counts)
}

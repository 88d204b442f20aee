//! What one rotation of a plan goes by.

use super::{Plan, Rotation, Task};
use std::collections::HashSet;

/// Names of secrets.
type Names<'p> = HashSet<&'p str>;

impl Plan {
    /// A rotation, those that it calls, and the one that follows its failure.
    pub fn reached<'p>(&'p self, rotation: &'p Rotation) -> Vec<&'p Rotation> {
        let mut open: Vec<&Rotation> = vec![rotation];
        let mut all: Vec<&Rotation> = Vec::new();
        while let Some(one) = open.pop() {
            if all.iter().any(|known| known.name == one.name) {
                continue;
            }
            all.push(one);
            one.walk(&mut |step| {
                if let Task::Call(call) = &step.task {
                    open.extend(self.rotation(&call.rotation));
                }
            });
            let after = one.failure_rotation.as_deref();
            open.extend(after.and_then(|name| self.rotation(name)));
        }
        all
    }

    /// The plan without the other members of families, and without what only they have to do with: what a run of one member keeps
    /// does not grow with the number of members.
    #[must_use]
    pub fn without_other_members(&self, rotation: &Rotation) -> Plan {
        let reached: HashSet<&str> = self
            .reached(rotation)
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let stays = |one: &Rotation| one.family.is_none() || reached.contains(one.name.as_str());
        let (mut kept, mut dropped) = (Names::new(), Names::new());
        for one in &self.rotations {
            let names = if stays(one) { &mut kept } else { &mut dropped };
            one.exprs(&mut |top| {
                top.each_secret(&mut |read| {
                    names.insert(read.secret);
                });
            });
            one.walk(&mut |step| names.extend(step.task.write().and_then(|write| write.secret)));
        }
        let secret = |name: &str| kept.contains(name) || !dropped.contains(name);
        Plan {
            dialect: self.dialect,
            secrets: self
                .secrets
                .iter()
                .filter(|s| secret(&s.name))
                .cloned()
                .collect(),
            env: self.env.clone(),
            targets: self.targets.clone(),
            deliveries: self
                .deliveries
                .iter()
                .filter(|d| secret(&d.secret))
                .cloned()
                .collect(),
            rotations: self
                .rotations
                .iter()
                .filter(|r| stays(r))
                .cloned()
                .collect(),
            accepted: self.accepted.clone(),
            secret_names: self.secret_names.clone(),
        }
    }
}

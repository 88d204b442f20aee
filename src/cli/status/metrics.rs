//! `rot status --report openmetrics`: what the vault and the files say, for Prometheus. Times are those at which something is or
//! was, never how long until then: a query subtracts `time()`, and an old file stays true. No values; names are labels.

use super::attention::Kind;
use super::files::DueState;
use super::{Report, unrevoked};
use crate::run::sweep;
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge>;

/// The metrics in the text format of OpenMetrics 1.0.
pub(super) fn text(report: &Report<'_>) -> String {
    let mut registry = Registry::with_prefix("rot");
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "The program", Info::new(version));
    let mut gauge = |name: &str, help: &str, unit: Option<Unit>| {
        let family = Gauges::default();
        match unit {
            Some(unit) => registry.register_with_unit(name, help, unit, family.clone()),
            None => registry.register(name, help, family.clone()),
        }
        family
    };
    let times = || Some(Unit::Seconds);
    let all = All {
        created: gauge(
            "secret_created_timestamp",
            "When the current version was stored",
            times(),
        ),
        expires: gauge(
            "secret_expiration_timestamp",
            "From when on the current version does not work any more",
            times(),
        ),
        due: gauge(
            "rotation_next_due_timestamp",
            "When the rotation is due next",
            times(),
        ),
        success: gauge(
            "rotation_last_success_timestamp",
            "When the rotation last succeeded",
            times(),
        ),
        state: gauge(
            "rotation_state",
            "1 for the state in which the rotation is",
            None,
        ),
        attention: gauge("attention", "How many things of a kind need somebody", None),
        lag: gauge(
            "delivery_version_lag",
            "1 where the target lacks the current version, 0 where it has it",
            None,
        ),
        failures: gauge(
            "delivery_failures",
            "How often the delivery of the current version failed in a row",
            None,
        ),
        arrived: gauge(
            "delivery_last_success_timestamp",
            "When the current version arrived",
            times(),
        ),
        unrevoked: gauge(
            "unrevoked_versions",
            "Old versions that are not revoked",
            None,
        ),
        overdue: gauge(
            "revoke_overdue",
            "For how long a revocation is due that was not made",
            times(),
        ),
        open: gauge("runs_open", "Runs that are not over", None),
        generation: gauge("vault_generation", "The generation of the vault", None),
        looked: gauge("status_timestamp", "When this was written", times()),
    };
    all.fill(report);
    let mut text = String::new();
    // Writing into a text cannot fail.
    let _ = encode(&mut text, &registry);
    text
}

struct All {
    created: Gauges,
    expires: Gauges,
    due: Gauges,
    success: Gauges,
    state: Gauges,
    attention: Gauges,
    lag: Gauges,
    failures: Gauges,
    arrived: Gauges,
    unrevoked: Gauges,
    overdue: Gauges,
    open: Gauges,
    generation: Gauges,
    looked: Gauges,
}

fn set(family: &Gauges, labels: Labels, value: i64) {
    family.get_or_create(&labels).set(value);
}

fn at(family: &Gauges, labels: &Labels, time: Option<Timestamp>) {
    if let Some(time) = time {
        set(family, labels.clone(), time.as_second());
    }
}

fn counted(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl All {
    fn fill(&self, report: &Report<'_>) {
        let doc = report.vault.doc();
        let due = report.due;
        for (name, entry) in doc.secrets() {
            let labels = vec![("secret", name.to_owned())];
            let version = entry.current_version();
            at(&self.created, &labels, version.map(|v| v.created_at));
            at(&self.expires, &labels, version.and_then(|v| v.expires_at));
            let old = unrevoked(report.vault, due, name);
            set(&self.unrevoked, labels.clone(), counted(old.len()));
            let late = old.iter().filter_map(|(_, entry)| {
                let at = sweep::ready_at(doc, (*entry)?, report.now).ok()?;
                Some(report.now.as_second().saturating_sub(at.as_second()))
            });
            let late = late.max().filter(|late| *late > 0);
            set(&self.overdue, labels, late.unwrap_or(0));
            let behind = doc.behind(name);
            for (target, registered) in doc.targets(name) {
                let labels = vec![("secret", name.to_owned()), ("target", target.clone())];
                let lacks = behind.iter().find(|one| one.target == target);
                set(&self.lag, labels.clone(), i64::from(lacks.is_some()));
                let failures = lacks.map_or(0, |one| one.state.failures);
                set(&self.failures, labels.clone(), i64::from(failures));
                let state = version.map(|v| doc.delivered(name, &v.id, &target));
                at(
                    &self.arrived,
                    &labels,
                    state.and_then(|s| s.arrived(&registered)),
                );
            }
        }
        for one in &report.files.rotations {
            let labels = vec![("rotation", one.rotation.clone())];
            at(&self.due, &labels, one.due_at);
            at(&self.success, &labels, one.last_success);
            for (state, word) in DueState::ALL {
                let mut labels = labels.clone();
                labels.push(("state", word.to_owned()));
                set(&self.state, labels, i64::from(one.state == state));
            }
        }
        for (kind, word) in Kind::ALL {
            let count = report.attention.iter().filter(|one| one.kind == kind);
            set(
                &self.attention,
                vec![("kind", word.to_owned())],
                counted(count.count()),
            );
        }
        set(&self.open, Vec::new(), counted(report.open.len()));
        let generation = i64::try_from(report.vault.generation()).unwrap_or(i64::MAX);
        set(&self.generation, Vec::new(), generation);
        set(&self.looked, Vec::new(), report.now.as_second());
    }
}

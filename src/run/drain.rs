//! A process that is asked to end while a run is under way: the call that is out is heard and written down, and nothing
//! further is begun. Killed in the middle of a call, it would leave a credential at the issuer that nobody knows.

use super::engine::{Engine, StepError};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::Step;
use futures_util::future::{Either, select};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

/// How long an answer is waited for after the process was asked to end; the call's own limits may end it sooner. What sends
/// the signal kills the process some time later: after 30 s where a container is stopped, after 90 s where a service is.
pub const PATIENCE: Duration = Duration::from_secs(25);

impl Engine<'_> {
    /// Refuses to begin anything once the process was asked to end.
    pub(super) fn go_on(&self, step: &Step) -> Result<(), StepError> {
        if self.observer.stopping() {
            return Err(interrupted(step, "nothing further is begun"));
        }
        Ok(())
    }

    /// Waits, but not longer than the process may live.
    pub(super) async fn pause_for(&self, step: &Step, pause: Duration) -> Result<(), StepError> {
        self.go_on(step)?;
        self.renew_claim(step)?;
        match select(self.world.clock.sleep(pause), self.observer.stopped()).await {
            Either::Left(_) => Ok(()),
            Either::Right(_) => Err(interrupted(step, "the pause before it is not over")),
        }
    }

    /// The outcome of a call that is out. It is waited for also when the process is asked to end meanwhile, within [`PATIENCE`].
    pub(super) async fn heard<T>(
        &self,
        step: &Step,
        call: impl Future<Output = T>,
    ) -> Result<T, StepError> {
        let limit = async {
            self.observer.stopped().await;
            self.observer.hears_out(&step.name, PATIENCE);
            self.world.clock.sleep(PATIENCE).await;
        };
        match select(pin!(call), pin!(limit)).await {
            Either::Left((outcome, _)) => Ok(outcome),
            Either::Right(_) => Err(interrupted(
                step,
                "its call was not answered in time; what may be repeated goes by its effect",
            )),
        }
    }
}

fn interrupted(step: &Step, why: &str) -> StepError {
    StepError::Interrupted(Box::new(
        Diagnostic::new(
            codes::RUN_INTERRUPTED,
            step.at.0,
            format!(
                "the process was asked to end at step `{}`: {why}",
                step.name
            ),
        )
        .at("not done yet"),
    ))
}

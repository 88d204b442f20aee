//! A program of this machine: it gets the value on standard input. What it does with it must be repeatable.

use super::{Found, PATIENCE, Payload, Recipient, Site, Trouble, started};
use crate::plan::target::CommandTarget;
use crate::run::engine::Local;

impl Recipient for CommandTarget {
    fn put<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<(), Trouble>> {
        Box::pin(async move {
            let stdin = Some(payload.document()?);
            let timeout = self.timeout.map_or(PATIENCE, |length| length.to_std());
            let started = started(site, &self.program, Vec::new(), payload, stdin, timeout);
            started.await.map(drop)
        })
    }

    fn look<'a>(&'a self, _: &'a Site<'a>, _: &'a Payload) -> Local<'a, Result<Found, Trouble>> {
        Box::pin(async {
            Ok(Found::Unreadable(
                "a program tells nothing of what is there",
            ))
        })
    }
}

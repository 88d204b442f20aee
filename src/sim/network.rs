//! The network of the simulated world: one exchange, and what goes wrong with it.

use super::fault::{FsFault, HttpFault, Nonsense};
use super::machine::{Sim, State};
use super::{Outside, Reply};
use crate::world::BoxFuture;
use crate::world::http::{Attempt, Http, Request, Response, Trouble, TroubleKind};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use zeroize::Zeroizing;

/// How long an exchange takes.
const EXCHANGE: i64 = 50;

impl<O: Outside> Http for Sim<O> {
    fn call<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            self.interrupt();
            let attempt = self.exchange(request);
            // Others go on while the answer is on its way.
            Yield(self, false).await;
            let mut state = self.state();
            state.keep();
            state.now += EXCHANGE;
            attempt
        })
    }
}

impl<O: Outside> Sim<O> {
    /// Lets happen what was to happen during this exchange.
    fn interrupt(&self) {
        let mut state = self.state();
        let at = state.http_calls;
        let due = state.interruption.take_if(|(when, _)| *when == at);
        drop(state);
        if let Some((_, interruption)) = due {
            interruption(self);
            // What the other process called is not counted among the calls of this one.
            self.state().http_calls = at;
        }
    }

    fn exchange(&self, request: &Request) -> Attempt {
        let mut state = self.state();
        state.keep();
        state.changes += 1;
        let index = state.http_calls;
        state.http_calls += 1;
        if state.full_from.is_some_and(|from| index >= from) {
            state.broken = Some(FsFault::FULL);
        }
        let fault = state
            .http_fault
            .filter(|(at, _)| *at == index)
            .map(|(_, fault)| fault);
        if state.outage {
            return Attempt::NotSent(trouble(TroubleKind::Connect, "no route to host"));
        }
        if matches!(
            fault,
            Some(HttpFault::Outage | HttpFault::LostAnswerOutage | HttpFault::LostRequestOutage)
        ) {
            state.outage = true;
        }
        let received_at = state.timestamp();
        let respond = |status: u16, headers: Vec<(String, String)>, body: Vec<u8>| Response {
            status,
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, Zeroizing::new(value.into_bytes())))
                .collect(),
            body: Zeroizing::new(body),
            received_at,
        };
        let plain = |status| Attempt::Answered(respond(status, Vec::new(), Vec::new()));
        match fault {
            Some(HttpFault::NotSent | HttpFault::Outage) => {
                return Attempt::NotSent(trouble(TroubleKind::Connect, "connection refused"));
            }
            Some(HttpFault::LostRequest | HttpFault::LostRequestOutage) => {
                return Attempt::Unknown(
                    trouble(TroubleKind::Reset, "the connection was closed"),
                    None,
                );
            }
            Some(HttpFault::ErrorBefore) => return plain(500),
            Some(HttpFault::TooMany) => {
                let later = vec![("retry-after".to_owned(), "1".to_owned())];
                return Attempt::Answered(respond(429, later, Vec::new()));
            }
            Some(HttpFault::Refused(status)) => {
                let (kind, body) = Nonsense::Error.body(&[]);
                return Attempt::Answered(respond(status, typed(Vec::new(), kind), body));
            }
            _ => {}
        }
        let State {
            disk, outside, now, ..
        } = &mut *state;
        if let Some(HttpFault::Instead(nonsense)) = fault {
            // What the right answer would be is asked of a server of which nobody hears again.
            let own = outside.clone().answer(request, *now, disk);
            let (kind, body) = nonsense.body(&own.body);
            return Attempt::Answered(respond(200, typed(own.headers, kind), body));
        }
        let Reply {
            status,
            headers,
            body,
        } = outside.answer(request, *now, disk);
        let headers = typed(headers, "application/json");
        match fault {
            Some(HttpFault::LostAnswer | HttpFault::LostAnswerOutage) => Attempt::Unknown(
                trouble(TroubleKind::Timeout, "the server did not answer in time"),
                None,
            ),
            Some(HttpFault::HalfAnswer) => {
                let half = body.get(..body.len() / 2).unwrap_or_default().to_vec();
                Attempt::Unknown(
                    trouble(TroubleKind::Reset, "the connection was closed"),
                    Some(respond(status, headers, half)),
                )
            }
            Some(HttpFault::ErrorAfter) => plain(500),
            Some(HttpFault::Status(204)) => plain(204),
            Some(HttpFault::Status(other)) => Attempt::Answered(respond(other, headers, body)),
            Some(HttpFault::Executed(nonsense)) => {
                let (kind, body) = nonsense.body(&body);
                Attempt::Answered(respond(status, typed(headers, kind), body))
            }
            _ => Attempt::Answered(respond(status, headers, body)),
        }
    }
}

/// Headers with this content type, unless they name one.
fn typed(mut headers: Vec<(String, String)>, kind: &str) -> Vec<(String, String)> {
    if kind != "application/json" {
        headers.retain(|(name, _)| name != "content-type");
    }
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    headers
}

fn trouble(kind: TroubleKind, message: &str) -> Trouble {
    Trouble {
        kind,
        message: message.to_owned(),
    }
}

/// Lets everybody else go on once.
struct Yield<'a, O: Outside>(&'a Sim<O>, bool);

impl<O: Outside> Future for Yield<'_, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.1 {
            return Poll::Ready(());
        }
        self.1 = true;
        self.0.state().woken = true;
        Poll::Pending
    }
}

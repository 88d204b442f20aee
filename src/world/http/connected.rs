//! Sees the moment in which the connection stands: before it, no byte of the request can have left.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tower_layer::Layer;
use tower_service::Service;

/// Told once, when the connection stands (TLS included).
#[derive(Clone, Default)]
pub(super) struct Connected(Arc<State>);

#[derive(Default)]
struct State {
    stands: std::sync::atomic::AtomicBool,
    told: Notify,
}

impl Connected {
    /// Whether it stands.
    pub(super) fn stands(&self) -> bool {
        self.0.stands.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Waits until it stands.
    pub(super) async fn wait(&self) {
        // One waiter, and `notify_one` keeps its permit: no wake-up is lost.
        self.0.told.notified().await;
    }

    fn tell(&self) {
        self.0
            .stands
            .store(true, std::sync::atomic::Ordering::SeqCst);
        self.0.told.notify_one();
    }
}

impl<S> Layer<S> for Connected {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched {
            inner,
            connected: self.clone(),
        }
    }
}

/// A connector that tells.
#[derive(Clone)]
pub(super) struct Watched<S> {
    inner: S,
    connected: Connected,
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let (connecting, connected) = (self.inner.call(destination), self.connected.clone());
        Box::pin(async move {
            let connection = connecting.await?;
            connected.tell();
            Ok(connection)
        })
    }
}

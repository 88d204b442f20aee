//! Connections. hyper reads every request and writes every well-made answer; where an answer is to be broken, the socket is
//! taken back from it and the bytes are written by hand. One request a connection, so that faults can be counted.

use super::fault::{Fault, Outcome, Phase, Piece, Script};
use super::{Received, Reply, State, endpoints, lock};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Largest request body that is read.
const BODY_LIMIT: usize = 16 << 20;

/// Serves until told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    state: Arc<Mutex<State>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let index = lock(&state).connect();
                connections.spawn(connection(stream, index, Arc::clone(&state)));
            },
            _ = stopped.changed() => return,
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, index: usize, state: Arc<Mutex<State>>) {
    let (method, path) = peek(&stream).await;
    let fault = lock(&state).fault(index, &method, &path);
    match fault {
        // What is left unread makes the system answer with a reset.
        Some(Fault::ResetBeforeReading) => return reset(&stream),
        Some(Fault::Stall {
            at: Phase::Read,
            millis,
        }) => pause(millis).await,
        _ => {}
    }
    let taken_over = Arc::new(Mutex::new(None));
    let service = service_fn(|request| {
        let (state, fault, taken_over) =
            (Arc::clone(&state), fault.clone(), Arc::clone(&taken_over));
        let answer: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(async move {
            match answer(request, index, &state, fault).await? {
                Outcome::WellMade(reply) => well_made(reply),
                Outcome::Scripted(script) => {
                    *taken_over
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(script);
                    // Makes hyper stop without writing anything.
                    Err(TakenOver)
                }
            }
        });
        answer
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // An error is what the client did, or what we did: nobody to tell.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let script = taken_over
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .take();
    if let Some(script) = script {
        play(script, &mut stream).await;
    }
    let _ = stream.shutdown().await;
}

/// hyper is told to leave the socket alone, or the request could not be read.
#[derive(Debug)]
struct TakenOver;

impl std::fmt::Display for TakenOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is answered by hand")
    }
}

impl std::error::Error for TakenOver {}

/// Method and path of the request that waits in the socket, without reading it.
async fn peek(stream: &TcpStream) -> (String, String) {
    let mut buffer = [0; 2048];
    loop {
        let Ok(seen @ 1..) = stream.peek(&mut buffer).await else {
            return Default::default();
        };
        let text = String::from_utf8_lossy(buffer.get(..seen).unwrap_or_default()).into_owned();
        if let Some((line, _)) = text.split_once("\r\n") {
            let mut words = line.split(' ').map(str::to_owned);
            let (method, target) = (
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            );
            let path = target
                .split_once('?')
                .map(|(path, _)| path.to_owned())
                .unwrap_or(target);
            return (method, path);
        }
        if seen == buffer.len() || !text.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            return Default::default();
        }
        pause(1).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    index: usize,
    state: &Mutex<State>,
    fault: Option<Fault>,
) -> Result<Outcome, TakenOver> {
    let received = receive(request, index).await?;
    if let Some(Fault::Stall {
        at: Phase::Execute,
        millis,
    }) = fault
    {
        pause(millis).await;
    }
    let executes = fault.as_ref().is_none_or(Fault::executes);
    let reply = {
        let mut state = lock(state);
        let reply = if executes {
            endpoints::handle(&mut state, &received)
        } else {
            Reply::empty(200)
        };
        state
            .requests
            .push((received.clone(), executes.then_some(reply.status)));
        reply
    };
    if let Some(Fault::Stall {
        at: Phase::Answer,
        millis,
    }) = fault
    {
        pause(millis).await;
    }
    Ok(match fault {
        None => Outcome::WellMade(reply),
        Some(fault) => fault.apply(&received, reply),
    })
}

async fn receive(request: Request<Incoming>, index: usize) -> Result<Received, TakenOver> {
    let (head, body) = request.into_parts();
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let body = Limited::new(body, BODY_LIMIT)
        .collect()
        .await
        .map_err(|_| TakenOver)?
        .to_bytes()
        .to_vec();
    Ok(Received {
        index,
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query,
        headers,
        body,
    })
}

fn well_made(reply: Reply) -> Result<Response<Full<Bytes>>, TakenOver> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Full::new(Bytes::from(reply.body)))
        .map_err(|_| TakenOver)
}

async fn play(script: Script, stream: &mut TcpStream) {
    let filler = vec![b'x'; 64 << 10];
    for piece in script.pieces {
        let written = match piece {
            Piece::Bytes(bytes) => stream.write_all(&bytes).await,
            Piece::Wait(millis) => {
                pause(millis).await;
                Ok(())
            }
            Piece::Fill(mut left) => loop {
                let part = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(filler.len());
                let written = stream
                    .write_all(filler.get(..part).unwrap_or_default())
                    .await;
                left -= part as u64;
                if left == 0 || written.is_err() {
                    break written;
                }
            },
        };
        if written.is_err() {
            return;
        }
    }
    if script.reset {
        reset(stream);
    }
}

/// Makes the close that follows a reset.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn pause(millis: u64) {
    // The server is outside of the world that the interpreter sees: its waits are real ones.
    #[allow(clippy::disallowed_methods)]
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

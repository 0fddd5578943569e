//! A body that is too large to be held in memory.

use crate::request::body::{BodyWithin, incomplete, is_of, too_slow};
use crate::{Deadline, Problem};
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use futures::future::join;
use http_body_util::BodyExt as _;
use std::io::{self, BufRead, Read};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How many pieces of the body may wait for their reader.
const AHEAD: usize = 8;
/// How long the handler may take after each piece.
const HANDLED_WITHIN: Duration = Duration::from_secs(30);

/// A body that arrives piece by piece. As an extractor it reads nothing yet.
pub struct Upload {
    headers: HeaderMap,
    body: Body,
    deadline: Option<Deadline>,
    within: Duration,
}

/// The pieces of an [`Upload`], as a blocking reader.
pub struct UploadReader {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
    /// Whether the body has arrived as a whole.
    is_whole: bool,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let BodyWithin(within) = parts.extensions.get().copied().unwrap_or_default();
        let deadline = parts.extensions.get().cloned();
        Ok(Self { headers: parts.headers, body, deadline, within })
    }
}

impl Upload {
    /// Reads the body, of one of these media types and of `largest` bytes at most, while `consume` reads from the reader
    /// that it gets. A body that ends early is an error for both: `consume` MUST then keep nothing.
    ///
    /// # Errors
    /// 400, 408, 413 or 415 by the body; otherwise the error of `consume`.
    pub async fn read<T, E: Into<Problem>, C: Future<Output = Result<T, E>>>(
        self,
        media_types: &[&str],
        largest: u64,
        consume: impl FnOnce(UploadReader) -> C,
    ) -> Result<T, Problem> {
        let Self { headers, body, deadline, within } = self;
        is_of(media_types, &headers)?;
        if body.size_hint().lower() > largest {
            return Err(too_large(largest));
        }
        let (sender, pieces) = mpsc::channel(AHEAD);
        let consumed = consume(UploadReader { pieces, piece: Bytes::new(), is_whole: false });
        let (arrived, consumed) = join(send(body, largest, deadline, within, sender), consumed).await;
        arrived?;
        consumed.map_err(Into::into)
    }
}

/// Sends the pieces on, and an empty one at the end of the whole body. Each piece has its own timeout.
async fn send(
    mut body: Body,
    largest: u64,
    deadline: Option<Deadline>,
    within: Duration,
    pieces: mpsc::Sender<Bytes>,
) -> Result<(), Problem> {
    let mut total = 0;
    loop {
        let Some(frame) = timeout(within, body.frame()).await.map_err(|_| too_slow())? else { break };
        let Ok(piece) = frame.map_err(|_| incomplete())?.into_data() else { continue };
        total += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if total > largest {
            return Err(too_large(largest));
        }
        if let Some(deadline) = &deadline {
            deadline.renew(HANDLED_WITHIN);
        }
        if !piece.is_empty() && pieces.send(piece).await.is_err() {
            // The reader has refused the content. Its reason is the answer.
            return Ok(());
        }
    }
    let _ = pieces.send(Bytes::new()).await;
    Ok(())
}

fn too_large(largest: u64) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
        .detail(format!("A body may have at most {largest} bytes here."))
        .header(CONNECTION, HeaderValue::from_static("close"))
}

impl BufRead for UploadReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() && !self.is_whole {
            self.piece = self.pieces.blocking_recv().ok_or(io::ErrorKind::UnexpectedEof)?;
            self.is_whole = self.piece.is_empty();
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, read: usize) {
        let _ = self.piece.split_to(read.min(self.piece.len()));
    }
}

impl Read for UploadReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

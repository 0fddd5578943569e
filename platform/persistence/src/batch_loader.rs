//! Many reads in one round trip (the DataLoader pattern, or request coalescing).

use crate::{Db, Read, SqlError};
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio::task::yield_now;

/// The maximum number of keys in one query.
const FULL: usize = 64;
/// How many queries of one loader run at the same time. A second one runs only when a whole batch waits.
const QUERIES: usize = 2;

/// Rows, each with its key.
pub type Rows<K, R> = Vec<(K, R)>;

/// A query that finds at most one row for each of many keys.
pub trait BatchQuery: 'static {
    type Key: Copy + Eq + Hash + Send + Sync;
    type Row: Clone + Send;

    /// Finds the rows, in any order. A key without a row is left out.
    fn find(
        read: &mut Read,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Rows<Self::Key, Self::Row>, SqlError>> + Send;
}

/// Reads rows by key. Requests that arrive while a query is under way share the next one, so that a busy server sends
/// fewer queries than it has requests. A request that comes alone is asked at once.
///
/// A key only ever joins a query that has not begun, so an answer is never older than its request.
pub struct BatchLoader<Q: BatchQuery>(Arc<Loader<Q>>);

impl<Q: BatchQuery> Clone for BatchLoader<Q> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Loader<Q: BatchQuery> {
    db: Db,
    queue: Mutex<Queue<Q>>,
}

struct Queue<Q: BatchQuery> {
    waiting: Vec<Waiting<Q>>,
    /// How many tasks take keys from the queue.
    tasks: usize,
}

struct Waiting<Q: BatchQuery> {
    key: Q::Key,
    answer: oneshot::Sender<Result<Option<Q::Row>, SqlError>>,
}

impl<Q: BatchQuery> BatchLoader<Q> {
    /// A loader that reads from this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self(Arc::new(Loader { db, queue: Mutex::new(Queue { waiting: Vec::new(), tasks: 0 }) }))
    }

    /// Finds the row of a key, as it is now or later.
    ///
    /// # Errors
    /// When the database does not answer, or the row cannot be read. A lost connection has been replaced once, and the
    /// query repeated.
    pub async fn load(&self, key: Q::Key) -> Result<Option<Q::Row>, SqlError> {
        let (answer, row) = oneshot::channel();
        if self.0.queue().push(Waiting { key, answer }) {
            tokio::spawn(QueryTask { loader: self.0.clone(), has_ended: false }.run());
        }
        // The sender is dropped without an answer when the query has panicked, or the process is shutting down.
        row.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }
}

impl<Q: BatchQuery> Queue<Q> {
    /// Returns whether another task must be started.
    fn push(&mut self, waiting: Waiting<Q>) -> bool {
        self.waiting.push(waiting);
        let is_needed = self.tasks == 0 || (self.waiting.len() >= FULL && self.tasks < QUERIES);
        self.tasks += usize::from(is_needed);
        is_needed
    }
}

impl<Q: BatchQuery> Loader<Q> {
    fn queue(&self) -> MutexGuard<'_, Queue<Q>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, batch: Vec<Waiting<Q>>) {
        let keys: Vec<_> = batch.iter().map(|waiting| waiting.key).collect();
        match self.find(&keys).await {
            Ok(rows) => {
                let rows: HashMap<_, _> = rows.into_iter().collect();
                for Waiting { key, answer } in batch {
                    // An error means that the request was cancelled.
                    let _ = answer.send(Ok(rows.get(&key).cloned()));
                }
            }
            // A row that cannot be read must only fail the request that asked for it.
            Err(error) if error.is_about_one_row() && batch.len() > 1 => {
                for Waiting { key, answer } in batch {
                    let found = self.find(&[key]).await;
                    let _ = answer.send(found.map(|rows| rows.into_iter().next().map(|(_, row)| row)));
                }
            }
            Err(error) => batch.into_iter().for_each(|waiting| {
                let _ = waiting.answer.send(Err(error.clone()));
            }),
        }
    }

    /// Asks once more if the connection is lost, because reading twice does no harm.
    async fn find(&self, keys: &[Q::Key]) -> Result<Rows<Q::Key, Q::Row>, SqlError> {
        match self.find_once(keys).await {
            Err(error) if error.is_cut_off() => self.find_once(keys).await,
            found => found,
        }
    }

    async fn find_once(&self, keys: &[Q::Key]) -> Result<Rows<Q::Key, Q::Row>, SqlError> {
        Q::find(&mut self.db.read_batch().await?, keys).await
    }
}

/// Takes batches from the queue until it is empty.
struct QueryTask<Q: BatchQuery> {
    loader: Arc<Loader<Q>>,
    has_ended: bool,
}

impl<Q: BatchQuery> QueryTask<Q> {
    async fn run(mut self) {
        loop {
            // Requests that have arrived but have not been read from their sockets come along.
            yield_now().await;
            let Some(batch) = self.next_batch() else { return };
            self.loader.answer(batch).await;
        }
    }

    /// Ends this task if no key waits, in the same step, so that the next key starts a new one.
    fn next_batch(&mut self) -> Option<Vec<Waiting<Q>>> {
        let mut queue = self.loader.queue();
        queue.waiting.retain(|waiting| !waiting.answer.is_closed());
        if queue.waiting.is_empty() {
            queue.tasks -= 1;
            self.has_ended = true;
            return None;
        }
        let size = queue.waiting.len().min(FULL);
        Some(queue.waiting.drain(..size).collect())
    }
}

impl<Q: BatchQuery> Drop for QueryTask<Q> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // The query has panicked, or the runtime is shutting down.
        let mut queue = self.loader.queue();
        queue.tasks -= 1;
        if queue.tasks == 0 {
            queue.waiting.clear();
        }
    }
}

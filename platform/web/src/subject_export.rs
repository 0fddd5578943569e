use futures::future::{BoxFuture, FutureExt as _};
use persistence::{Db, SqlError};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};
use uuid::Uuid;

/// Everything that a context holds on a subject, as the person behind it may ask for it. A context with personal data
/// implements this trait for a type of its own, and names it in its [`BoundedContext`](crate::BoundedContext).
pub trait SubjectData: Serialize + ToSchema + Sized + 'static {
    /// Reads the data; `None` if the context holds nothing on the subject.
    ///
    /// # Errors
    /// If the database does not answer.
    fn read(db: &Db, subject: Uuid) -> impl Future<Output = Result<Option<Self>, SqlError>> + Send;
}

/// Reads the data of a context on a subject as JSON.
type Reading = fn(Db, Uuid) -> BoxFuture<'static, Result<Option<Value>, SqlError>>;

/// The [`SubjectData`] of one context, whatever its type.
#[derive(Clone, Copy)]
pub struct SubjectExport {
    read: Reading,
    schemas: fn() -> Vec<(String, RefOr<Schema>)>,
}

impl SubjectExport {
    /// The export of this type.
    #[must_use]
    pub const fn of<D: SubjectData>() -> Self {
        Self {
            read: |db, subject| {
                // Plain data cannot fail to serialise.
                async move { Ok(D::read(&db, subject).await?.and_then(|data| serde_json::to_value(data).ok())) }.boxed()
            },
            schemas: || {
                let mut schemas = vec![(D::name().into_owned(), D::schema())];
                D::schemas(&mut schemas);
                schemas
            },
        }
    }

    /// Reads the data as JSON; `None` if the context holds nothing on the subject.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read(&self, db: &Db, subject: Uuid) -> Result<Option<Value>, SqlError> {
        (self.read)(db.clone(), subject).await
    }

    /// The schemas of the data in the OpenAPI document by name, its own first.
    #[must_use]
    pub fn schemas(&self) -> Vec<(String, RefOr<Schema>)> {
        (self.schemas)()
    }
}

//! The database schema of the whole program: the tables of all parts, and the subscriptions of all contexts.

use crate::contexts::contexts;
use ledger::Subscription;
use persistence::{Db, Migrations, OpenError, SqlError};
use users_infrastructure::SUBSTRING_SEARCH;

/// The migrations of all parts. The ledger's come first, since the contexts' migrations may use its tables.
fn migrations() -> Vec<Migrations> {
    let contexts = contexts();
    [ledger::MIGRATIONS, web::MIGRATIONS].into_iter().chain(contexts.iter().map(|it| it.migrations)).collect()
}

/// The migrations of all parts, with the number that this database lacks. Optional ones count only after they were applied
/// once.
async fn pending(db: &Db) -> Result<Vec<(Migrations, usize)>, SqlError> {
    let mut all = Vec::new();
    for migrations in migrations() {
        all.push((migrations, db.pending(&migrations).await?));
    }
    let optional = db.pending(&SUBSTRING_SEARCH).await?;
    if optional < SUBSTRING_SEARCH.all.len() {
        all.push((SUBSTRING_SEARCH, optional));
    }
    Ok(all)
}

/// The subscriptions of all contexts.
fn subscriptions() -> Vec<Subscription> {
    contexts().iter().flat_map(|context| Subscription::of(context.migrations.context, (context.messages)())).collect()
}

/// How many steps the schema lacks: migrations and subscriptions.
///
/// # Errors
/// When the database does not answer.
pub async fn missing(db: &Db) -> Result<usize, SqlError> {
    let missing = pending(db).await?.iter().map(|(_, missing)| missing).sum();
    // Without its tables, the ledger has no subscriptions to look at.
    if missing == 0 { ledger::missing_subscriptions(db, &subscriptions()).await } else { Ok(missing) }
}

/// Brings the schema up to date. Returns how many migrations were applied.
///
/// # Errors
/// When a migration fails, or the database does not answer.
pub async fn migrate(db: &Db) -> Result<usize, OpenError> {
    let mut applied = 0;
    for (migrations, missing) in pending(db).await? {
        db.migrate(&migrations).await?;
        applied += missing;
    }
    ledger::subscribe(db, &subscriptions()).await?;
    Ok(applied)
}

/// Creates the index for parts of addresses and names. From then on it belongs to the schema. Returns how many migrations
/// were applied.
///
/// # Errors
/// When a migration fails, or the database does not answer.
pub async fn add_substring_search(db: &Db) -> Result<usize, OpenError> {
    let missing = db.pending(&SUBSTRING_SEARCH).await?;
    db.migrate(&SUBSTRING_SEARCH).await?;
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::migrations;

    /// The databases of earlier releases have recorded these names.
    #[test]
    fn the_names_of_migrations_stay() {
        let names = |all: &[persistence::Migration]| all.iter().map(|step| step.name).collect::<Vec<_>>().join(" ");
        let named: Vec<_> = migrations().iter().map(|it| format!("{}: {}", it.context, names(it.all))).collect();
        for recorded in [
            "ledger: messages awaited",
            "web: limits",
            "users: users deactivation",
            "auth: credentials sessions deactivation authority refresh_grace keys",
        ] {
            let stays = named.iter().any(|it| it.starts_with(recorded));
            assert!(stays, "add new ones at the end of a context: {recorded}: {named:?}");
        }
    }
}

//! Macros that make tests of async functions that take a `&World`: one named test per world.
//!
//! The name of a test ends in its world, as in `prefer::a_client_that_waits_gets_the_user::postgres`. Without the
//! servers that its world needs, a test fails, or does nothing if `TEST_EMBEDDED` is set.

/// Makes three tests of each function: on SQLite, on PostgreSQL, and on PostgreSQL with RabbitMQ. The process executes
/// commands.
///
/// A test also fails if it leaves unfinished messages, or payloads that should have been erased.
#[macro_export]
macro_rules! in_each_world {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            $crate::test_in_world!($name, sqlite, Sqlite, true);
            $crate::test_in_world!($name, postgres, Postgres, true);
            $crate::test_in_world!($name, postgres_and_rabbitmq, PostgresAndRabbitMq, true);
        }
    )*};
}

/// As [`in_each_world`], without RabbitMQ: for what is answered at once by the database. A hint only decides when a worker
/// looks for messages.
#[macro_export]
macro_rules! in_each_database {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            $crate::test_in_world!($name, sqlite, Sqlite, true);
            $crate::test_in_world!($name, postgres, Postgres, true);
        }
    )*};
}

/// As [`in_each_world`], but no command is executed before the test calls [`Node::work`](crate::Node::work).
#[macro_export]
macro_rules! in_each_idle_world {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            $crate::test_in_world!($name, sqlite, Sqlite, false);
            $crate::test_in_world!($name, postgres, Postgres, false);
            $crate::test_in_world!($name, postgres_and_rabbitmq, PostgresAndRabbitMq, false);
        }
    )*};
}

/// As [`in_each_idle_world`], without SQLite: for tests of several processes that share a database.
#[macro_export]
macro_rules! in_shared_worlds {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            $crate::test_in_world!($name, postgres, Postgres, false);
            $crate::test_in_world!($name, postgres_and_rabbitmq, PostgresAndRabbitMq, false);
        }
    )*};
}

/// Makes one test of each function, on SQLite: for functions whose result cannot depend on the database. The process
/// executes commands.
#[macro_export]
macro_rules! in_one_world {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            $crate::test_in_world!($name, sqlite, Sqlite, true);
        }
    )*};
}

/// As [`in_one_world`], but no command is executed before the test calls [`Node::work`](crate::Node::work).
#[macro_export]
macro_rules! in_one_idle_world {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            $crate::test_in_world!($name, sqlite, Sqlite, false);
        }
    )*};
}

/// A test of the function `super::$name`.
#[doc(hidden)]
#[macro_export]
macro_rules! test_in_world {
    ($name:ident, $world:ident, $kind:ident, $works:literal) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $world() {
            $crate::in_world($crate::Kind::$kind, $works, super::$name).await;
        }
    };
}

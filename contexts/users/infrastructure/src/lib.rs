//! Users: SQL and HTTP.

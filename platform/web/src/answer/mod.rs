//! Answers: problems, entity tags and pages of lists.

pub(crate) mod etag;
pub(crate) mod page;
pub(crate) mod problem;
pub(crate) mod signed_cursor;

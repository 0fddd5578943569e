//! Auth: the use cases.

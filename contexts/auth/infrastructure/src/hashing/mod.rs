//! Password hashing: threads, queues with admission control, and the schemes.

pub(crate) mod argon2id;
pub(crate) mod bcrypt;
pub(crate) mod credentials;
pub(crate) mod hash_job;
pub(crate) mod hash_job_error;
pub(crate) mod hash_pool;
pub(crate) mod hash_queue;
pub(crate) mod passwords;
pub(crate) mod throughput;
pub(crate) mod verify;

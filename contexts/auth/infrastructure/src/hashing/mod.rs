//! Password hashing: threads, queues with admission control, and the schemes.

pub(crate) mod argon2;
pub(crate) mod bcrypt;
pub(crate) mod credentials;
pub(crate) mod hash_job;
pub(crate) mod hash_job_error;
pub(crate) mod hash_pool;
pub(crate) mod hash_queue;
pub(crate) mod passwords;
pub(crate) mod pbkdf2;
pub(crate) mod phpass;
pub(crate) mod scrypt;
pub(crate) mod sha_crypt;
pub(crate) mod single_job;
pub(crate) mod throughput;
pub(crate) mod verify;

kernel::id! {
    /// The id of a job, which is also the id of its command.
    JobId
}

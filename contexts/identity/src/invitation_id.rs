kernel::id! {
    /// The id of an invitation to register.
    InvitationId
}

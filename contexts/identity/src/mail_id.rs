kernel::id! {
    /// The id of a mail. Every attempt to send the mail has the same `Message-ID`, made of this id.
    MailId
}

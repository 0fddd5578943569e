
    // TODO-AUTHOR: add the rules; an error that implements `DomainError` rejects the command.
    /// Makes the changes of `__command__`. Returns whether that has changed anything.
    pub fn __verb__(
        &mut self,
        __field__: __Field__, // each field
    ) -> bool {
        self.change(|it| __changes__)
    }

impl __Entity__ {
    // TODO-AUTHOR: add the rules; an error that implements `DomainError` rejects the command.
    /// Makes the changes of `__command__`. Returns whether that has changed anything.
    pub fn __verb__(
        &mut self,
        __field__: __Field__, // each field
    ) -> bool {
        let changed = __Entity__State {
            __set__, // each field
            ..self.0.clone()
        };
        let changes = changed != self.0;
        if changes {
            self.0 = __Entity__State { version: self.0.version + 1, ..changed };
        }
        changes
    }
}


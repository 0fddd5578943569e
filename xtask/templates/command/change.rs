
    /// Changes the state. Returns whether it differs now; then it is a new version.
    fn change(&mut self, change: impl FnOnce(&mut __Entity__State)) -> bool {
        let before = self.0.clone();
        change(&mut self.0);
        let changes = self.0 != before;
        if changes {
            self.0.version += 1;
        }
        changes
    }

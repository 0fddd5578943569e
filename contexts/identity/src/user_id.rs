kernel::id! {
    /// The id of a user, which is the same in every context.
    UserId
}

impl UserId {
    /// Whether a client may choose this id: a UUID of version 4 or 7 (RFC 9562).
    #[must_use]
    pub fn may_be_chosen(self) -> bool {
        matches!(self.0.get_version_num(), 4 | 7) && self.0.get_variant() == uuid::Variant::RFC4122
    }
}

#[cfg(test)]
mod tests {
    use super::UserId;

    #[test]
    fn only_versions_4_and_7_may_be_chosen() {
        let chosen = |text: &str| text.parse::<UserId>().is_ok_and(UserId::may_be_chosen);
        assert!(chosen("b2d1a7c8-4f7e-4c1a-9a3e-0a1b2c3d4e5f"));
        assert!(chosen("01890a5d-ac96-774b-bcce-b302099a8057"));
        assert!(!chosen("c232ab00-9414-11ec-b3c8-9f6bdeced846"), "version 1 holds a clock and a network address");
        assert!(!chosen("00000000-0000-0000-0000-000000000000"));
        assert!(!chosen("b2d1a7c8-4f7e-4c1a-ca3e-0a1b2c3d4e5f"), "another variant");
    }
}

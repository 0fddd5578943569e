/// The longest description of a device, in characters.
const LONGEST_AGENT: usize = 150;

/// What a sign-in shows of the device that it comes from. There are no cookies, so a device is a browser in a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    agent: String,
    network: Vec<u8>,
}

impl Device {
    /// `agent` is the header User-Agent, which the client can set to anything: the description keeps what browsers write
    /// there, without what mail programs turn into links. `network` is the network of the client's address.
    #[must_use]
    pub fn new(agent: &str, network: Vec<u8>) -> Self {
        let is_kept = |it: &char| it.is_ascii_alphanumeric() || " ()[]/.,;_+-".contains(*it);
        let agent: String = agent.chars().filter(is_kept).take(LONGEST_AGENT).collect();
        Self { agent: agent.trim().to_owned(), network }
    }

    /// The description for a mail.
    #[must_use]
    pub fn description(&self) -> &str {
        if self.agent.is_empty() { "unknown" } else { &self.agent }
    }

    /// What tells this device from others of a user. Numbers do not count: an update of a browser makes no new device.
    #[must_use]
    pub fn traits(&self) -> Vec<u8> {
        let agent = self.agent.bytes().filter(|byte| !byte.is_ascii_digit() && !b"._".contains(byte));
        self.network.iter().copied().chain([0]).chain(agent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Device;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

    #[test]
    fn a_browser_is_the_same_device_after_an_update_and_another_one_elsewhere() {
        let here = Device::new(FIREFOX, vec![192, 0, 2]);
        let updated = Device::new(&FIREFOX.replace("140.0", "141.0.1"), vec![192, 0, 2]);
        assert_eq!(here.traits(), updated.traits());
        for other in [Device::new(FIREFOX, vec![192, 0, 3]), Device::new("curl/8.5.0", vec![192, 0, 2])] {
            assert_ne!(here.traits(), other.traits());
        }
    }

    #[test]
    fn the_description_of_a_device_is_short_and_has_no_control_characters_and_no_link() {
        let agent = "Mozilla/5.0\r\nBcc: eve@evil.example \u{1b}[31m\u{202e}\0https://evil.example/<b>";
        let device = Device::new(agent, Vec::new());
        assert_eq!(device.description(), "Mozilla/5.0Bcc eveevil.example [31mhttps//evil.example/b");
        assert_eq!(Device::new(&"x".repeat(9_999), Vec::new()).description().len(), 150);
        for empty in ["", " ", "\u{202e}", "\r\n"] {
            assert_eq!(Device::new(empty, Vec::new()).description(), "unknown");
        }
    }
}

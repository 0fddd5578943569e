//! Fills a template in. `__word__` stands for a value. A line that ends in `// each field` is written once per field, a
//! line that ends in `// on` only if there is an event.

/// The values of a template.
pub(crate) struct Template {
    pub(crate) values: Vec<(String, String)>,
    /// The values of each field.
    pub(crate) fields: Vec<Vec<(String, String)>>,
    pub(crate) has_event: bool,
}

impl Template {
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut filled = String::new();
        for line in template.lines() {
            if let Some(line) = line.strip_suffix(" // each field") {
                for field in &self.fields {
                    filled.push_str(&replaced(&replaced(line, field), &self.values));
                    filled.push('\n');
                }
            } else if let Some(line) = line.strip_suffix(" // on") {
                if self.has_event {
                    filled.push_str(&replaced(line, &self.values));
                    filled.push('\n');
                }
            } else {
                filled.push_str(&replaced(line, &self.values));
                filled.push('\n');
            }
        }
        filled
    }
}

fn replaced(text: &str, values: &[(String, String)]) -> String {
    values.iter().fold(text.to_owned(), |text, (word, value)| text.replace(&format!("__{word}__"), value))
}

/// The pairs of a word and its value.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, String); N]) -> Vec<(String, String)> {
    pairs.into_iter().map(|(word, value)| (word.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Template, pairs};

    #[test]
    fn lines_are_repeated_left_out_and_filled_in() {
        let field = |name: &str| pairs([("field", name.to_owned())]);
        let mut template = Template {
            values: pairs([("context", "orders".to_owned())]),
            fields: vec![field("item"), field("note")],
            has_event: false,
        };
        let text = "mod __context___domain;\n__field__, // each field\non; // on\n";
        assert_eq!(template.fill(text), "mod orders_domain;\nitem,\nnote,\n");
        template.has_event = true;
        assert_eq!(template.fill(text), "mod orders_domain;\nitem,\nnote,\non;\n");
    }
}

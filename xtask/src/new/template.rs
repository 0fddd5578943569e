//! Fills a template in. `__word__` stands for a value. Lines that end in `// each field` are a block, which is written once
//! per field. A line that ends in `// on` is written only if there is an event.

use super::names::{Name, Signature};

const EACH: &str = " // each field";
const ON: &str = " // on";

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
        let mut each = Vec::new();
        for line in template.lines() {
            if let Some(line) = line.strip_suffix(EACH) {
                each.push(line);
                continue;
            }
            self.write_each(&mut each, &mut filled);
            let line = match line.strip_suffix(ON) {
                Some(_) if !self.has_event => continue,
                Some(line) => line,
                None => line,
            };
            filled.push_str(&replaced(line, &self.values));
            filled.push('\n');
        }
        self.write_each(&mut each, &mut filled);
        filled
    }

    fn write_each(&self, lines: &mut Vec<&str>, filled: &mut String) {
        let block = lines.drain(..).fold(String::new(), |block, line| block + line + "\n");
        filled.extend(self.fields.iter().map(|field| replaced(&replaced(&block, field), &self.values)));
    }
}

fn replaced(text: &str, values: &[(String, String)]) -> String {
    values.iter().fold(text.to_owned(), |text, (word, value)| text.replace(&format!("__{word}__"), value))
}

/// The values that the templates of contexts and of commands share.
pub(crate) fn shared(context: &Name, entity: &Name, command: &Signature) -> Vec<(String, String)> {
    let fields: Vec<_> = command.fields.iter().map(Name::snake).collect();
    pairs([
        ("context", context.snake().to_owned()),
        ("entity", entity.snake().to_owned()),
        ("Entity", entity.camel()),
        ("command", command.name.snake().to_owned()),
        ("Command", command.name.camel()),
        ("Command_words", command.name.sentence()),
        ("verb", command.name.verb().to_owned()),
        ("whole", zipped(&fields)),
        ("pattern", pattern(&fields)),
        ("examples", fields.iter().map(|field| format!("\"{field}\": \"an example\"")).collect::<Vec<_>>().join(", ")),
    ])
}

/// The fields of a body as one `Option`: `input.body.item.zip(input.body.note)`.
fn zipped(fields: &[&str]) -> String {
    let mut all = fields.iter().map(|field| format!("input.body.{field}"));
    let first = all.next().unwrap_or_default();
    all.fold(first, |zipped, field| format!("{zipped}.zip({field})"))
}

/// The pattern of [`zipped`]: `(item, note)`.
fn pattern(fields: &[&str]) -> String {
    let mut all = fields.iter();
    let first = (*all.next().unwrap_or(&"")).to_owned();
    all.fold(first, |pattern, field| format!("({pattern}, {field})"))
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
        let block = "text! { // each field\n    __field__ // each field\n} // each field\n";
        assert_eq!(template.fill(block), "text! {\n    item\n}\ntext! {\n    note\n}\n");
        template.has_event = true;
        assert_eq!(template.fill(text), "mod orders_domain;\nitem,\nnote,\non;\n");
    }
}

use super::{TemplateError, Templates};
use contracts::MailTemplate;
use std::fs::{create_dir, write};
use std::path::Path;
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        let parent = path.parent().expect("a parent");
        if !parent.exists() {
            create_dir(parent).expect("created");
        }
        write(path, text).expect("written");
    }
    folder
}

fn refused(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = Templates::load(Some(folder.path()), "Example").err().expect("a refusal");
    error.to_string().replace(&folder.path().display().to_string(), "FOLDER")
}

#[test]
fn every_mail_can_be_read_in_both_languages() {
    let templates = Templates::load(None, "Example").expect("templates");
    assert_eq!(templates.languages().collect::<Vec<_>>(), ["de", "en"]);
    for template in MailTemplate::ALL {
        let [english, german] = ["en", "de"].map(|it| templates.example(template, it).expect("rendered"));
        assert_ne!(english.subject, german.subject);
        for mail in [english, german] {
            let link = "https://example.org/page?token=rm_EXAMPLE";
            let has_link = super::has_link(template);
            assert_eq!(mail.text.contains(link), has_link, "{mail:?}");
            assert_eq!(
                mail.html.contains(&format!("<a href=\"{}\"", link.replace('/', "&#x2f;"))),
                has_link,
                "{mail:?}"
            );
            assert!(mail.text.contains("Example") || mail.subject.contains("Example"), "{mail:?}");
            assert!(!mail.text.starts_with('\n') && !mail.html.contains("{{"), "{mail:?}");
        }
    }
}

#[test]
fn an_unknown_language_falls_back_to_english() {
    let templates = Templates::load(None, "Example").expect("templates");
    for language in ["fr", "../../etc", ""] {
        let mail = templates.example(MailTemplate::Test, language).expect("rendered");
        assert_eq!(mail.subject, "A test of Example");
    }
}

#[test]
fn a_file_replaces_one_template_and_may_add_a_language() {
    let folder =
        folder(&[("en/test.txt", "Hello from {{ product }}\n\nIt works.\n"), ("fr/test.txt", "Bonjour\n\nVoilà.\n")]);
    let templates = Templates::load(Some(folder.path()), "Example").expect("templates");
    let english = templates.example(MailTemplate::Test, "en").expect("rendered");
    assert_eq!((english.subject.as_str(), english.text.as_str()), ("Hello from Example", "It works.\n"));
    assert!(english.html.contains("The operator of Example"), "the HTML is as before");
    let french = templates.example(MailTemplate::Test, "fr").expect("rendered");
    assert_eq!((french.subject.as_str(), french.text.as_str()), ("Bonjour", "Voilà.\n"));
}

#[test]
fn a_broken_template_is_refused_by_its_name_and_line() {
    for (text, why) in [
        ("Subject\n\n{{ nonsense }}\n", "line 3,"),
        ("Subject\n\n{% if %}\n", "line 3,"),
        ("Subject\n{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}", "fuel"),
        ("\n\nText\n", "its first line is the subject"),
    ] {
        let refusal = refused(&[("en/test.txt", text)]);
        assert!(refusal.contains("en/test.txt") && refusal.contains(why), "{refusal}");
    }
    let refusal = refused(&[("layout.html", "{% block body %}")]);
    assert!(refusal.contains("layout.html"), "{refusal}");
}

#[test]
fn a_file_with_a_name_that_no_template_has_is_refused() {
    for name in ["en/reset-password.txt", "readme.txt", "english/test.txt"] {
        let refusal = refused(&[(name, "text")]);
        assert!(refusal.contains("is not the name of a template"), "{refusal}");
    }
    let missing = Templates::load(Some(Path::new("/nonexistent")), "Example").err().expect("a refusal");
    assert!(matches!(missing, TemplateError::Unreadable { .. }), "{missing}");
}

#[test]
fn values_are_not_evaluated_and_html_is_escaped() {
    let templates = Templates::load(None, "Example").expect("templates");
    let values = [("at", "now"), ("address", "{{7*7}}"), ("device", "<b>{{7*7}}</b>")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mail = templates.render_with(MailTemplate::NewDevice, None, &values, None).expect("rendered");
    assert!(mail.text.contains("<b>{{7*7}}</b>") && !mail.html.contains("<b>"), "{mail:?}");
    assert!(!mail.text.contains("49") && !mail.html.contains("49"), "{mail:?}");
}

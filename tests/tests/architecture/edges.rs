//! The allowed dependencies between crates, computed from the crates' folders.

use crate::source::root;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The part of the architecture that a crate belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Domain(&'a str),
    Application(&'a str),
    Infrastructure(&'a str),
    /// What a context offers to the routes of all contexts.
    Access,
    Contracts,
    /// The shared kernel of the contexts, which every domain may depend on.
    Identity,
    /// The crate that every domain may depend on.
    Kernel,
    /// The crate that every use case may depend on.
    UseCase,
    Platform,
    App,
    /// The tests of the whole program.
    Acceptance,
    Bench,
    /// The fuzz targets.
    Fuzz,
    Xtask,
    /// The HTTP client of xtask and the benchmarks. Every `cargo xtask` builds it, so it stays small.
    Testkit,
    /// A crate from outside of this workspace.
    Outside,
}

/// A dependency of one crate on another.
#[derive(Debug)]
struct Edge<'a> {
    from: Place<'a>,
    to: Place<'a>,
    /// The name of the crate depended on.
    name: &'a str,
    /// Whether it is a dev-dependency.
    for_tests: bool,
}

impl<'a> Place<'a> {
    fn of(folder: &'a str) -> Option<Self> {
        Some(match folder.split('/').collect::<Vec<_>>()[..] {
            ["contexts", "contracts"] => Self::Contracts,
            ["contexts", "identity"] => Self::Identity,
            ["contexts", _, "access"] => Self::Access,
            ["contexts", context, "domain"] => Self::Domain(context),
            ["contexts", context, "application"] => Self::Application(context),
            ["contexts", context, "infrastructure"] => Self::Infrastructure(context),
            ["platform", "kernel"] => Self::Kernel,
            ["platform", "use-case"] => Self::UseCase,
            ["platform", _] => Self::Platform,
            ["app"] => Self::App,
            ["tests"] => Self::Acceptance,
            ["bench"] => Self::Bench,
            ["fuzz"] => Self::Fuzz,
            ["xtask"] => Self::Xtask,
            ["testkit"] => Self::Testkit,
            _ => return None,
        })
    }
}

impl Edge<'_> {
    fn is_allowed(&self) -> bool {
        use Place::{
            Acceptance, Access, App, Application, Bench, Contracts, Domain, Identity, Infrastructure, Kernel, Outside,
            Platform,
        };
        use Place::{Fuzz, Testkit, UseCase, Xtask};
        let one_of = |names: &[&str]| names.contains(&self.name);
        // Crates for plain data and for tests of it: none of them can reach a network, a disk or a clock.
        let words = one_of(&["serde", "thiserror", "uuid"]) || self.for_tests && one_of(&["proptest", "serde_json"]);
        match (self.from, self.to) {
            (Domain(_), Outside) => words || one_of(&["base64", "unicode-normalization"]),
            (Contracts, Outside) => words,
            (Application(_), Outside) => words || one_of(&["async-trait"]) || self.for_tests && one_of(&["tokio"]),
            // Every domain and every use case inherits the dependencies of these two crates.
            (Kernel, Outside) => words || one_of(&["icu_properties", "jiff", "zeroize"]),
            (Identity, Outside) => words || one_of(&["idna"]),
            (UseCase, Outside) => words || one_of(&["async-trait", "serde_json"]),
            (Domain(_), to) => matches!(to, Kernel | Identity),
            (Identity, to) => to == Kernel,
            (Contracts, to) => matches!(to, Kernel | Identity | UseCase),
            (Access, to) => matches!(to, Outside | Kernel | Identity | Platform),
            (Application(context), to) => {
                matches!(to, Kernel | Identity | UseCase | Contracts) || to == Domain(context)
            }
            (Infrastructure(context), to) => {
                matches!(to, Outside | Kernel | Identity | UseCase | Contracts | Access | Platform)
                    || [Domain(context), Application(context)].contains(&to)
            }
            (Kernel, _) => false,
            (UseCase, to) => to == Kernel,
            (Platform, to) => matches!(to, Outside | Kernel | UseCase | Platform),
            (Testkit, to) => to == Outside && one_of(&["rustix", "serde_json", "tokio"]),
            (Acceptance | Bench | Xtask, Testkit) => true,
            (Xtask, to) => to == Outside,
            (App, to) => !matches!(to, App | Acceptance | Bench | Fuzz | Testkit | Xtask),
            (Acceptance | Bench | Fuzz, to) => !matches!(to, Acceptance | Bench | Fuzz | Testkit | Xtask),
            (Outside, _) => true,
        }
    }
}

/// The crates of the workspace: name, folder, dependencies.
fn workspace() -> Vec<(String, String, Vec<Value>)> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("Cargo.toml");
    #[expect(clippy::disallowed_methods, reason = "cargo knows the manifests")]
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let root = metadata["workspace_root"].as_str().unwrap();
    let crates = metadata["packages"].as_array().unwrap().iter().map(|package| {
        let folder =
            Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().strip_prefix(root).unwrap();
        let name = package["name"].as_str().unwrap().to_owned();
        (name, folder.to_str().unwrap().to_owned(), package["dependencies"].as_array().unwrap().clone())
    });
    crates.collect()
}

#[test]
fn every_dependency_is_one_that_the_architecture_allows() {
    let crates = workspace();
    let place = |name: &str| crates.iter().find(|(crate_, ..)| crate_ == name).map(|(_, folder, _)| folder.as_str());
    let (mut seen, mut forbidden) = (0, Vec::new());
    for (name, folder, dependencies) in &crates {
        let from = Place::of(folder).unwrap_or_else(|| panic!("{folder}: what is a crate there? Give it a place"));
        for dependency in dependencies {
            let on = dependency["name"].as_str().unwrap();
            let to = place(on).map_or(Place::Outside, |folder| Place::of(folder).unwrap());
            let edge = Edge { from, to, name: on, for_tests: dependency["kind"] == "dev" };
            seen += 1;
            // A crate may depend on itself, to enable a feature for its own tests.
            if on != name && !edge.is_allowed() {
                forbidden.push(format!("{name} must not depend on {on}: {edge:?}"));
            }
        }
    }
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
    assert!(seen > 100, "{seen} dependencies are not all of them");
}

#[test]
fn every_crate_of_the_workspace_is_seen() {
    let found: BTreeSet<_> = workspace().into_iter().map(|(_, folder, _)| folder).collect();
    let folders = ["platform/*", "contexts/*", "contexts/*/*", "*"].into_iter().flat_map(folders_with_a_manifest);
    assert_eq!(found, folders.collect(), "each folder with a manifest, and no other");
    for context in ["users", "auth"] {
        for layer in ["domain", "application", "infrastructure"] {
            assert!(found.contains(&format!("contexts/{context}/{layer}")), "{found:?}");
        }
    }
}

fn folders_with_a_manifest(pattern: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![root.to_path_buf()];
    for part in pattern.split('/') {
        let named = |folder: &Path| vec![folder.join(part)];
        let all = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
        };
        folders = folders.iter().flat_map(|folder| if part == "*" { all(folder) } else { named(folder) }).collect();
    }
    let with_manifest = folders.into_iter().filter(|folder| folder.join("Cargo.toml").is_file());
    with_manifest.map(|folder| folder.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn forbidden_edges_are_recognised() {
    let allowed = |from, to, name, for_tests| {
        let of = |folder| Place::of(folder).unwrap_or(Place::Outside);
        Edge { from: of(from), to: of(to), name, for_tests }.is_allowed()
    };
    let (domain, application, infrastructure) =
        ("contexts/users/domain", "contexts/users/application", "contexts/users/infrastructure");
    for (from, to, name) in [
        (domain, "", "sqlx"),
        (domain, "", "axum"),
        (domain, "", "tokio"),
        (domain, "", "serde_json"),
        (domain, "platform/use-case", "use-case"),
        (domain, "platform/persistence", "persistence"),
        (domain, "contexts/contracts", "contracts"),
        (domain, "contexts/auth/domain", "auth-domain"),
        (domain, application, "users-application"),
        (application, "", "sqlx"),
        (application, "", "tokio"),
        (application, "platform/ledger", "ledger"),
        (application, "platform/web", "web"),
        (application, infrastructure, "users-infrastructure"),
        (application, "contexts/auth/application", "auth-application"),
        (infrastructure, "contexts/auth/infrastructure", "auth-infrastructure"),
        (infrastructure, "contexts/auth/application", "auth-application"),
        (infrastructure, "contexts/auth/domain", "auth-domain"),
        (infrastructure, "app", "roster"),
        ("contexts/contracts", domain, "users-domain"),
        ("contexts/identity", "contexts/contracts", "contracts"),
        ("contexts/identity", "", "axum"),
        ("contexts/auth/access", "contexts/auth/infrastructure", "auth-infrastructure"),
        ("contexts/auth/access", "contexts/auth/domain", "auth-domain"),
        (application, "contexts/auth/access", "auth-access"),
        ("platform/kernel", "contexts/identity", "identity"),
        ("platform/web", "contexts/auth/access", "auth-access"),
        ("contexts/contracts", "platform/ledger", "ledger"),
        ("contexts/contracts", "", "sqlx"),
        ("platform/ledger", domain, "users-domain"),
        ("platform/web", "contexts/contracts", "contracts"),
        ("platform/web", infrastructure, "users-infrastructure"),
        ("platform/kernel", "platform/persistence", "persistence"),
        ("platform/kernel", "", "tokio"),
        ("platform/use-case", "platform/ledger", "ledger"),
        ("platform/use-case", "", "sqlx"),
        ("xtask", "app", "roster"),
        ("testkit", "", "axum"),
        ("testkit", "platform/web", "web"),
        ("app", "testkit", "testkit"),
        ("app", "tests", "acceptance"),
        ("app", "fuzz", "fuzz"),
    ] {
        assert!(!allowed(from, to, name, false), "{from} → {name}");
        let tool = ["serde_json", "tokio"].contains(&name);
        assert!(!allowed(from, to, name, true) || tool, "{from} → {name}, in its tests");
    }
    for (from, to, name) in [
        (domain, "platform/kernel", "kernel"),
        (domain, "", "thiserror"),
        (application, domain, "users-domain"),
        (application, "contexts/contracts", "contracts"),
        (infrastructure, application, "users-application"),
        (infrastructure, "platform/web", "web"),
        (infrastructure, "contexts/auth/access", "auth-access"),
        (domain, "contexts/identity", "identity"),
        (infrastructure, "", "axum"),
        ("platform/web", "platform/ledger", "ledger"),
        ("app", infrastructure, "users-infrastructure"),
        ("tests", "app", "roster"),
        ("tests", "testkit", "testkit"),
        ("xtask", "testkit", "testkit"),
    ] {
        assert!(allowed(from, to, name, false), "{from} → {name}");
    }
    assert_eq!(Place::of("contexts/users/ports"), None);
    assert!(!allowed(domain, "", "tokio", true), "nor do a domain's tests need a framework");
}

/// sqlx trusts the roots of `webpki-roots` beside those that it is given. The workspace has an empty one in its place.
#[test]
fn sqlx_trusts_no_root_certificate_by_itself() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let lock = read("Cargo.lock");
    let packages: Vec<_> = lock.split("[[package]]").filter(|it| it.contains("name = \"webpki-roots\"")).collect();
    assert_eq!(packages.len(), 1, "{packages:?}");
    assert!(!packages[0].contains("source = "), "the published crate is used: {}", packages[0]);
    assert!(read("platform/webpki-roots/src/lib.rs").contains("TLS_SERVER_ROOTS: &[TrustAnchor<'static>] = &[];"));
}

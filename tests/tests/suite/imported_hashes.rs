//! Signing in with a password whose hash comes from another system.

use acceptance::{Person, World, in_each_database};
use persistence::execute;

in_each_database! {
    a_hash_of_every_source_signs_its_user_in_and_is_renewed,
}

/// Hashes of `Correct horse battery` that the libraries of other systems have made: source, text, stored text.
const HASHES: &str = include_str!("../../../contexts/auth/domain/fixtures/imported_hashes.tsv");

async fn a_hash_of_every_source_signs_its_user_in_and_is_renewed(world: &World) {
    let person = Person::new("ada@example.org").with_password("Correct horse battery");
    let id = world.register(&person).await;
    world.until("select count(*) from auth_credentials", 1).await;
    for row in HASHES.lines() {
        let imported = row.rsplit('\t').next().unwrap();
        let mut tx = world.db.begin().await.unwrap();
        execute!(&mut tx, "update auth_credentials set hash = $1 where user_id = $2", imported, id).unwrap();
        tx.commit().await.unwrap();
        for _ in ["with the imported hash", "with the renewed one"] {
            world.sign_in(id, &person).await;
            let stored = world.texts("select hash from auth_credentials").await;
            assert!(stored[0].starts_with("$bcrypt-sha256$v=2,t=2b,r=10$"), "{row}: {stored:?}");
        }
    }
    let other = person.clone().with_password("Another horse battery");
    assert_eq!(world.send(&other.login()).await.status, 401);
}

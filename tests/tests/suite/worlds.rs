//! The worlds of the other tests: each macro sets up what it promises.

use acceptance::{Kind, Person, World, in_each_world, in_one_idle_world, in_one_world, in_shared_worlds};

in_each_world! {
    a_world_is_new_and_its_process_executes_commands,
}

in_shared_worlds! {
    shared_worlds_are_on_postgresql,
}

in_one_world! {
    one_world_is_on_sqlite,
}

in_one_idle_world! {
    an_idle_world_executes_nothing,
}

async fn a_world_is_new_and_its_process_executes_commands(world: &World) {
    assert_eq!(world.count("select count(*) from users_users").await, 0);
    world.register(&Person::new("ada@example.org")).await;
}

async fn shared_worlds_are_on_postgresql(world: &World) {
    assert!(world.is_shared());
    assert_eq!(world.texts(("select version()", "select 'SQLite'")).await[0].split(' ').next(), Some("PostgreSQL"));
}

async fn one_world_is_on_sqlite(world: &World) {
    assert_eq!(world.kind, Kind::Sqlite);
}

async fn an_idle_world_executes_nothing(world: &World) {
    let answer = world.send(&Person::new("ada@example.org").sign_up().wait(2)).await;
    assert_eq!((answer.status, &answer.json()["status"]), (202, &"accepted".into()), "{answer:?}");
    world.work().await;
}

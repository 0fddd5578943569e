//! One process serves an SQLite file, whatever name it is opened under.

use persistence::{DatabaseUrl, Db, OpenError};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

fn url(path: &Path) -> DatabaseUrl {
    format!("sqlite://{}", path.display()).parse().unwrap()
}

async fn refused(path: &Path) -> String {
    match Db::open(&url(path)).await {
        Err(OpenError::Unfit(why) | OpenError::InUse(why)) => why,
        Err(OpenError::Unreachable(error)) => panic!("unreachable: {error}"),
        Ok(_) => panic!("{} was opened", path.display()),
    }
}

async fn served() -> (TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let db = Db::open(&url(&folder.path().join("data/app.db"))).await.unwrap();
    (folder, db)
}

#[tokio::test]
async fn a_served_file_is_refused_through_every_symbolic_link() {
    let (folder, db) = served().await;
    let folder = folder.path();
    symlink("data/app.db", folder.join("file.db")).unwrap();
    symlink("file.db", folder.join("twice.db")).unwrap();
    symlink("data", folder.join("directory")).unwrap();
    for name in ["file.db", "twice.db", "directory/app.db", "data/../data/./app.db"] {
        let why = refused(&folder.join(name)).await;
        assert!(why.contains("another process (") && why.contains(") serves "), "{name}: {why}");
        let beside = Db::open_unlocked(&url(&folder.join(name))).await.expect("the command line beside the server");
        assert!(!beside.is_served_here_alone());
        let (beside, may_serve) = Db::open_or_unlocked(&url(&folder.join(name))).await.unwrap();
        assert!(!may_serve && !beside.is_served_here_alone(), "{name}");
    }
    db.close().await;
    drop(db);
    let through_a_link = Db::open(&url(&folder.join("twice.db"))).await.expect("no process serves it any more");
    assert!(through_a_link.is_served_here_alone());
    refused(&folder.join("data/app.db")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_served_file_is_refused_when_its_lock_file_or_its_directory_name_is_gone() {
    let (folder, _db) = served().await;
    let folder = folder.path();
    fs::remove_file(folder.join("data/app.db.lock")).unwrap();
    let why = refused(&folder.join("data/app.db")).await;
    assert!(why.contains("another process (") && why.contains(") serves"), "{why}");
    Db::open_unlocked(&url(&folder.join("data/app.db"))).await.expect("the command line beside the server");
    fs::rename(folder.join("data"), folder.join("moved")).unwrap();
    let why = refused(&folder.join("moved/app.db")).await;
    assert!(why.contains("another process (") && why.contains(") serves"), "{why}");
    fs::rename(folder.join("moved/app.db"), folder.join("moved/renamed.db")).unwrap();
    refused(&folder.join("moved/renamed.db")).await;
}

#[tokio::test]
async fn a_file_with_two_names_is_refused_under_both_by_servers_and_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["app.db", "other.db"].map(|name| folder.path().join(name));
    let db = Db::open(&url(&first)).await.unwrap();
    fs::hard_link(&first, &second).unwrap();
    for path in [&first, &second] {
        let Err(OpenError::Unfit(why)) = Db::open_unlocked(&url(path)).await else { panic!("{}", path.display()) };
        assert!(why.contains("hard links") && why.lines().count() == 1, "{why}");
        assert!(Db::open_or_unlocked(&url(path)).await.is_err(), "{}", path.display());
    }
    db.close().await;
    drop(db);
    for path in [&first, &second] {
        assert!(refused(path).await.contains("hard links"), "{}", path.display());
    }
    assert!(!folder.path().join("other.db-wal").exists(), "nothing was written under the other name");
    fs::remove_file(&second).unwrap();
    Db::open(&url(&first)).await.expect("one name is left");
}

/// A bind mount of the file alone cannot be made without privileges. For the locks it looks like this: the file
/// is locked, and no process serves anything in its directory.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_command_line_is_refused_beside_a_server_that_uses_another_directory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let elsewhere = fs::File::create(&path).unwrap();
    elsewhere.try_lock().unwrap();
    let Err(OpenError::Unfit(why)) = Db::open_unlocked(&url(&path)).await else { panic!("it was opened") };
    assert!(why.contains("under another name"), "{why}");
    assert!(Db::open_or_unlocked(&url(&path)).await.is_err());
    assert!(refused(&path).await.contains(" serves "));
    drop(elsewhere);
    Db::open_unlocked(&url(&path)).await.expect("no process serves it");
    Db::open(&url(&path)).await.expect("looking has left no lock");
}

#[tokio::test]
async fn two_databases_in_one_directory_are_served_by_two_processes() {
    let folder = tempfile::tempdir().unwrap();
    let _one = Db::open(&url(&folder.path().join("one.db"))).await.unwrap();
    let _two = Db::open(&url(&folder.path().join("two.db"))).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_regular_is_refused() {
    assert!(refused(Path::new("/dev/null")).await.contains("no regular file"));
}

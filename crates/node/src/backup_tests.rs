#![allow(clippy::unwrap_used)]
use super::*;

const LOST: B256 = B256::repeat_byte(7);

/// A state directory with something of all.
fn state(folder: &Path) -> PathBuf {
    let state = folder.join("state");
    for folder in ["exits", "verdicts", "engine"] {
        fs::create_dir_all(state.join(folder)).unwrap();
        fs::write(state.join(folder).join("one"), folder).unwrap();
    }
    fs::write(state.join("duties.redb"), "counts").unwrap();
    fs::write(state.join("index.redb"), "made again").unwrap();
    state
}

#[test]
fn what_cannot_be_made_again_comes_back_and_votes_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let (state, copy) = (state(folder.path()), folder.path().join("copy"));
    assert_eq!(backup(&state, &copy).unwrap(), 3);
    fs::remove_dir_all(&state).unwrap();
    assert_eq!(restore(&copy, &state, LOST).unwrap(), 3);
    assert_eq!(
        fs::read_to_string(state.join("verdicts/one")).unwrap(),
        "verdicts"
    );
    assert_eq!(fs::read_to_string(state.join("duties.redb")).unwrap(), "counts");
    assert!(!state.join("engine").exists() && !state.join("index.redb").exists());
}

#[test]
fn the_key_of_a_lost_state_is_retired_also_in_copies_of_its_successor() {
    let folder = tempfile::tempdir().unwrap();
    let (state, copy, later) = (
        state(folder.path()),
        folder.path().join("copy"),
        folder.path().join("later"),
    );
    assert!(!is_retired(&state, LOST).unwrap());
    backup(&state, &copy).unwrap();
    fs::remove_dir_all(&state).unwrap();
    restore(&copy, &state, LOST).unwrap();
    assert!(is_retired(&state, LOST).unwrap());
    let second = B256::repeat_byte(8);
    assert!(!is_retired(&state, second).unwrap());
    backup(&state, &later).unwrap();
    fs::remove_dir_all(&state).unwrap();
    restore(&later, &state, second).unwrap();
    assert!(is_retired(&state, LOST).unwrap() && is_retired(&state, second).unwrap());
}

#[test]
fn a_state_in_use_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path());
    let held = lock(&state).unwrap();
    assert!(held.is_some());
    let refused = backup(&state, &folder.path().join("copy")).unwrap_err();
    assert!(matches!(refused, BackupError::Busy(_)), "{refused}");
    drop(held);
    backup(&state, &folder.path().join("copy")).unwrap();
}

#[test]
fn a_directory_that_is_not_there_is_neither_copied_nor_made() {
    let folder = tempfile::tempdir().unwrap();
    let mistyped = folder.path().join("stat");
    let refused = backup(&mistyped, &folder.path().join("copy")).unwrap_err();
    assert!(matches!(&refused, BackupError::File { path, .. } if *path == mistyped));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_damaged_copy_restores_nothing_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (state, copy, new) = (
        state(folder.path()),
        folder.path().join("copy"),
        folder.path().join("new"),
    );
    backup(&state, &copy).unwrap();
    assert!(matches!(
        backup(&state, &copy).unwrap_err(),
        BackupError::NotEmpty(_)
    ));
    assert!(matches!(
        restore(&copy, &state, LOST).unwrap_err(),
        BackupError::NotEmpty(_)
    ));
    fs::write(copy.join("exits/one"), "other").unwrap();
    assert!(matches!(
        restore(&copy, &new, LOST).unwrap_err(),
        BackupError::Damaged(_)
    ));
    assert!(!new.exists());
    let outside = r#"{"exits/../../x":"0x0000000000000000000000000000000000000000000000000000000000000000"}"#;
    fs::write(copy.join(MANIFEST), outside).unwrap();
    assert!(matches!(
        restore(&copy, &new, LOST).unwrap_err(),
        BackupError::Damaged(_)
    ));
}

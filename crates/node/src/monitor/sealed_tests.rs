#![allow(clippy::unwrap_used)]
use super::*;

const SALT: B256 = B256::repeat_byte(0x5a);

fn vote() -> Vote {
    Vote {
        case: CaseId(B256::repeat_byte(1)),
        round: 1,
        operator: Address::repeat_byte(2),
    }
}

fn folder(state: &Path) -> Folder {
    let domain = Domain {
        chain_id: 59_144,
        settlement: Address::repeat_byte(3),
    };
    Folder::new(state, &domain)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_sealed_verdict_is_opened_by_another_process_and_read_by_nobody_else() {
    let state = tempfile::tempdir().unwrap();
    let sealed = folder(state.path()).seal(vote(), true, SALT, &[]).unwrap();
    let opened = folder(state.path()).open(&vote()).unwrap();
    assert_eq!(opened, sealed);
    assert_eq!(
        opened.commitment(),
        commitment(vote().case, 1, vote().operator, true, SALT)
    );
    let file = folder(state.path()).file(&vote());
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    // Nothing but the file is left of its writing.
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn sealing_again_keeps_the_first_salt_and_refuses_the_other_verdict() {
    let state = tempfile::tempdir().unwrap();
    let folder = folder(state.path());
    let first = folder.seal(vote(), true, SALT, &[]).unwrap();
    let again = folder.seal(vote(), true, B256::repeat_byte(9), &[]).unwrap();
    assert_eq!(again, first);
    let other = folder.seal(vote(), false, SALT, &[]).unwrap_err();
    assert!(matches!(other, SealedError::Opposite { .. }), "{other}");
    assert_eq!(folder.open(&vote()).unwrap(), first);
}

#[test]
fn each_round_operator_and_deployment_has_its_own_file() {
    let state = tempfile::tempdir().unwrap();
    let here = folder(state.path());
    here.seal(vote(), true, SALT, &[]).unwrap();
    let second = Vote { round: 2, ..vote() };
    let colleague = Vote {
        operator: Address::repeat_byte(7),
        ..vote()
    };
    for other in [second, colleague] {
        let missing = here.open(&other).unwrap_err();
        assert!(matches!(missing, SealedError::Missing { .. }), "{missing}");
        here.seal(other, false, SALT, &[]).unwrap();
    }
    let elsewhere = Folder::new(
        state.path(),
        &Domain {
            chain_id: 1,
            settlement: Address::repeat_byte(3),
        },
    );
    assert!(elsewhere.open(&vote()).is_err());
    assert!(here.open(&vote()).unwrap().upheld);
}

#[test]
fn a_file_that_others_can_read_or_that_was_moved_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let folder = folder(state.path());
    folder.seal(vote(), true, SALT, &[]).unwrap();
    let file = folder.file(&vote());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        folder.open(&vote()).unwrap_err(),
        SealedError::Exposed(_)
    ));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();

    let second = Vote { round: 2, ..vote() };
    fs::rename(&file, folder.file(&second)).unwrap();
    assert!(matches!(
        folder.open(&second).unwrap_err(),
        SealedError::Inconsistent(_)
    ));
    fs::write(folder.file(&second), "{").unwrap();
    let broken = folder.seal(second, true, SALT, &[]).unwrap_err();
    assert!(matches!(broken, SealedError::Malformed { .. }), "{broken}");
}

#[test]
fn a_salt_is_in_no_output() {
    let state = tempfile::tempdir().unwrap();
    let sealed = folder(state.path()).seal(vote(), true, SALT, &[]).unwrap();
    let salt = format!("{SALT:x}");
    assert!(!format!("{sealed:?}").contains(&salt));
    let opposite = folder(state.path()).seal(vote(), false, SALT, &[]).unwrap_err();
    assert!(!format!("{opposite:?} {opposite}").contains(&salt));
}

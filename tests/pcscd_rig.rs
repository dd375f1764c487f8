//! The rig itself: several pcscd side by side, each ending with its test.

mod rig;

use rig::Rig;

#[test]
fn two_rigs_run_side_by_side_and_leave_nothing_behind() {
    let (one, mut two) = (Rig::start(), Rig::start());
    assert_ne!(one.dir(), two.dir());
    two.kill_pcscd();
    two.restart_pcscd();
    let dirs = [one.dir().to_owned(), two.dir().to_owned()];
    drop((one, two));
    for dir in dirs {
        assert!(!dir.exists(), "{} is left", dir.display());
    }
}

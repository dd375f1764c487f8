//! What "committed" rests on: a sync of each commit, which only a power cut would tell from none.

use super::*;

#[test]
fn the_writers_connection_syncs_each_commit_to_a_write_ahead_log() {
    let dir = tempfile::tempdir().unwrap();
    // A second time on the same file: what a connection is set to is not kept in it.
    for _ in 0..2 {
        let db = open::writer(&settings(dir.path())).unwrap();
        let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
        let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        // 2 is FULL; NORMAL (1) and OFF (0) lose commits with the power.
        assert_eq!((mode.as_str(), number("synchronous"), number("secure_delete")), ("wal", 2, 1));
    }
}

//! A journal that does not sync, though the program asks for it: the proof that the proof can fail. The program has no
//! setting for it; each new connection of this process gets `synchronous = OFF` before it sees its first statement, and
//! an authorizer that ignores whoever wants it otherwise.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use rusqlite::ffi;

/// From now on no connection of this process syncs.
pub fn from_now_on() {
    // SAFETY: the function lives as long as the program, and has the type that SQLite calls an extension's beginning by.
    let code = unsafe { ffi::sqlite3_auto_extension(Some(begin)) };
    assert_eq!(code, ffi::SQLITE_OK);
}

unsafe extern "C" fn begin(
    db: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: SQLite hands in an open connection, and the texts end with a zero; the authorizer needs no data of its own.
    unsafe {
        // A connection that can only read syncs nothing, and is to find the file as whoever opens it left it.
        if ffi::sqlite3_db_readonly(db, c"main".as_ptr()) == 1 {
            return ffi::SQLITE_OK;
        }
        let sql = c"PRAGMA synchronous = OFF";
        let code = ffi::sqlite3_exec(db, sql.as_ptr(), None, ptr::null_mut(), ptr::null_mut());
        if code == ffi::SQLITE_OK { ffi::sqlite3_set_authorizer(db, Some(authorize), ptr::null_mut()) } else { code }
    }
}

unsafe extern "C" fn authorize(
    _data: *mut c_void,
    action: c_int,
    name: *const c_char,
    value: *const c_char,
    _database: *const c_char,
    _trigger: *const c_char,
) -> c_int {
    if action != ffi::SQLITE_PRAGMA || name.is_null() || value.is_null() {
        return ffi::SQLITE_OK;
    }
    // SAFETY: SQLite's own texts end with a zero, and live until this returns.
    let name = unsafe { CStr::from_ptr(name) };
    if name.to_bytes().eq_ignore_ascii_case(b"synchronous") { ffi::SQLITE_IGNORE } else { ffi::SQLITE_OK }
}

//! Whether the process has more rights than the user who started it.

use rustix::process::{getegid, geteuid, getgid, getuid};

/// By set-user-ID or set-group-ID, by capabilities of its file, or by what a security module of the kernel gave it: the
/// kernel says all of these in one (`AT_SECURE`, getauxval(3)). A program may have taken up other ids since.
pub(crate) fn has_more_rights() -> bool {
    // SAFETY: it reads what the kernel handed to the process at its start, and has no condition.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    secure || (getuid(), getgid()) != (geteuid(), getegid())
}

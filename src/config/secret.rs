//! Files that hold a secret.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::Mode;

/// The text of a file that holds a secret, without the spaces around it.
///
/// # Errors
/// Why it cannot be used, naming the file: it cannot be read, or everybody may read it and this is no demonstration.
pub fn read_secret(file: &Path, mode: Mode) -> Result<Zeroizing<String>, String> {
    let refused = |why: String| format!("{}: {why}", file.display());
    let rights = std::fs::metadata(file).map_err(|error| refused(error.to_string()))?.mode() & 0o777;
    if rights & 0o007 != 0 && mode != Mode::Demo {
        return Err(refused(format!("mode {rights:04o}")));
    }
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_that_everybody_may_read_serves_a_demonstration_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        assert!(read_secret(&file, Mode::Demo).unwrap_err().starts_with(&file.display().to_string()), "not there");
        std::fs::write(&file, " a secret\n").unwrap();
        for rights in [0o644, 0o642, 0o641] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(rights)).unwrap();
            let why = read_secret(&file, Mode::Production).unwrap_err();
            assert!(why.ends_with(&format!("mode {rights:04o}")) && !why.contains("secret"), "{why}");
            assert_eq!(*read_secret(&file, Mode::Demo).unwrap(), "a secret");
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(*read_secret(&file, Mode::Production).unwrap(), "a secret");
    }
}

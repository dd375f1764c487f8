//! The scripts that the program carries: one line a file of `apdu-scripts/`.

/// Each file's name, as mistakes show it, and its text.
pub(super) const FILES: &[(&str, &str)] = &[
    ("apdu-scripts/ssc.apdu", include_str!("../../apdu-scripts/ssc.apdu")),
    ("apdu-scripts/ssc-1.0.apdu", include_str!("../../apdu-scripts/ssc-1.0.apdu")),
    ("apdu-scripts/ssc-2.0.apdu", include_str!("../../apdu-scripts/ssc-2.0.apdu")),
    ("apdu-scripts/ssc-3.0.apdu", include_str!("../../apdu-scripts/ssc-3.0.apdu")),
    ("apdu-scripts/account.apdu", include_str!("../../apdu-scripts/account.apdu")),
    ("apdu-scripts/bank.apdu", include_str!("../../apdu-scripts/bank.apdu")),
    ("apdu-scripts/files.apdu", include_str!("../../apdu-scripts/files.apdu")),
    ("apdu-scripts/pin.apdu", include_str!("../../apdu-scripts/pin.apdu")),
    ("apdu-scripts/psam.apdu", include_str!("../../apdu-scripts/psam.apdu")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Library;

    #[test]
    fn every_built_in_script_is_sound() {
        let files: Vec<_> = FILES.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        if let Err(mistakes) = Library::fit(&files) {
            panic!("{}", mistakes.iter().map(|mistake| format!("{mistake}\n")).collect::<String>());
        }
    }

    #[test]
    fn no_script_is_left_out() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/apdu-scripts");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| format!("apdu-scripts/{}", entry.unwrap().file_name().to_string_lossy()))
            .filter(|name| name.ends_with(".apdu"))
            .collect();
        there.sort();
        let mut carried: Vec<&str> = FILES.iter().map(|(file, _)| *file).collect();
        carried.sort_unstable();
        assert_eq!(there, carried);
    }
}

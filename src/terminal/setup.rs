//! What a terminal works by: its definitions, packs, scripts and table, as the configuration names them.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::errors;
use super::folder::{files, read};
use super::table::Table;
use super::taken::Taken;
use crate::cipher::Issuer;
use crate::config::{Config, Place, Scenarios};
use crate::failure::{Diagnostic, Entry, Explain};
use crate::profile::Profile;
use crate::rules::Packs;
use crate::scenario::{Catalogue, Runner};
use crate::script::Library;

/// Loaded and checked as a whole: each definition has a pack to be decided by.
pub struct Setup {
    pub(super) catalogue: Catalogue,
    pub(super) taken: Taken,
    pub(super) scripts: Arc<Library>,
    pub(super) profile: Arc<Profile>,
    pub(super) table: Table,
    /// Who is trusted to issue certificates; `None` where nobody is named.
    pub(super) issuers: Option<Vec<Issuer>>,
}

/// Why a terminal cannot start on its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupError {
    /// A folder or a file cannot be used, or is not enough.
    Place(String),
    /// The definitions have these mistakes.
    Definition(Vec<Diagnostic>),
    /// Packs, scripts or the table have these mistakes, or definitions name these packs that are not there.
    File(Vec<Diagnostic>),
}

impl SetupError {
    /// The mistakes that have a place in a file.
    pub fn mistakes(&self) -> &[Diagnostic] {
        match self {
            Self::Place(_) => &[],
            Self::Definition(mistakes) | Self::File(mistakes) => mistakes,
        }
    }
}

/// A line each.
impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Place(what) = self {
            return f.write_str(what);
        }
        let lines: Vec<String> = self.mistakes().iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for SetupError {}

impl Explain for SetupError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Definition(_) => &crate::scenario::errors::DEFINITION,
            Self::Place(_) | Self::File(_) => &errors::NO_POLICY,
        }
    }

    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Setup {
    /// Everything that the configuration names, and what is built in where it names nothing.
    ///
    /// # Errors
    /// What a terminal cannot start on: a folder without a file of its kind, a mistake in a file, a definition without a
    /// pack.
    pub fn load(config: &Config) -> Result<Self, SetupError> {
        Self::with(config, Taken::load)
    }

    /// The same, with the packs that were in force last where those of the folder have a mistake.
    pub(super) fn load_or_kept(config: &Config) -> Result<Self, SetupError> {
        Self::with(config, Taken::load_or_kept)
    }

    fn with(config: &Config, packs: fn(&Config, &Catalogue) -> Result<Taken, SetupError>) -> Result<Self, SetupError> {
        let catalogue = offered(Self::catalogue_of(config.scenarios.folder.as_deref())?, config)?;
        let taken = packs(config, &catalogue)?;
        let scripts = match &config.scripts {
            None => Library::builtin(),
            Some(folder) => Library::over_builtin(&files(folder, "apdu")?).map_err(SetupError::File)?,
        };
        let profile = match &config.card_profile {
            None => Profile::builtin(),
            Some(folder) => Profile::over_builtin(&files(folder, "toml")?).map_err(SetupError::File)?,
        };
        let table = match &config.conditions {
            None => Table::builtin(),
            Some(file) => Table::parse(&file.display().to_string(), &read(file)?),
        };
        let table = table.map_err(|mistake| SetupError::File(vec![mistake]))?;
        let issuers = config.driver.pki.roots.as_deref().map(super::driver::issuers).transpose()?;
        let (scripts, profile) = (Arc::new(scripts), Arc::new(profile));
        Ok(Self { catalogue, taken, scripts, profile, table, issuers })
    }

    /// The catalogue that ships, with a deployment's folder over it.
    ///
    /// # Errors
    /// A folder that cannot be read or has no file of the kind, and every mistake in the files.
    pub fn catalogue_of(folder: Option<&Path>) -> Result<Catalogue, SetupError> {
        let catalogue = match folder {
            None => Catalogue::builtin(),
            Some(folder) => Catalogue::over_builtin(&files(folder, "toml")?),
        };
        catalogue.map_err(SetupError::Definition)
    }

    /// The packs.
    pub fn packs(&self) -> &Packs {
        &self.taken.packs
    }

    /// All scenarios, with those marked that this terminal carries out.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}

/// The catalogue, with those marked that this terminal carries out: that are named, and of which whoever runs it may run
/// a part.
fn offered(catalogue: Catalogue, config: &Config) -> Result<Catalogue, SetupError> {
    let Scenarios { only, at, .. } = &config.scenarios;
    let unknown = only.iter().flatten().find(|id| catalogue.scenario(id).is_none());
    if let Some(unknown) = unknown {
        return Err(SetupError::Place(format!("[scenarios] only: the catalogue has no '{unknown}'")));
    }
    let runner = runner(*at);
    Ok(catalogue.offering(|scenario| {
        let is_named = only.as_ref().is_none_or(|only| only.contains(&scenario.entry.id));
        is_named && scenario.parts.iter().any(|part| part.who.contains(&runner))
    }))
}

/// Who runs a terminal that stands there.
pub(super) fn runner(at: Place) -> Runner {
    match at {
        Place::Counter => Runner::Clerk,
        Place::Kiosk => Runner::Holder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a terminal whose `[paths]` has these lines, in a directory with these files.
    fn told(paths: &str, files: &[(&str, &str)]) -> Result<Setup, (String, &'static str)> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let text = format!(
            "mode = \"production\"\nterminal = \"H44010000001\"\n[keys]\nsource = \"psam\"\n[paths]\n{paths}\n"
        );
        let config = Config::parse("sbkd.toml", &text, dir.path()).unwrap();
        Setup::load(&config).map_err(|error| {
            let place = format!("{}/", dir.path().display());
            (error.to_string().replace(&place, ""), error.entry().code)
        })
    }

    const SIGN_IN: &str = include_str!("../../config/policy/guangzhou-2015/unemployment-sign-in.toml");
    /// Nothing but the sign-in is carried out.
    const ONLY: &str = "[scenarios]\nonly = [\"unemployment-sign-in\"]\n";

    #[test]
    fn a_folder_without_a_file_of_its_kind_is_no_folder_to_work_by() {
        for (key, ending) in [("policy", "toml"), ("scenarios", "toml"), ("scripts", "apdu"), ("card", "toml")] {
            let paths = format!("{key} = \"own\"");
            let told = |files| told(&paths, files).err().unwrap();
            assert_eq!(told(&[("own/README.md", "")]), (format!("own: no *.{ending}"), "E-TERM-SETUP"));
            assert!(told(&[]).0.starts_with("own: "), "{:?}", told(&[]));
        }
    }

    #[test]
    fn each_definition_has_its_pack() {
        let pack = ("own/deep/sign-in.toml", SIGN_IN);
        let missing = told("policy = \"own\"", &[pack]).err().unwrap();
        assert_eq!(missing.1, "E-TERM-SETUP");
        let first = missing.0.lines().next().unwrap();
        let own = include_str!("../../config/scenarios/employment.toml");
        let line = own.lines().position(|line| line.contains("gz.employment.registration")).unwrap() + 1;
        let named = "there is no policy pack gz.employment.registration for employment-registration";
        assert_eq!(first, format!("employment.toml:{line}:9: {named}"));
        assert!(!missing.0.contains("unemployment-sign-in"), "{}", missing.0);
        let setup = told(&format!("policy = \"own\"\n{ONLY}"), &[pack]).unwrap();
        let available = setup.catalogue().entries().filter(|entry| entry.available);
        assert_eq!(available.map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["unemployment-sign-in"]);
        let unknown = told("[scenarios]\nonly = [\"dance\"]", &[]).err().unwrap();
        assert_eq!(unknown.0, "[scenarios] only: the catalogue has no 'dance'");
    }

    #[test]
    fn what_nobody_there_may_run_is_not_carried_out() {
        let both = include_str!("../../config/scenarios/unemployment.toml");
        let holders = both.replace("who = [\"clerk\", \"holder\"]", "who = [\"holder\"]");
        let available = |at: &str| {
            let place = format!("scenarios = \"own\"\n[scenarios]\nat = \"{at}\"");
            let setup = told(&place, &[("own/unemployment.toml", &holders)]).unwrap();
            ["unemployment-application", "unemployment-sign-in"]
                .map(|id| setup.catalogue().scenario(id).unwrap().entry.available)
        };
        assert_eq!(available("counter"), [true, false]);
        assert_eq!(available("kiosk"), [false, true]);
    }

    #[test]
    fn a_terminal_takes_the_packs_of_whom_it_trusts() {
        let key = crate::rules::SigningKey::make(&crate::world::SystemRandom::default()).unwrap();
        let key = crate::rules::SigningKey::read(&key).unwrap();
        let signature = crate::rules::sign_pack(&key, SIGN_IN.as_bytes());
        let paths =
            format!("policy = \"own\"\n{ONLY}[policy]\nkeys = [\"{}\"]\nrequire_signature = true", key.public());
        let unsigned = told(&paths, &[("own/a.toml", SIGN_IN)]).err().unwrap();
        assert_eq!(unsigned.1, "E-TERM-SETUP");
        assert!(unsigned.0.starts_with("own/a.toml:1:1: the pack is not signed"), "{}", unsigned.0);
        let setup = told(&paths, &[("own/a.toml", SIGN_IN), ("own/a.toml.sig", &signature)]).unwrap();
        assert_eq!(setup.packs().list()[0].pack.signed_by, Some(key.public().id()));
    }

    #[test]
    fn a_mistake_in_any_file_is_told_by_its_place() {
        for (paths, file, code) in [
            ("scenarios = \"own\"", "own/visit.toml", "E-SCN-DEFINITION"),
            ("policy = \"own\"", "own/pack.toml", "E-TERM-SETUP"),
            ("scripts = \"own\"", "own/ssc.apdu", "E-TERM-SETUP"),
            ("card = \"own\"", "own/keys.toml", "E-TERM-SETUP"),
            ("conditions = \"own/conditions.toml\"", "own/conditions.toml", "E-TERM-SETUP"),
        ] {
            let told = told(paths, &[(file, "flow = [\n")]).err().unwrap();
            assert!(told.0.starts_with(&format!("{file}:1:")) && told.1 == code, "{told:?}");
        }
    }
}

//! `sbkd replay`: a recorded session once more, with every check on.

use std::path::PathBuf;
use std::time::Instant;

use super::direct::{Settings, WITHIN};
use super::shell::read_text;
use super::{Outcome, Problem, Shell, card, script};
use crate::card::{Pairs, Parts, Reading, Validation};
use crate::keys::{KeyError, Psam};
use crate::reader::Lease;
use crate::script::Recording;

/// Arguments of `sbkd replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recording
    file: PathBuf,
    /// Show the (made-up) personal data of the recording
    #[arg(long)]
    unmask: bool,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let text = read_text(&args.file)?;
    let recording = Recording::parse(&args.file.display().to_string(), &text).map_err(|found| script::told(&found))?;
    let reading = read(&recording, &Settings::without_store(shell)?)?.to_json(args.unmask);
    shell.show(&reading, || card::table(&reading));
    Ok(())
}

/// What the card room reads from a recording. Something that differs from the recording is told before what came of it.
pub(super) fn read(recording: &Recording, settings: &Settings) -> Result<Reading, Problem> {
    let replay = recording.replay();
    let until = Instant::now() + WITHIN;
    let (reader, card) = replay.card();
    let mut lease = Lease::new(reader, card, until);
    let Some((psam_reader, psam)) = replay.psam() else {
        return Err(Problem::from_error(&KeyError::NoPsam));
    };
    let mut keys =
        Psam::new(Lease::new(psam_reader, psam, until), settings.scripts.clone(), settings.profile.clone(), None);
    let parts = Parts {
        lease: &mut lease,
        keys: &mut keys,
        scripts: &settings.scripts,
        profile: &settings.profile,
        store: None,
        pairs: Pairs::Needless,
        clock: &replay.clock(),
        random: &*replay.random(),
        default_algorithm: settings.default_algorithm,
        initial_pins: &settings.initial_pins,
        validation: Validation::WITHOUT_LIST,
    };
    let reading = crate::card::read(parts, &mut |_| ()).map_err(|error| match replay.mistake() {
        Some(mistake) => Problem::from_error(&mistake),
        None => Problem::from_error(&error),
    })?;
    // The last lines are the resets that end the leases.
    drop((lease, keys));
    replay.finish().map_err(|error| Problem::from_error(&error))?;
    Ok(reading)
}

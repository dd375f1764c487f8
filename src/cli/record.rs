//! `sbkd record`: a card session kept as a fixture.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::direct::{Settings, WITHIN, Way, no_psam};
use super::file::{exists, keep_new};
use super::{Outcome, Problem, Shell, errors, replay};
use crate::card::{self, Parts};
use crate::keys::Psam;
use crate::reader::{Lease, transport_direct};
use crate::script::{RecordError, Recorder};
use crate::world::{SystemClock, SystemRandom};

/// Arguments of `sbkd record`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    way: Way,
    /// Where the recording goes; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    if !args.way.direct {
        return Err(Problem::with(&errors::USAGE, "record opens the readers itself: --direct is wanted"));
    }
    if args.way.keys.is_some() {
        return Err(Problem::from_error(&RecordError::Soft));
    }
    // Before a person waits for a reading that could not be kept.
    if args.out.exists() {
        return Err(exists(&args.out));
    }
    let settings = Settings::of(shell)?;
    let recorder = Recorder::new(&SystemClock);
    read(args, &settings, &recorder)?;
    let recording = recorder.finish(&args.out.display().to_string()).map_err(|error| Problem::from_error(&error))?;
    // A recording that does not replay is none.
    replay::read(&recording, &settings)?;
    keep_new(&args.out, recording.to_string().as_bytes(), 0o644)?;
    let exchanges = recording.exchanges();
    shell.show(&json!({ "file": args.out, "exchanges": exchanges, "replayed": true }), || {
        format!("{}：{exchanges} 条指令，持卡人为虚构 / {exchanges} commands, the holder made up", args.out.display())
    });
    Ok(())
}

/// Reads the card as `sbkd card read` does; every lease has ended afterwards.
fn read(args: &Args, settings: &Settings, recorder: &Recorder) -> Outcome {
    let transport = |name: Option<&str>| transport_direct(name);
    let told = |error: crate::reader::TransportError| Problem::from_error(&error);
    let (reader, card) = args.way.card_name().and_then(|name| transport(name.as_deref())).map_err(told)?;
    let psam_name = args.way.psam_name(&reader).map_err(|error| Problem::from_error(&error))?;
    let (psam_reader, psam) = transport(Some(&psam_name)).map_err(|error| Problem::from_error(&no_psam(error)))?;
    let until = Instant::now() + WITHIN;
    let mut lease = Lease::new(reader.clone(), recorder.card(&reader, card), until);
    let psam = Lease::new(psam_reader.clone(), recorder.psam(&psam_reader, psam), until);
    let parts = Parts {
        lease: &mut lease,
        keys: &mut Psam::new(psam, settings.scripts.clone(), settings.profile.clone(), None),
        scripts: &settings.scripts,
        profile: &settings.profile,
        // What was learned of card types makes no difference to a recording; that the card refused these keys does.
        store: None,
        pairs: settings.pairs(),
        clock: &recorder.clock(),
        random: &*recorder.random(Box::new(SystemRandom::default())),
        default_algorithm: settings.default_algorithm,
        initial_pins: &settings.initial_pins,
        validation: settings.validation(),
    };
    card::read(parts, &mut |_| ()).map_err(|error| Problem::from_error(&error))?;
    Ok(())
}

//! `sbkd vcard`: a virtual card and PSAM in vpcd's readers.

use std::path::PathBuf;

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd vcard`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The card's image
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// The PSAM's image, when it is not part of the card's
    #[arg(long, value_name = "FILE")]
    psam_image: Option<PathBuf>,
    /// Where vpcd listens
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    host: String,
    /// vpcd's port of the holder's reader
    #[arg(long, value_name = "PORT", default_value_t = 35963)]
    card_port: u16,
    /// vpcd's port of the PSAM's reader
    #[arg(long, value_name = "PORT", default_value_t = 35964)]
    psam_port: u16,
    /// Leave the PSAM's reader empty
    #[arg(long)]
    no_psam: bool,
}

pub(super) fn run(_args: &Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}

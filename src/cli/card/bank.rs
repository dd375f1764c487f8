//! `sbkd card bank`: the bank's application on the card, told by a masked number and a token.

use super::super::direct::Way;
use super::super::{Outcome, Problem, Shell};
use super::open::direct;
use crate::card::bank::{self, Parts};
use crate::world::{SystemClock, SystemRandom};

/// Arguments of `sbkd card bank`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    way: Way,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let settings = direct(&args.way, shell)?;
    let key = settings.bank_tokens();
    let mut lease = args.way.card(&settings)?;
    let card = bank::read(Parts {
        lease: &mut lease,
        scripts: &settings.scripts,
        clock: &SystemClock,
        random: &SystemRandom::default(),
        token_key: key.as_ref(),
    })
    .map_err(|error| Problem::from_error(&error))?;
    shell.show(&card.to_json(), || {
        let expires = card.expires.map_or_else(|| "–".to_owned(), |expires| expires.to_string());
        let label = card.label.as_deref().unwrap_or("–");
        format!("银行卡号：{}\n应用：{label}\n有效期：{expires}", card.masked)
    });
    Ok(())
}

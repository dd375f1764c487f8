//! `sbkd card bank`: the bank's application on the card, told by a masked number and a token.

use serde_json::Value;

use super::super::client::Daemon;
use super::super::direct::{Settings, Way};
use super::super::{Outcome, Problem, Shell};
use crate::card::bank::{self, Parts};
use crate::world::{SystemClock, SystemRandom};

/// Arguments of `sbkd card bank`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    way: Way,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let shown = if args.way.direct { directly(&args.way, shell)? } else { by_daemon(&args.way, shell)? };
    shell.show(&shown, || {
        let of = |name: &str| shown[name].as_str().unwrap_or("–");
        format!("银行卡号：{}\n应用：{}\n有效期：{}", of("number"), of("label"), of("expires"))
    });
    Ok(())
}

fn by_daemon(way: &Way, shell: &Shell) -> Result<Value, Problem> {
    let daemon = Daemon::of(shell)?;
    let reader = way.reader.as_deref().map(|reader| daemon.reader(reader)).transpose()?;
    daemon.bank_card(reader.as_deref())
}

fn directly(way: &Way, shell: &Shell) -> Result<Value, Problem> {
    let settings = Settings::of(shell)?;
    let key = settings.bank_tokens();
    let mut lease = way.card(&settings)?;
    let card = bank::read(Parts {
        lease: &mut lease,
        scripts: &settings.scripts,
        clock: &SystemClock,
        random: &SystemRandom::default(),
        token_key: key.as_ref(),
    });
    Ok(card.map_err(|error| Problem::from_error(&error))?.to_json())
}

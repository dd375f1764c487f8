//! `sbkd vcard`: a virtual card and PSAM in vpcd's readers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use super::{Outcome, Problem, Shell, client, errors, signals};
use crate::virtual_card::{Ended, Image, serve};
use crate::world::SystemRandom;

/// Arguments of `sbkd vcard`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The card's image; the PSAM that it names goes into the PSAM's reader
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// The PSAM's image, in place of the one that the card's names
    #[arg(long, value_name = "FILE")]
    psam_image: Option<PathBuf>,
    /// Where vpcd listens
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// vpcd's port of the holder's reader
    #[arg(long, value_name = "PORT", default_value_t = 35963)]
    card_port: u16,
    /// vpcd's port of the PSAM's reader
    #[arg(long, value_name = "PORT", default_value_t = 35964)]
    psam_port: u16,
    /// Leave the PSAM's reader empty
    #[arg(long, conflicts_with = "psam_image")]
    no_psam: bool,
}

/// A chip and the reader it goes into.
struct Seat {
    what: &'static str,
    image: Image,
    port: u16,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let seats = seats(args)?;
    let mut value = json!({ "ready": true });
    let mut places = Vec::new();
    for Seat { what, port, .. } in &seats {
        value[*what] = json!({ "host": args.host, "port": port });
        places.push(format!("{what} {}:{port}", args.host));
    }
    shell.say(&value, &format!("虚拟卡已就绪 / virtual card ready: {} (Ctrl-C)", places.join(", ")));
    client::runtime()?.block_on(attend(args.host, seats, shell))
}

fn seats(args: &Args) -> Result<Vec<Seat>, Problem> {
    let load = |path: &PathBuf| Image::load(path).map_err(|error| Problem::from_error(&error));
    let image = load(&args.image)?;
    let own = if args.no_psam { None } else { image.psam().cloned() };
    let psam = args.psam_image.as_ref().map(load).transpose()?.or(own);
    if image.is_psam() {
        return Ok(vec![Seat { what: "psam", image, port: args.psam_port }]);
    }
    let mut seats = vec![Seat { what: "card", image, port: args.card_port }];
    seats.extend(psam.map(|image| Seat { what: "psam", image, port: args.psam_port }));
    Ok(seats)
}

/// Serves each chip on a thread of its own until all were removed or a signal comes.
async fn attend(host: IpAddr, seats: Vec<Seat>, shell: &Shell) -> Outcome {
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = JoinSet::new();
    for Seat { what, image, port } in seats {
        let stop = stop.clone();
        threads.spawn_blocking(move || {
            let mut chip = image.chip(Arc::new(SystemRandom::default()));
            (what, serve(chip.as_mut(), SocketAddr::new(host, port), &stop))
        });
    }
    let signal = signals::stop().map_err(|error| Problem::with(&errors::RUNTIME, error.to_string()))?;
    tokio::pin!(signal);
    loop {
        tokio::select! {
            () = &mut signal, if !stop.load(Ordering::Relaxed) => stop.store(true, Ordering::Relaxed),
            ended = threads.join_next() => match ended {
                None => return Ok(()),
                Some(Ok((what, Ended::Removed))) => shell.step(&format!("{what}: 卡已拔出 / removed")),
                Some(Ok((_, Ended::Stopped))) => {}
                Some(Err(error)) => return Err(Problem::with(&errors::RUNTIME, error.to_string())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_ports_are_vpcds_own_unless_told_otherwise() {
        let ports = |more: &[&str]| {
            let args = Alone::try_parse_from([&["vcard", "--image", "card.toml"], more].concat()).unwrap().args;
            (args.host.to_string(), args.card_port, args.psam_port)
        };
        assert_eq!(ports(&[]), ("127.0.0.1".to_owned(), 35963, 35964));
        assert_eq!(ports(&["--psam-port", "7", "--card-port", "6"]), ("127.0.0.1".to_owned(), 6, 7));
    }
}

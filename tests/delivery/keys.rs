//! The keys of a security module behind the real centre, over HTTPS: whole cards are read by them, and each way to get no
//! answer is told apart.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sbkd::card::{self, CardError, InitialPins, Pairs, Parts, Reading, Validation};
use sbkd::center::{Faults, Settings};
use sbkd::keys::{Hsm, HsmSettings, KeyError, KeySource, LinkError};
use sbkd::profile::Profile;
use sbkd::reader::Lease;
use sbkd::script::Library;
use sbkd::sync::{CentreKeys, HttpUplink, Link, TlsFiles};
use sbkd::virtual_card::{Image, InProcess};
use sbkd::wire::Digest;
use sbkd::world::{SystemClock, SystemRandom};

use super::tls::Authority;
use super::world::{Centre, TERMINAL, center_settings, journal, link};

/// Long enough for an answer, and not for one that the centre holds back.
const WITHIN: Duration = Duration::from_secs(10);

/// The link of a terminal to a centre that is reached so.
fn keys(centre: &Link, dir: &Path) -> Arc<CentreKeys> {
    let uplink = HttpUplink::new(centre, journal(dir, TERMINAL)).unwrap();
    Arc::new(CentreKeys::new(Arc::new(uplink), tokio::runtime::Handle::current(), &centre.url))
}

/// Reads a card by them, off the runtime as the terminal does.
async fn read(link: Arc<CentreKeys>, card: &'static str, within: Duration) -> Result<Reading, CardError> {
    let reading = tokio::task::spawn_blocking(move || {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cards").join(card).with_extension("toml");
        let chip = Image::load(&file).unwrap().chip(Arc::new(SystemRandom::default()));
        let settings = Arc::new(HsmSettings { within, ..HsmSettings::default() });
        let parts = Parts {
            lease: &mut Lease::new("reader", Box::new(InProcess::new(chip).unwrap()), Instant::now() + 6 * WITHIN),
            keys: &mut Hsm::new(link, settings),
            profile: &Profile::builtin(),
            scripts: &Library::builtin(),
            store: None,
            pairs: Pairs::Needless,
            clock: &SystemClock,
            random: &SystemRandom::default(),
            default_algorithm: None,
            initial_pins: &InitialPins::default(),
            validation: Validation::WITHOUT_LIST,
        };
        card::read(parts, &mut |_| ())
    });
    reading.await.unwrap()
}

fn why(outcome: Result<Reading, CardError>) -> LinkError {
    match outcome.unwrap_err() {
        CardError::Key(KeyError::Link(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_are_read_by_the_keys_behind_the_centre() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path());
    let centre = Centre::with(Settings { tls: Some(authority.server()), ..center_settings() }).await;
    let tls = authority.client("terminal");
    let centre_key = Some(centre.running.public_key);
    let link = keys(&Link { tls, centre_key, ..link(&centre.url) }, dir.path());
    for card in ["v1-3des", "v2-3des", "v3-sm4"] {
        let reading = read(link.clone(), card, WITHIN).await.unwrap_or_else(|error| panic!("{card}: {error}"));
        assert_eq!(reading.authenticated().by, KeySource::Hsm, "{card}");
        assert!(reading.authenticated().internal && reading.authenticated().external == (card == "v3-sm4"));
    }
    assert_eq!(read(link.clone(), "v3-forged", WITHIN).await, Err(CardError::NotGenuine));

    // It holds each answer back, and then fails with one.
    centre.play(Faults { only: Some("keys".into()), delay_ms: 60_000, ..Faults::default() });
    let late = why(read(link.clone(), "v3-sm4", Duration::from_millis(1)).await);
    assert!(matches!(late, LinkError::Away(_)), "{late:?}");
    centre.play(Faults { only: Some("keys".into()), fail: 1, ..Faults::default() });
    assert!(matches!(why(read(link.clone(), "v3-sm4", WITHIN).await), LinkError::Away(_)));
    centre.play(Faults { only: Some("keys".into()), drop_answer: 1, ..Faults::default() });
    assert!(matches!(why(read(link.clone(), "v3-sm4", WITHIN).await), LinkError::Away(_)));
    read(link, "v3-sm4", WITHIN).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_enrolled_gets_no_key_and_neither_does_anybody_of_a_real_centre() {
    let dirs = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let authority = Authority::new(dirs[0].path());
    let tls = Some(authority.server());
    let (own, other) = (authority.client("terminal"), authority.client("other"));
    let centre = Centre::with(Settings { tls: tls.clone(), ..center_settings() }).await;
    let with = |tls: &TlsFiles, url: &str| Link { tls: tls.clone(), ..link(url) };
    read(keys(&with(&own, &centre.url), dirs[1].path()), "v3-sm4", WITHIN).await.unwrap();
    // The same terminal's name with another key and another certificate.
    let refused = why(read(keys(&with(&other, &centre.url), dirs[2].path()), "v3-sm4", WITHIN).await);
    assert_eq!(refused, LinkError::Refused("HTTP-403".into()));

    let database = dirs[0].path().join("centre.db");
    let real = Centre::with(Settings { demo: false, database: Some(database.clone()), tls, ..center_settings() }).await;
    let journal = journal(dirs[3].path(), TERMINAL);
    let certificate = own.client.clone().unwrap().0;
    let key = Digest(journal.public_key());
    sbkd::center::enrol(&database, TERMINAL, &key, Some(&certificate), false).unwrap();
    let uplink = HttpUplink::new(&with(&own, &real.url), journal).unwrap();
    let link = CentreKeys::new(Arc::new(uplink), tokio::runtime::Handle::current(), &real.url);
    assert_eq!(why(read(Arc::new(link), "v3-sm4", WITHIN).await), LinkError::Refused("C-NO-KEYS".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_that_is_away_or_is_another_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let centre = Centre::start().await;
    // Its answers are not signed with this key.
    let link = Link { centre_key: Some(Digest([7; 32])), ..link(&centre.url) };
    let unsigned = why(read(keys(&link, dir.path()), "v2-3des", WITHIN).await);
    assert!(matches!(unsigned, LinkError::Malformed(_)), "{unsigned:?}");
    let other = tempfile::tempdir().unwrap();
    // Nothing listens at a port that nobody may have.
    let away = why(read(keys(&super::world::link("http://127.0.0.1:1"), other.path()), "v2-3des", WITHIN).await);
    assert!(matches!(away, LinkError::Away(_)), "{away:?}");
}

//! What delivery and centre log at the most verbose level names nobody.

use std::io;
use std::sync::Mutex;

use sbkd::center::Faults;
use sbkd::sync::{Settled, settle};
use sbkd::wire::infno;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::search::{forms_of_text, found_below, found_in};
use super::world::{Centre, Life, PATIENCE, Process, online, registration, sign_in};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_logs_and_the_journal_name_nobody() {
    // For the whole test program: what the other tests do is in it too, and the blocking threads' part.
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(|| Log)
                .with_ansi(false)
                .with_filter(filter_fn(|event| event.target().starts_with("sbkd"))),
        )
        .init();
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    // Answers that come, that are lost, that refuse, that are of another form.
    centre.play(Faults { drop_answer: 2, ..Faults::default() });
    process.queue.commit_async(sign_in("a")).await.unwrap();
    process.queue.commit_async(registration("b")).await.unwrap();
    process.lose(&[infno::SETTLE]);
    let (draft, request) = online("c");
    let told = settle(&process.queue, &process.uplink, draft, request, PATIENCE).await.unwrap();
    assert!(matches!(told, Settled::Accepted(..)));
    process.until(|row| !row.state.is_open()).await;
    let shown = format!("{told:?}");
    process.end().await;

    let needles: Vec<_> =
        [("name", "王小雅"), ("number", "440103198806120021"), ("card", "A10000031"), ("psn_no", "44010000000003")]
            .into_iter()
            .flat_map(|(what, text)| forms_of_text(what, text))
            .collect();
    assert!(!found_in("… 王小雅 …".as_bytes(), &needles).is_empty(), "the search finds what is there");
    let log = LOG.lock().unwrap().clone();
    assert!(log.windows(20).any(|window| window == b"a transaction was an"), "the centre's log is there");
    assert_eq!(found_in(&log, &needles), Vec::<String>::new());
    assert_eq!(found_in(shown.as_bytes(), &needles), Vec::<String>::new());
    assert_eq!(found_below(dir.path(), &needles, |_| false), Vec::<String>::new());
}

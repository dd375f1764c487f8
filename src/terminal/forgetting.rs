//! An answer that is kept for a time without the centre is erased once that time is over; so is what ended cases found.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::inner::Inner;
use crate::store::StoreError;

/// How often it is looked what is over.
const LOOK: Duration = Duration::from_mins(10);

/// Goes on until the terminal ends.
pub(super) async fn forget(inner: Weak<Inner>) {
    while let Some(now) = inner.upgrade() {
        let looked = tokio::task::spawn_blocking(move || {
            drop(now.cases_shown());
            now.forget_answers()
        })
        .await;
        match looked {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "answers that are over were not erased"),
            Err(error) => tracing::error!(%error, "a defect while it was looked which answers are over"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Inner {
    /// Erases the answers that are shown to nobody any more; how many those were. Blocks on the disk.
    pub(super) fn forget_answers(&self) -> Result<usize, StoreError> {
        let lookups = self.catalogue.offered();
        let hours = lookups.filter_map(|one| Some((one.name(), one.lookup.as_ref()?.hours?)));
        let hours: BTreeMap<String, u32> = hours.collect();
        let now = self.parts.clock.now();
        // Of what is looked up no more nothing is shown.
        self.store.forget_answers(|part, asked| hours.get(part).is_none_or(|hours| is_over(asked, *hours, now)))
    }
}

/// Whether an answer is older than so many hours; of one from a time to come nobody knows how old it is.
pub(super) fn is_over(asked: Timestamp, hours: u32, now: Timestamp) -> bool {
    let age = now.duration_since(asked);
    age.is_negative() || age > SignedDuration::from_hours(hours.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::queue::Faults;
    use crate::store::{KeptAnswer, Question};
    use crate::terminal::{Parts, start};
    use crate::virtual_card::VirtualReaders;
    use crate::wire::Digest;
    use crate::world::{FixedClock, SystemRandom};

    #[test]
    fn an_answer_is_over_after_its_hours_and_before_it_was_given() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let over = |now| is_over(at("2015-08-03T10:00:00Z"), 24, at(now));
        assert!(!over("2015-08-03T10:00:00Z") && !over("2015-08-04T10:00:00Z"));
        assert!(over("2015-08-04T10:00:00.001Z") && over("2015-08-03T09:59:59Z"));
    }

    #[test]
    fn each_answer_is_erased_by_the_hours_of_its_own_scenario() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sbkd.toml");
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n";
        std::fs::write(&file, text).unwrap();
        // Nothing runs on it: what is over is looked for by the test alone.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let now: Timestamp = "2015-08-05T10:00:00Z".parse().unwrap();
        let parts = Parts {
            config: Arc::new(Config::load(&file).unwrap()),
            readers: VirtualReaders::new(&[]),
            clock: Arc::new(FixedClock(now)),
            random: Arc::new(SystemRandom::default()),
            runtime: runtime.handle().clone(),
        };
        let inner = start::start(parts, Faults::default()).unwrap();
        let all: Vec<_> = inner.catalogue.offered().cloned().collect();
        let of =
            |hours| all.iter().find(|one| one.lookup.as_ref().is_some_and(|lookup| lookup.hours == hours)).unwrap();
        let (day, three, none) = (of(Some(24)).name(), of(Some(72)).name(), of(None).name());
        // As old as its question says.
        fn to(part: &str, hours: i64) -> Question<'_> {
            let question = Digest([u8::try_from(hours.unsigned_abs()).unwrap(); 32]);
            Question { holder: Digest([7; 32]), part, question }
        }
        let kept = |part: &str, hours: i64| {
            let asked = now - SignedDuration::from_hours(hours);
            let answer = KeptAnswer { asked, as_of: asked, sealed: Vec::new() };
            inner.store.keep_answer(to(part, hours), &answer).unwrap();
            (part.to_owned(), hours)
        };
        let stay = [kept(&day, 24), kept(&three, 72), kept(&three, 25)];
        let go = [kept(&day, 25), kept(&three, 73), kept(&none, 0), kept("was-there-once", 0), kept(&day, -1)];
        assert_eq!(inner.forget_answers().unwrap(), go.len());
        let is_kept = |(part, hours): &(String, i64)| inner.store.kept_answer(to(part, *hours)).unwrap().is_some();
        assert!(stay.iter().all(is_kept) && !go.iter().any(is_kept));
        assert_eq!(inner.forget_answers().unwrap(), 0);
    }
}

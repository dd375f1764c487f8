//! What the centre does with messages that were stored on the way: together in one SQLite transaction, each answered by
//! itself.

use std::ops::Range;
use std::sync::Arc;

use rusqlite::Connection;

use super::deliver;
use super::doors::{Centre, FORM, bytes, terminals};
use super::enrol::{self, Caller};
use super::errors::CenterError;
use super::faults::Strike;
use crate::rules::Packs;
use crate::wire::Envelope;
use crate::wire::batch::{ItemAnswer, LateAnswer};
use crate::wire::signature::{self, Purpose, Signature};
use crate::world::{Clock as _, SystemClock};

/// A message with transactions that was stored on the way.
#[derive(Clone)]
pub(super) struct Stored {
    /// In whose name the subject is.
    pub(super) named: String,
    /// Who sent it, or why that is not proved.
    pub(super) caller: Result<Caller, &'static str>,
    /// What is in it; `None` when it is not of that form.
    pub(super) transactions: Option<Vec<Envelope>>,
}

/// The answers to one, for the terminal's results.
pub(super) struct Late {
    pub(super) terminal: String,
    pub(super) body: Vec<u8>,
    pub(super) signature: Signature,
}

impl Centre {
    /// Takes messages with transactions that were stored on the way, in one SQLite transaction. `None` for what nobody is
    /// to hear of.
    pub(super) async fn take(self: &Arc<Self>, stored: Vec<Stored>) -> Vec<Result<Option<Late>, CenterError>> {
        let strike = self.playing.strike("transactions", stored.iter().map(Stored::len).sum());
        tokio::time::sleep(strike.delay).await;
        if strike.fail {
            return stored.iter().map(|_| Err(CenterError::OnPurpose)).collect();
        }
        let (count, dropped) = (stored.len(), strike.drop_answer);
        if strike.reorder && count == 1 {
            self.playing.wait_for_another().await;
        }
        let (stored, strike) = (Arc::new(stored), Arc::new(strike));
        let taken = together_or_each(count, |part| {
            let (centre, stored, strike) = (self.clone(), stored.clone(), strike.clone());
            self.write(move |db, packs| Ok(centre.take_some(db, packs, &stored, part, &strike)))
        });
        let taken = taken.await;
        self.playing.one_is_done();
        taken.into_iter().map(|one| one.map(|late| (!dropped).then_some(late))).collect()
    }

    /// Takes a part of those that came together, in their order; what is held back comes after the others.
    fn take_some(
        &self,
        db: &Connection,
        packs: &Packs,
        stored: &[Stored],
        part: Range<usize>,
        strike: &Strike,
    ) -> Vec<Result<Late, CenterError>> {
        let held_back = usize::from(strike.reorder).min(part.len());
        let take = |at: usize| {
            let before: usize = stored[..at].iter().map(Stored::len).sum();
            let take = || self.take_one(db, packs, &stored[at], strike.refuse.saturating_sub(before));
            if strike.duplicate {
                drop(take());
            }
            take()
        };
        let mut taken: Vec<_> = part.clone().skip(held_back).map(take).collect();
        let last: Vec<_> = part.take(held_back).map(take).collect();
        taken.splice(..0, last);
        taken
    }

    fn take_one(&self, db: &Connection, packs: &Packs, stored: &Stored, refuse: usize) -> Result<Late, CenterError> {
        let taken = || {
            let caller = stored.caller.as_ref().map_err(|error| CenterError::Enrol(error))?;
            let envelopes = stored.transactions.as_ref().ok_or(FORM)?;
            for terminal in terminals(envelopes) {
                enrol::check(db, caller, terminal, self.demo)?;
            }
            let answers = deliver::batch(db, packs, envelopes, (self.demo, refuse), SystemClock.now());
            let each = envelopes.iter().zip(answers);
            let late = each.filter(|(_, answer)| !matches!(answer, ItemAnswer::Failed(_)));
            let late: Vec<_> = late.map(|(envelope, answer)| LateAnswer { id: envelope.header.id, answer }).collect();
            match late.is_empty() {
                true => Err(CenterError::Database("it failed with each of them".into())),
                false => Ok(late),
            }
        };
        let late = taken().inspect_err(|error| {
            tracing::warn!(%error, "stored transactions were not taken");
            // What is in no form is an alarm where it is a known terminal's: nobody is answered.
            let known =
                || stored.caller.as_ref().is_ok_and(|caller| enrol::check(db, caller, &stored.named, false).is_ok());
            if error.is_alarm() || matches!(error, CenterError::Form(_)) && known() {
                deliver::raised(db, &stored.named, error.code(), &error.to_string(), SystemClock.now());
            }
        })?;
        let body = bytes(&late);
        let text = signature::answer(&stored.named, Purpose::Stored, b"", 200, &body);
        Ok(Late { terminal: stored.named.clone(), body, signature: self.sign(&text) })
    }
}

impl Stored {
    /// How many are in it.
    fn len(&self) -> usize {
        self.transactions.as_ref().map_or(0, Vec::len)
    }
}

/// What becomes of so many that are worked on together; where that breaks off nothing of it is kept, and each is worked
/// on by itself, so that the one that breaks it does not keep the others coming again for ever.
async fn together_or_each<T, F>(count: usize, work: impl Fn(Range<usize>) -> F) -> Vec<Result<T, CenterError>>
where
    F: Future<Output = Result<Vec<Result<T, CenterError>>, CenterError>>,
{
    let error = match work(0..count).await {
        Ok(all) => return all,
        Err(error) => error,
    };
    tracing::error!(%error, count, "transactions were not taken together");
    let mut all = Vec::with_capacity(count);
    for at in 0..count {
        match work(at..at + 1).await {
            Ok(one) => all.extend(one),
            Err(error) => {
                tracing::error!(%error, "a transaction was not taken");
                all.push(Err(error));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::center::enrol::Proof;
    use crate::center::tests::registration;
    use crate::center::{Faults, Settings, ledger, open};
    use crate::queue::Queue;
    use crate::queue::tests::open as journal;
    use crate::wire::{Digest, Outcome};

    /// A demo centre, and a journal whose transactions it takes.
    fn centre(dir: &std::path::Path, faults: Faults) -> (Arc<Centre>, Queue) {
        let listen = "127.0.0.1:0".parse().unwrap();
        let (database, seed, tls, broker, token) = (None, None, None, None, "a token that is right".into());
        let settings = Settings { listen, database, seed, tls, broker, token, ledger_token: None, demo: true, faults };
        (Arc::new(open(&settings).unwrap()), journal(dir))
    }

    /// A message with transactions of these keys.
    fn message<const N: usize>(queue: &Queue, keys: [&str; N]) -> (Stored, Vec<uuid::Uuid>) {
        let envelopes = keys.map(|key| {
            let row = queue.commit(registration(key)).unwrap().row;
            queue.envelope(row.id).unwrap().unwrap()
        });
        let ids = envelopes.iter().map(|envelope| envelope.header.id).collect();
        let named = queue.terminal().to_owned();
        let caller = Caller { terminal: named.clone(), key: Digest(queue.public_key()), proof: Proof::Broker };
        (Stored { named, caller: Ok(caller), transactions: Some(envelopes.into()) }, ids)
    }

    fn ids(late: &Late) -> Vec<uuid::Uuid> {
        let answers: Vec<LateAnswer> = serde_json::from_slice(&late.body).unwrap();
        answers.into_iter().map(|answer| answer.id).collect()
    }

    #[tokio::test]
    async fn what_came_in_one_message_is_answered_in_one_without_those_that_failed() {
        let dir = tempfile::tempdir().unwrap();
        let (centre, queue) = centre(dir.path(), Faults::default());
        let (message, sent) = message(&queue, ["a", "b", "c"]);
        let failing = "CREATE TRIGGER fails BEFORE INSERT ON transactions WHEN new.sequence = 2
                       BEGIN SELECT raise(ABORT, 'the test says so'); END";
        centre.write(move |db, _| Ok(db.execute_batch(failing)?)).await.unwrap();
        let [Ok(Some(late))] = &centre.take(vec![message.clone()]).await[..] else { panic!("no answer") };
        assert_eq!(ids(late), [sent[0], sent[2]]);
        centre.write(|db, _| Ok(db.execute_batch("DROP TRIGGER fails")?)).await.unwrap();
        let [Ok(Some(late))] = &centre.take(vec![message]).await[..] else { panic!("no answer") };
        assert_eq!(ids(late), sent);
        let ledger = centre.write(|db, _| ledger::read(db)).await.unwrap();
        assert_eq!(ledger["transactions"].as_array().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_refusal_on_purpose_counts_transactions_whatever_message_they_came_in() {
        let dir = tempfile::tempdir().unwrap();
        let (centre, queue) = centre(dir.path(), Faults { refuse: 3, ..Faults::default() });
        let (first, second) = (message(&queue, ["a", "b"]).0, message(&queue, ["c", "d"]).0);
        let answers = centre.take(vec![first, second]).await;
        let accepted = answers.into_iter().flat_map(|late| {
            let late: Vec<LateAnswer> = serde_json::from_slice(&late.unwrap().unwrap().body).unwrap();
            late.into_iter().map(|one| match one.answer {
                ItemAnswer::Receipt(receipt) => receipt.outcome == Outcome::Accepted,
                _ => panic!("no receipt"),
            })
        });
        assert_eq!(accepted.collect::<Vec<_>>(), [false, false, false, true]);
    }

    #[tokio::test]
    async fn what_was_stored_together_is_reordered_on_purpose_and_each_gets_its_own_answer() {
        let dir = tempfile::tempdir().unwrap();
        let (centre, queue) = centre(dir.path(), Faults { reorder: 1, ..Faults::default() });
        let (messages, sent): (Vec<_>, Vec<_>) = ["a", "b", "c"].map(|key| message(&queue, [key])).into_iter().unzip();
        let answers = centre.take(messages).await;
        let answered: Vec<_> = answers.into_iter().map(|late| ids(&late.unwrap().unwrap())).collect();
        assert_eq!(answered, sent);
        let ledger = centre.write(|db, _| ledger::read(db)).await.unwrap();
        let taken: Vec<_> = ledger["transactions"].as_array().unwrap().iter().map(|one| &one["sequence"]).collect();
        assert_eq!(taken, [2, 3, 1]);
    }

    #[tokio::test]
    async fn one_that_breaks_the_work_keeps_no_other_from_being_taken() {
        let parts = Mutex::new(Vec::new());
        let taken = together_or_each(4, |part: Range<usize>| {
            parts.lock().unwrap().push(part.clone());
            async move {
                // Whoever panics over the third takes all that was worked on with it along.
                match part.contains(&2) {
                    true => Err(CenterError::Database("a request was broken off".into())),
                    false => Ok(part.map(Ok).collect()),
                }
            }
        });
        let taken: Vec<Option<usize>> = taken.await.into_iter().map(Result::ok).collect();
        assert_eq!(taken, [Some(0), Some(1), None, Some(3)]);
        assert_eq!(*parts.lock().unwrap(), [0..4, 0..1, 1..2, 2..3, 3..4]);
    }
}

//! What the centre does with a message, by whichever door it came: who sent it, what is played in its place, what it is
//! answered, and the signature over that.

use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::body::Bytes;
use ring::signature::Ed25519KeyPair;
use rusqlite::{Connection, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::enrol::Caller;
use super::errors::CenterError;
use super::faults::{Playing, Strike};
use super::{alarms, chain, deliver, enrol, national};
use crate::rules::Packs;
use crate::wire::batch::{ItemAnswer, LateAnswer};
use crate::wire::headers::SignedHeaders;
use crate::wire::signature::{self, Purpose, Signature};
use crate::wire::{Digest, Envelope, Reply, Request, infno};
use crate::world::{Clock as _, SystemClock};

/// What the doors share.
pub(super) struct Centre {
    pub(super) db: Mutex<Connection>,
    pub(super) packs: LazyLock<Packs>,
    pub(super) token: String,
    pub(super) demo: bool,
    pub(super) playing: Playing,
    /// It signs its answers with this.
    pub(super) signer: Ed25519KeyPair,
    pub(super) public_key: Digest,
}

/// A message of a terminal.
pub(super) struct Asked {
    pub(super) purpose: Purpose,
    /// Who says it is, and how that is proved.
    pub(super) caller: Caller,
    pub(super) body: Bytes,
}

/// What it is answered.
pub(super) struct Told {
    /// As in HTTP.
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) signature: Signature,
    /// It was carried out, and nobody is to hear of it.
    pub(super) dropped: bool,
}

/// A transaction that was stored on the way.
pub(super) struct Stored {
    /// In whose name the subject is.
    pub(super) named: String,
    /// Who sent it, or why that is not proved.
    pub(super) caller: Result<Caller, &'static str>,
    pub(super) body: Bytes,
}

/// The answer to one, for the terminal's results.
pub(super) struct Late {
    pub(super) terminal: String,
    pub(super) body: Vec<u8>,
    pub(super) signature: Signature,
}

/// An answer before it is signed.
type Answer = Result<Vec<u8>, CenterError>;

impl Centre {
    /// Carries a message out, or what is played in its place.
    pub(super) async fn answer(self: &Arc<Self>, asked: Asked) -> Told {
        let (purpose, terminal, question) = (asked.purpose, asked.caller.terminal.clone(), asked.body.clone());
        let (answer, strike) = match Message::read(&asked) {
            Ok(message) => {
                // A probe carries nothing that could go wrong.
                let strike = match &message {
                    Message::Chain(_) => Strike::default(),
                    message => self.playing.strike(message.name(), message.transactions()),
                };
                (self.struck(&strike, asked.caller, message).await, strike)
            }
            Err(error) => (Err(error), Strike::default()),
        };
        let (status, body) = match answer {
            Ok(body) => (200, body),
            Err(error) => self.refuse(&terminal, error).await,
        };
        let text = signature::answer(&terminal, purpose, &question, status, &body);
        Told { status, body, signature: self.sign(&text), dropped: strike.drop_answer }
    }

    async fn struck(self: &Arc<Self>, strike: &Strike, caller: Caller, message: Message) -> Answer {
        if !strike.delay.is_zero() {
            tokio::time::sleep(strike.delay).await;
        }
        if strike.fail {
            return Err(CenterError::OnPurpose);
        }
        if strike.reorder {
            self.playing.wait_for_another().await;
        }
        let (caller, message) = (Arc::new(caller), Arc::new(message));
        let answer = self.carry_out(caller.clone(), message.clone(), strike.refuse).await;
        let answer = match strike.duplicate {
            // It came twice, and the answer to the first was lost.
            true => self.carry_out(caller, message, 0).await,
            false => answer,
        };
        self.playing.one_is_done();
        answer
    }

    async fn carry_out(self: &Arc<Self>, caller: Arc<Caller>, message: Arc<Message>, refuse: usize) -> Answer {
        let centre = self.clone();
        self.write(move |db, packs| {
            for terminal in message.terminals() {
                enrol::check(db, &caller, terminal, centre.demo)?;
            }
            message.carry_out(db, packs, &caller, (centre.demo, refuse))
        })
        .await
    }

    /// A message that is of nobody known is refused.
    pub(super) async fn refusal(
        self: &Arc<Self>,
        named: &str,
        purpose: Purpose,
        question: &[u8],
        error: CenterError,
    ) -> Told {
        let (status, body) = self.refuse(named, error).await;
        let text = signature::answer(named, purpose, question, status, &body);
        Told { status, body, signature: self.sign(&text), dropped: false }
    }

    /// Takes transactions that were stored on the way, in one SQLite transaction. `None` for what nobody is to hear of.
    pub(super) async fn take(self: &Arc<Self>, stored: Vec<Stored>) -> Vec<Result<Option<Late>, CenterError>> {
        let strike = self.playing.strike("transactions", stored.len());
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
            let take = || self.take_one(db, packs, &stored[at], at < strike.refuse);
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

    fn take_one(&self, db: &Connection, packs: &Packs, stored: &Stored, refuse: bool) -> Result<Late, CenterError> {
        let taken = || {
            let caller = stored.caller.as_ref().map_err(|error| CenterError::Enrol(error))?;
            let envelope: Envelope = read(&stored.body)?;
            enrol::check(db, caller, &envelope.header.terminal, self.demo)?;
            let now = SystemClock.now();
            let mut answers =
                deliver::batch(db, packs, std::slice::from_ref(&envelope), (self.demo, usize::from(refuse)), now);
            let answer = answers.pop().ok_or(CenterError::Form("no transaction"))?;
            match answer {
                ItemAnswer::Failed(_) => Err(CenterError::Database("it failed with this one".into())),
                answer => Ok(LateAnswer { id: envelope.header.id, answer }),
            }
        };
        let late = taken().inspect_err(|error| {
            tracing::warn!(%error, "a stored transaction was not taken");
            if error.is_alarm() {
                deliver::raised(db, &stored.named, error.code(), &error.to_string(), SystemClock.now());
            }
        })?;
        let body = bytes(&late);
        let id = late.id.to_string();
        let text = signature::answer(&stored.named, Purpose::Transaction, id.as_bytes(), 200, &body);
        Ok(Late { terminal: stored.named.clone(), body, signature: self.sign(&text) })
    }

    /// What a refusal is told, after what has to be an alarm is one.
    async fn refuse(self: &Arc<Self>, terminal: &str, error: CenterError) -> (u16, Vec<u8>) {
        let (status, code, text) = (error.status(), error.code(), error.to_string());
        tracing::warn!(code, text, "a message was not carried out");
        if error.is_alarm() {
            let (terminal, words) = (terminal.to_owned(), text.clone());
            if let Err(error) =
                self.write(move |db, _| alarms::raise(db, &terminal, code, &words, SystemClock.now())).await
            {
                tracing::error!(%error, "an alarm could not be kept");
            }
        }
        (status, bytes(&json!({ "error": { "code": code, "text": text } })))
    }

    /// The centre's signature.
    pub(super) fn sign(&self, text: &[u8]) -> Signature {
        let mut out = [0; 64];
        out.copy_from_slice(self.signer.sign(text).as_ref());
        Signature(out)
    }

    /// Works on the database in one SQLite transaction, off the runtime's threads; an error changes nothing.
    pub(super) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection, &LazyLock<Packs>) -> Result<T, CenterError> + Send + 'static,
    ) -> Result<T, CenterError> {
        let centre = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            // Whoever panicked with it left a transaction that was rolled back.
            let mut db = centre.db.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction, &centre.packs)?;
            transaction.commit()?;
            Ok(value)
        });
        done.await.unwrap_or_else(|_| Err(CenterError::Database("a request was broken off".into())))
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

/// What a message says.
enum Message {
    Transactions(Vec<Envelope>),
    National(Box<Request>),
    Headers(SignedHeaders),
    Chain(String),
}

impl Message {
    fn read(asked: &Asked) -> Result<Self, CenterError> {
        Ok(match asked.purpose {
            Purpose::Transactions => Self::Transactions(read(&asked.body)?),
            Purpose::Transaction => Self::Transactions(vec![read(&asked.body)?]),
            Purpose::National => Self::National(read(&asked.body)?),
            Purpose::Headers => Self::Headers(read(&asked.body)?),
            Purpose::Chain => Self::Chain(asked.caller.terminal.clone()),
        })
    }

    /// Its name for faults.
    fn name(&self) -> &str {
        match self {
            Self::Transactions(_) => "transactions",
            Self::National(request) => &request.infno,
            Self::Headers(_) => "headers",
            Self::Chain(_) => "chain",
        }
    }

    /// How many there are in it that can be refused on purpose.
    fn transactions(&self) -> usize {
        match self {
            Self::Transactions(all) => all.len(),
            Self::National(request) => usize::from(request.infno == infno::SETTLE),
            Self::Headers(_) | Self::Chain(_) => 0,
        }
    }

    /// In whose name it is.
    fn terminals(&self) -> Vec<&str> {
        match self {
            Self::Transactions(all) => all.iter().map(|envelope| envelope.header.terminal.as_str()).collect(),
            Self::National(request) => vec![&request.fixmedins_code],
            Self::Headers(signed) => signed.headers.iter().map(|header| header.terminal.as_str()).collect(),
            Self::Chain(terminal) => vec![terminal],
        }
    }

    fn carry_out(
        &self,
        db: &Connection,
        packs: &LazyLock<Packs>,
        caller: &Caller,
        (demo, refuse): (bool, usize),
    ) -> Answer {
        let now = SystemClock.now();
        Ok(match self {
            Self::Transactions(all) => bytes(&deliver::batch(db, packs, all, (demo, refuse), now)),
            Self::National(request) if request.demo && !demo => {
                let err_msg = "C-DEMO 正式中心不接收演示数据".to_owned();
                bytes(&Reply { infcode: Reply::REFUSED, inf_refmsgid: String::new(), err_msg, output: Value::Null })
            }
            Self::National(request) => {
                let reply = national::answer(db, packs, request, refuse > 0, now)?;
                let (infno, msgid) = (&request.infno, &request.msgid);
                tracing::info!(infno, msgid, infcode = reply.infcode, "an online request was answered");
                bytes(&reply)
            }
            Self::Headers(signed) => {
                let head = chain::extend(db, &caller.terminal, &caller.key, signed)?;
                tracing::info!(sequence = head.sequence, "headers were taken");
                bytes(&head)
            }
            Self::Chain(terminal) => bytes(&chain::head(db, terminal)?),
        })
    }
}

/// The parser's own words would quote the message.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CenterError> {
    serde_json::from_slice(body).map_err(|_| CenterError::Form("the message is not of this form"))
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    // Invariant: what is told is plain data with text keys, which always has a JSON form.
    serde_json::to_vec(value).expect("plain data has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::center::enrol::Proof;
    use crate::center::{Faults, Settings, ledger, open};
    use crate::queue::Draft;
    use crate::queue::tests::{draft, open as journal};
    use crate::value::Kind;

    #[tokio::test]
    async fn what_was_stored_together_is_reordered_on_purpose_and_each_gets_its_own_answer() {
        let dir = tempfile::tempdir().unwrap();
        let queue = journal(dir.path());
        let faults = Faults { reorder: 1, ..Faults::default() };
        let listen = "127.0.0.1:0".parse().unwrap();
        let (database, seed, tls, broker, token) = (None, None, None, None, "a token that is right".into());
        let settings = Settings { listen, database, seed, tls, broker, token, demo: true, faults };
        let centre = Arc::new(open(&settings).unwrap());
        let (mut stored, mut ids) = (Vec::new(), Vec::new());
        for key in ["a", "b", "c"] {
            let payload = json!({ "request": {}, "detail": {} });
            let row = queue.commit(Draft { kind: Kind::Register, payload, ..draft(key) }).unwrap().row;
            let envelope = queue.envelope(row.id).unwrap().unwrap();
            let named = envelope.header.terminal.clone();
            let key = Digest(queue.public_key());
            let caller = Ok(Caller { terminal: named.clone(), key, proof: Proof::Broker });
            stored.push(Stored { named, caller, body: bytes(&envelope).into() });
            ids.push(row.id);
        }
        let answers = centre.take(stored).await;
        let answered = |answer: Result<Option<Late>, CenterError>| {
            serde_json::from_slice::<LateAnswer>(&answer.unwrap().unwrap().body).unwrap().id
        };
        assert_eq!(answers.into_iter().map(answered).collect::<Vec<_>>(), ids);
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

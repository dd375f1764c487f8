//! What the centre does with a message, by whichever door it came: who sent it, what is played in its place, what it is
//! answered, and the signature over that.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU32;
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
use super::keys::{self, NoKeys};
use super::refusal::Refusal;
use super::{PACKS, alarms, chain, deliver, enrol, national};
use crate::rules::Packs;
use crate::wire::headers::SignedHeaders;
use crate::wire::hsm::Question;
use crate::wire::signature::{self, Purpose, Signature};
use crate::wire::{Digest, Envelope, Reply, Request, errors};
use crate::world::{Clock as _, SystemClock};

/// What the doors share.
pub(super) struct Centre {
    pub(super) db: Mutex<Connection>,
    pub(super) token: String,
    pub(super) ledger_token: Option<String>,
    pub(super) demo: bool,
    pub(super) playing: Playing,
    /// Purchases that its key service began: the terminal's transaction sequence number of each.
    pub(super) purchases: AtomicU32,
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

/// A message that cannot be read.
pub(super) const FORM: CenterError = CenterError::Form("the message is not of this form");

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
            // Whoever sends it, also where it names nobody.
            for terminal in message.terminals().into_iter().chain([caller.terminal.as_str()]) {
                enrol::check(db, &caller, terminal, centre.demo)?;
            }
            message.carry_out(db, packs, &caller, (&centre, refuse))
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
            let value = work(&transaction, &PACKS)?;
            transaction.commit()?;
            Ok(value)
        });
        done.await.unwrap_or_else(|_| Err(CenterError::Database("a request was broken off".into())))
    }
}

/// In whose name they are.
pub(super) fn terminals(envelopes: &[Envelope]) -> BTreeSet<&str> {
    envelopes.iter().map(|envelope| envelope.header.terminal.as_str()).collect()
}

/// What a message says.
enum Message {
    Transactions(Vec<Envelope>),
    National(Box<Request>),
    Headers(SignedHeaders),
    Chain(String),
    Keys(Box<Question>),
}

impl Message {
    fn read(asked: &Asked) -> Result<Self, CenterError> {
        Ok(match asked.purpose {
            Purpose::Transactions | Purpose::Stored => Self::Transactions(read(&asked.body)?),
            Purpose::National => Self::National(read(&asked.body)?),
            Purpose::Headers => Self::Headers(read(&asked.body)?),
            Purpose::Chain => Self::Chain(asked.caller.terminal.clone()),
            Purpose::Keys => Self::Keys(read(&asked.body)?),
        })
    }

    /// Its name for faults.
    fn name(&self) -> &str {
        match self {
            Self::Transactions(_) => "transactions",
            Self::National(request) => &request.infno,
            Self::Headers(_) => "headers",
            Self::Chain(_) => "chain",
            Self::Keys(_) => "keys",
        }
    }

    /// How many there are in it that can be refused on purpose.
    fn transactions(&self) -> usize {
        match self {
            Self::Transactions(all) => all.len(),
            Self::National(request) => usize::from(national::is_final(request)),
            Self::Headers(_) | Self::Chain(_) | Self::Keys(_) => 0,
        }
    }

    /// In whose name it is.
    fn terminals(&self) -> BTreeSet<&str> {
        match self {
            Self::Transactions(all) => terminals(all),
            Self::National(request) => BTreeSet::from([request.fixmedins_code.as_str()]),
            Self::Headers(signed) => signed.headers.iter().map(|header| header.terminal.as_str()).collect(),
            Self::Chain(terminal) => BTreeSet::from([terminal.as_str()]),
            // In that of whoever signed it.
            Self::Keys(_) => BTreeSet::new(),
        }
    }

    fn carry_out(
        &self,
        db: &Connection,
        packs: &LazyLock<Packs>,
        caller: &Caller,
        (centre, refuse): (&Centre, usize),
    ) -> Answer {
        let demo = centre.demo;
        let now = SystemClock.now();
        Ok(match self {
            Self::Transactions(all) => bytes(&deliver::batch(db, packs, all, (demo, refuse), now)),
            Self::National(request) if request.demo && !demo => {
                let err_msg = Refusal::of(&errors::DEMO).into_words();
                let inf_refmsgid = String::new();
                bytes(&Reply {
                    infcode: Reply::REFUSED,
                    inf_refmsgid,
                    err_msg,
                    told_at: Some(now),
                    output: Value::Null,
                })
            }
            Self::National(request) => {
                let reply = national::answer(db, packs, request, refuse > 0, now)?;
                let (infno, msgid) = (&request.infno, &request.msgid);
                tracing::info!(infno, msgid, infcode = reply.infcode, "an online request was answered");
                bytes(&reply)
            }
            Self::Headers(signed) if !demo && signed.headers.iter().any(|header| header.demo) => {
                return Err(CenterError::Demo);
            }
            Self::Headers(signed) => {
                let head = chain::extend(db, &caller.terminal, &caller.key, signed, now)?;
                tracing::info!(sequence = head.sequence, "headers were taken");
                bytes(&head)
            }
            Self::Chain(terminal) => bytes(&chain::head(db, terminal)?),
            Self::Keys(_) if !demo => return Err(CenterError::Keys(NoKeys::Demonstration)),
            Self::Keys(question) => bytes(&keys::answer(question, &centre.purchases)?),
        })
    }
}

/// The parser's own words would quote the message.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CenterError> {
    serde_json::from_slice(body).map_err(|_| FORM)
}

pub(super) fn bytes(value: &impl Serialize) -> Vec<u8> {
    // Invariant: what is told is plain data with text keys, which always has a JSON form.
    serde_json::to_vec(value).expect("plain data has a JSON form")
}

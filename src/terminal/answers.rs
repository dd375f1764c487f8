//! What the centre answered to a lookup is kept sealed for the hours that its scenario says, to be shown while the centre
//! is away.

use serde_json::Value;
use zeroize::Zeroizing;

use super::deciding::Deciding;
use super::forgetting::is_over;
use crate::store::{KeptAnswer, Question};
use crate::wire::{Digest, lookup};

impl Deciding<'_> {
    /// The keyed hash of what is asked: that may be personal.
    pub(super) fn hash_of(&self, question: &lookup::Lookup) -> Digest {
        let asked = Zeroizing::new(Value::from_iter(question.fields.clone()).to_string());
        self.inner.queue.holder_tag(asked.as_bytes())
    }

    /// Keeps an answer, sealed. A store that fails only costs the answer that would be shown later.
    pub(super) fn keep_answer(&self, question: Digest, found: &lookup::Found) {
        let part = self.definition.name();
        let sealed = serde_json::to_vec(found).map(Zeroizing::new).ok().and_then(|plain| {
            let sealed = self.inner.queue.seal_beside(&self.about(&part, question), &plain);
            sealed.inspect_err(|error| tracing::warn!(%error, "an answer cannot be sealed")).ok()
        });
        let Some(sealed) = sealed else { return };
        let answer = KeptAnswer { asked: self.inner.parts.clock.now(), as_of: found.as_of, sealed };
        let to = Question { holder: self.who.tag, part: &part, question };
        if let Err(error) = self.inner.store.keep_answer(to, &answer) {
            tracing::warn!(%error, "the store does not take an answer");
        }
    }

    /// An answer that was kept and is no older than so many hours; one from a time to come tells nobody how old it is.
    pub(super) fn kept_answer(&self, question: Digest, hours: u32) -> Option<lookup::Found> {
        let part = self.definition.name();
        let kept = self.inner.store.kept_answer(Question { holder: self.who.tag, part: &part, question });
        let kept = kept.inspect_err(|error| tracing::warn!(%error, "the store does not give an answer")).ok()??;
        if is_over(kept.asked, hours, self.inner.parts.clock.now()) {
            return None;
        }
        let plain = self.inner.queue.open_beside(&self.about(&part, question), &kept.sealed)?;
        serde_json::from_slice(&plain).ok()
    }

    /// As what an answer is sealed: this holder's, to this question.
    fn about(&self, part: &str, question: Digest) -> Vec<u8> {
        [&self.who.tag.0[..], &question.0, part.as_bytes()].concat()
    }
}

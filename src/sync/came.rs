//! What comes back from what the delivery gave out, and what that changes.

use tokio::time::Instant;

use super::backoff::at_least;
use super::choose::{Back, Item};
use super::note::{asked, is_away, is_busy, is_of_the_chain, wants_rest};
use super::running::{Refused, Running, Stop};
use super::send::{Came, Compared, Trouble};
use super::{Chain, UplinkError, UplinkStatus};
use crate::queue::QueueError;
use crate::value::Protocol;
use crate::wire::plain_code;

impl Running {
    pub(super) fn take(&mut self, came: Came) -> Result<(), Stop> {
        match came {
            Came::Head(head) => {
                self.asking = false;
                match head {
                    Ok(head) => self.at(head),
                    Err(trouble) => self.no_head(trouble)?,
                }
            }
            Came::Headers(result) => self.headers_came(result)?,
            Came::Hole(Ok(None)) => (self.headers.out, self.headers.told) = (false, None),
            Came::Hole(Ok(Some((end, head)))) => {
                self.headers.told = Some(end);
                self.headers_came(Ok(Some(head)))?;
            }
            Came::Hole(Err(trouble)) => self.headers_came(Err(trouble))?,
            Came::Kept(kept) => {
                self.keeping -= 1;
                match kept {
                    Ok(kept) => {
                        let now = Instant::now();
                        let answered = |(id, back)| self.chooser.answered(id, &back, now, &self.pace, &*self.random);
                        kept.into_iter().for_each(answered);
                    }
                    Err(trouble) => self.trouble(trouble)?,
                }
            }
            Came::Told(told) => told.or_else(|trouble| self.trouble(trouble))?,
            Came::Items(items) => {
                // Those of a batch are of one protocol.
                match items.first().map(|(item, _)| item.row.protocol()) {
                    Some(Protocol::Online) => self.out.online -= 1,
                    _ => self.out.batches -= 1,
                }
                for (item, result) in items {
                    self.item_came(&item, result)?;
                }
            }
        }
        Ok(())
    }

    /// The centre is away: so is the way to it, unless that stores what it is given.
    fn no_head(&mut self, trouble: Trouble) -> Result<(), Stop> {
        let Trouble::Centre(error) = &trouble else { return self.trouble(trouble) };
        self.reached(false, matches!(error, UplinkError::Unauthorized(_)));
        if !self.way.uplink.stores() {
            return self.trouble(trouble);
        }
        tracing::info!(%error, "the centre is away");
        self.ask_at = Some(Instant::now() + self.headers.backoff.next(&self.pace, asked(error), &*self.random));
        if wants_rest(error) {
            self.left_alone = self.ask_at;
        }
        Ok(())
    }

    fn at(&mut self, (head, agrees): Compared) {
        self.reached(true, false);
        self.heartbeat = Instant::now() + self.pace.heartbeat;
        self.headers.fits = agrees;
        self.headers.refused.take_if(|refused| refused.after != head);
        let whole = agrees && self.headers.refused.is_none();
        self.chain(if whole { Chain::Agrees } else { Chain::Broken });
        self.head = Some(head);
    }

    fn headers_came(&mut self, result: Result<Option<Compared>, Trouble>) -> Result<(), Stop> {
        self.headers.out = false;
        match result {
            Ok(Some(head)) => {
                self.headers.backoff.reset();
                self.backoff.reset();
                self.headers.refused = None;
                self.at(head);
            }
            Ok(None) => self.headers.more = false,
            // Another refusal says nothing of the chain: the centre may be of a version that does not know a field.
            Err(Trouble::Centre(UplinkError::Refused { code, .. })) if is_of_the_chain(&code) => {
                self.reached(true, false);
                tracing::error!(code = plain_code(&code), "the centre does not take the chain's headers");
                self.headers.refused = Some(Refused { after: self.headers.after, at: Some(self.clock.now()) });
                self.chain(Chain::Broken);
            }
            Err(Trouble::Centre(error)) if !is_away(&error) && !is_busy(&error) => {
                tracing::warn!(%error, "headers were not delivered");
                let pause = self.headers.backoff.next(&self.pace, asked(&error), &*self.random);
                self.headers.pause = Some(Instant::now() + pause);
                self.ask();
            }
            Err(trouble) => self.trouble(trouble)?,
        }
        Ok(())
    }

    fn item_came(&mut self, item: &Item, result: Result<Back, Trouble>) -> Result<(), Stop> {
        let (back, trouble) = match result {
            Ok(back) => (back, None),
            Err(Trouble::Centre(UplinkError::NoAnswer(_))) => (Back::Again(None), None),
            // All wait for it, unless it is this one that is answered so: it waits by itself, and goes alone.
            Err(Trouble::Centre(error)) if is_busy(&error) => {
                let own = self.chooser.meets_busy(item);
                (Back::Busy(asked(&error)), (!own).then_some(Trouble::Centre(error)))
            }
            Err(trouble) => (Back::Unheard, Some(trouble)),
        };
        match &back {
            Back::Done => {
                self.backoff.reset();
                self.reached(true, false);
            }
            Back::Unfit => self.reached(true, false),
            // That a server has it says nothing of the centre.
            Back::Stored => self.backoff.reset(),
            // What gets no answer is no proof that the centre is there.
            Back::Again(_) | Back::Busy(_) => self.ask(),
            Back::Unheard | Back::Left => {}
        }
        self.chooser.back(item, &back, Instant::now(), &self.pace, &*self.random);
        trouble.map_or(Ok(()), |trouble| self.trouble(trouble))
    }

    /// Nothing can be done now: a pause begins, once for all that was on its way, and not shorter than was asked for.
    pub(super) fn trouble(&mut self, trouble: Trouble) -> Result<(), Stop> {
        let (asked, wants_rest) = match &trouble {
            Trouble::Journal(QueueError::Closed) => return Err(Stop::Ended),
            Trouble::Journal(error) => {
                tracing::error!(%error, "the journal does not do its part");
                (None, false)
            }
            Trouble::Centre(error) => {
                tracing::info!(%error, "the centre is away");
                if !is_busy(error) {
                    self.reached(false, matches!(error, UplinkError::Unauthorized(_)));
                }
                (asked(error), wants_rest(error))
            }
        };
        let now = Instant::now();
        let until = match (self.pause.filter(|until| *until > now), asked) {
            // Drawn once: the longest of what each of a batch draws would be much the same at all terminals.
            (Some(until), asked) if asked.is_none_or(|asked| now + asked <= until) => until,
            (Some(_), Some(asked)) => now + at_least(asked, &*self.random),
            (_, asked) => now + self.backoff.next(&self.pace, asked, &*self.random),
        };
        self.pause = Some(until);
        if wants_rest {
            self.left_alone = self.pause;
        }
        self.ask();
        Ok(())
    }

    pub(super) fn reached(&self, reachable: bool, unauthorized: bool) {
        let now = self.clock.now();
        self.status.send_if_modified(|status| {
            let changed = (status.reachable, status.unauthorized) != (reachable, unauthorized);
            if changed {
                *status = UplinkStatus { reachable, unauthorized, since: now, chain: status.chain };
            }
            changed
        });
    }

    fn chain(&mut self, chain: Chain) {
        let changed = self.status.send_if_modified(|status| std::mem::replace(&mut status.chain, chain) != chain);
        if changed && chain == Chain::Agrees {
            self.chooser.fits(Instant::now());
        }
    }
}

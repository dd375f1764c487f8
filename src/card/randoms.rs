//! The randoms of both authentications (card-facts §4.2): whose they are, and when the card is asked for its own.

use super::CardError;
use super::session::{Session, eight};
use crate::keys::{CardKeyId, RandomSource};
use crate::script::Vars;
use crate::wire::hsm::Randoms;

impl Session<'_> {
    /// Those of internal authentication: the terminal's, or the card's where the keys want them so and the generation's
    /// script can ask for them.
    pub(super) fn internal_randoms(&mut self, script: &str) -> Result<Randoms, CardError> {
        match self.parts.keys.randoms() {
            RandomSource::Card if self.has(script, "get-challenge") => {
                Ok(Randoms { process: self.challenge(script)?, original: self.challenge(script)? })
            }
            RandomSource::Card | RandomSource::Terminal => {
                Ok(Randoms { process: self.random()?, original: self.random()? })
            }
        }
    }

    /// Tells keys that are far which proofs will be asked for, so that both come by one journey. The card answered
    /// internal authentication by now, so nothing stands between its challenge and external authentication.
    pub(super) fn look_ahead(&mut self, script: &str, key: &CardKeyId, internal: &Randoms) -> Result<(), CardError> {
        if self.parts.keys.far() && self.has(script, "external-authenticate") {
            let external = self.external_randoms(script)?;
            self.parts.keys.announce(key, internal, &external);
            self.ahead = Some(external);
        }
        Ok(())
    }

    /// Those of external authentication: any original, and as process factor the card's latest challenge.
    pub(super) fn external_randoms(&mut self, script: &str) -> Result<Randoms, CardError> {
        match self.ahead.take() {
            Some(ahead) => Ok(ahead),
            None => Ok(Randoms { original: self.random()?, process: self.challenge(script)? }),
        }
    }

    fn challenge(&mut self, script: &str) -> Result<[u8; 8], CardError> {
        let mut vars = Vars::new();
        self.run(script, "get-challenge", &mut vars)?;
        eight(&vars, "process")
    }

    fn random(&self) -> Result<[u8; 8], CardError> {
        let mut bytes = [0; 8];
        self.parts.random.fill(&mut bytes)?;
        Ok(bytes)
    }
}

//! A PSAM, and a security module where the PSAM cannot.

use zeroize::Zeroizing;

use super::{
    CardKeyId, Checked, KeyError, KeyService, KeySource, Load, ProcessKey, Purchase, Purchased, RandomSource, Randoms,
};
use crate::reader::Recall;

/// The national codes of a PSAM that cannot, on which public drivers go on with the security module (card-facts §5.3):
/// no PSAM, without the algorithm, without RKSSSE, without the key (−(6A88)), without the level. Nothing else is a reason:
/// a PSAM that is lost or fails may come back, and one that a card refused is wrong for that card.
pub(super) const FALL_BACK: [i32; 5] = [-2201, -2202, -2203, -27272, -24];

/// The keys of a PSAM; once it could not do something, those of a security module for what is left of the card's time.
pub struct Fallback {
    /// Or why there is none.
    psam: Result<Box<dyn KeyService>, KeyError>,
    hsm: Box<dyn KeyService>,
    fallen: bool,
    /// Who began the purchase that is not confirmed yet: the security module, or the PSAM.
    bought_afar: bool,
}

impl Fallback {
    /// A PSAM, or why it could not be opened, and a security module.
    ///
    /// # Errors
    /// Why the PSAM could not be opened, where that is no reason to do without it.
    pub fn new(psam: Result<Box<dyn KeyService>, KeyError>, hsm: Box<dyn KeyService>) -> Result<Self, KeyError> {
        let fallen = match &psam {
            Ok(_) => false,
            Err(error) if falls_back(error) => true,
            Err(error) => return Err(error.clone()),
        };
        Ok(Self { psam, hsm, fallen, bought_afar: fallen })
    }

    /// By the PSAM, or by the security module where the PSAM cannot.
    fn by<T>(&mut self, mut work: impl FnMut(&mut dyn KeyService) -> Result<T, KeyError>) -> Result<T, KeyError> {
        if let (Ok(psam), false) = (&mut self.psam, self.fallen) {
            match work(&mut **psam) {
                Err(error) if falls_back(&error) => {
                    tracing::info!(%error, "the PSAM cannot, the security module is asked");
                    self.fallen = true;
                }
                done => return done,
            }
        }
        work(&mut *self.hsm)
    }

    /// Whoever is asked next.
    fn current(&self) -> &dyn KeyService {
        match &self.psam {
            Ok(psam) if !self.fallen => &**psam,
            _ => &*self.hsm,
        }
    }
}

fn falls_back(error: &KeyError) -> bool {
    error.national().is_some_and(|code| FALL_BACK.contains(&code))
}

impl KeyService for Fallback {
    fn source(&self) -> KeySource {
        self.current().source()
    }

    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], KeyError> {
        self.by(|keys| keys.prove(key, original))
    }

    fn mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        self.by(|keys| keys.mac(key, message))
    }

    fn encipher(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.by(|keys| keys.encipher(key, blocks))
    }

    fn purchase(&mut self, card: &CardKeyId, purchase: &Purchase<'_>) -> Result<Purchased, KeyError> {
        let begun = self.by(|keys| keys.purchase(card, purchase));
        self.bought_afar = self.fallen;
        begun
    }

    /// By whoever began it, and nobody else.
    fn confirm_purchase(&mut self, mac2: [u8; 4]) -> Result<Checked, KeyError> {
        match &mut self.psam {
            Ok(psam) if !self.bought_afar => psam.confirm_purchase(mac2),
            _ => self.hsm.confirm_purchase(mac2),
        }
    }

    fn load(&mut self, card: &CardKeyId, load: &Load<'_>) -> Result<[u8; 4], KeyError> {
        self.by(|keys| keys.load(card, load))
    }

    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        self.by(|keys| keys.identity(card))
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        self.by(|keys| keys.terminal_number())
    }

    fn commands(&self) -> u32 {
        self.psam.as_ref().map_or(0, |psam| psam.commands())
    }

    fn recall(&self) -> Option<Recall> {
        self.psam.as_ref().ok().and_then(|psam| psam.recall())
    }

    fn randoms(&self) -> RandomSource {
        self.current().randoms()
    }

    fn far(&self) -> bool {
        self.current().far()
    }

    fn announce(&mut self, card: &CardKeyId, internal: &Randoms, external: &Randoms) {
        self.hsm.announce(card, internal, external);
    }
}

//! A PSAM's content (card-facts §4.3).

use std::collections::BTreeMap;

use super::{Flaw, PROFILE, need, root, roots};
use crate::cipher::{Factors, Key16, Suite};
use crate::profile::KeyRole;
use crate::virtual_card::image::fields::{CipherName, Role};
use crate::virtual_card::image::file::{Environment, File, Level, Psam};
use crate::virtual_card::image::{PsamEnvironment, PsamImage, PsamKey};

pub(super) fn psam(file: &File) -> Result<PsamImage, Flaw> {
    let settings = &file.psam;
    let mut environments = BTreeMap::new();
    let all = [
        (CipherName::TripleDes, &settings.des),
        (CipherName::StandIn, &settings.stand_in),
        (CipherName::Sm4, &settings.sm4),
    ];
    for (cipher, environment) in all.into_iter().filter(|(_, environment)| environment.present == Some(true)) {
        environments.insert(cipher.algorithm(), keys(file, cipher, environment)?);
    }
    Ok(PsamImage {
        public: public(settings)?,
        terminal: *need(&settings.terminal_number, "psam.terminal_number")?.0,
        environments,
        terminal_sequence: settings.terminal_sequence.unwrap_or(1),
        key_version: settings.key_version.unwrap_or(1),
        formulas: PROFILE.account().clone(),
    })
}

/// 公共信息: issuer, PSAM serial, version, key card type, FCI data (card-facts §4.3).
fn public(settings: &Psam) -> Result<[u8; 15], Flaw> {
    let mut bytes = [0; 15];
    bytes[0] = 0x01;
    bytes[1..11].copy_from_slice(&need(&settings.serial, "psam.serial")?.0[..]);
    bytes[11] = 0x01;
    Ok(bytes)
}

/// The type of DPK.
const PURCHASE: u8 = 2;

/// The keys that have an id in a PSAM.
fn keys(file: &File, cipher: CipherName, environment: &Environment) -> Result<PsamEnvironment, Flaw> {
    let region = *need(&file.psam.region, "psam.region")?.0;
    let (roots, suite) = (roots(file, cipher)?, cipher.suite()?);
    let derived = |role: &KeyRole, kind: u8| -> Result<Option<PsamKey>, Flaw> {
        let Some(levels) = levels(environment, role) else { return Ok(None) };
        let Some(root) = root(roots, role) else {
            // Of a key that the image speaks of by name the root must be there.
            let named = *role == KeyRole::IRK || *role == KeyRole::RKSSSE;
            return if named { Err(Flaw::Missing("a root key of the PSAM")) } else { Ok(None) };
        };
        Ok(Some(PsamKey { key: down(suite, root, region, levels), levels, kind }))
    };
    let mut keys = BTreeMap::new();
    for key in PROFILE.keys() {
        let own = file.psam.ids.get(&Role(key.role.clone())).map(|own| (own.0[0] & 0x1F, own.0[1]));
        let Some((kind, id)) = own.or(key.sam.map(|sam| (sam.kind, sam.id))) else { continue };
        if let Some(found) = derived(&key.role, kind)? {
            keys.insert(id, found);
        }
    }
    let purchase = derived(&KeyRole::DPK, PURCHASE)?;
    Ok(PsamEnvironment { suite, keys, purchase })
}

/// How many factors lead from the PSAM's key to a card's.
fn levels(environment: &Environment, role: &KeyRole) -> Option<u8> {
    let without = environment.without.as_ref().is_some_and(|roles| roles.contains(&Role(role.clone())));
    let level = match role {
        role if *role == KeyRole::IRK => environment.irk,
        role if *role == KeyRole::RKSSSE => environment.rkssse,
        _ => environment.others,
    };
    match level.filter(|_| !without)? {
        Level::Absent => None,
        Level::City => Some(1),
        Level::Provincial => Some(2),
        Level::National => Some(3),
    }
}

fn down(suite: Suite, root: &Key16, region: [u8; 3], levels: u8) -> Key16 {
    let descending = Factors::new(region, [0; 8]).descending();
    suite.diversify_by(root, &descending[..3 - usize::from(levels)])
}

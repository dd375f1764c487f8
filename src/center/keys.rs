//! The key service of the HSM flow (card-facts §4.5), with the demonstration's root keys: for a demo centre only. What it
//! is asked and what it answers is never logged.
//!
//! It answers iReadCardBas: internal authentication, and for a card of 3.0 external authentication by RKSSSE. The strings
//! of the other functions carry nothing that a card's key is diversified by, so nothing here can answer them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cipher::{self, Algorithm, Factors, Key16};

const BUILT_IN: &str = include_str!("../../fixtures/cards/demonstration-keys.toml");

/// How long an answer is at most: it never grows, and leaves nothing behind unwiped.
const LENGTH: usize = 2 * 33;

/// What iReadCardBas_HSM_Step1 gave.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step1 {
    /// `region|historical|algorithm|卡识别码|process|original|process|original|[terminal|]`: for internal, then for external
    /// authentication, the latter empty before 3.0.
    step1: String,
}

/// What iReadCardBas_HSM_Step2 takes.
#[derive(Serialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Step2 {
    /// The proof and the original random of internal authentication, and those of external where they were asked for:
    /// 32 hex digits and a bar each.
    pub(crate) step2: String,
}

/// Why it gives none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKeys {
    /// The string is not of this form.
    #[error("the string is not one of iReadCardBas_HSM_Step1")]
    Form,
    /// SSF33 is computed inside a security module only, and this is none.
    #[error("there are no keys for this algorithm here")]
    Algorithm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    keys: Environments,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Environments {
    #[serde(rename = "3DES")]
    des: Roots,
    #[serde(rename = "SM4")]
    sm4: Roots,
}

/// By role in small letters.
type Roots = BTreeMap<String, Key16>;

/// A pair of randoms.
struct Randoms {
    process: [u8; 8],
    original: [u8; 8],
}

/// What the string says.
struct Asked {
    algorithm: Algorithm,
    factors: Factors,
    internal: Randoms,
    external: Option<Randoms>,
}

impl Step1 {
    #[cfg(test)]
    pub(crate) fn new(step1: String) -> Self {
        Self { step1 }
    }

    /// What a security module would answer.
    pub(crate) fn answer(&self) -> Result<Step2, NoKeys> {
        let asked = parse(&self.step1).ok_or(NoKeys::Form)?;
        // It ships with the program, and a test parses it.
        let File { keys } = toml::from_str(BUILT_IN).map_err(|_| NoKeys::Algorithm)?;
        let roots = match asked.algorithm {
            Algorithm::TripleDes => keys.des,
            Algorithm::Sm4 => keys.sm4,
            Algorithm::Ssf33 => return Err(NoKeys::Algorithm),
        };
        let mut answer = Step2 { step2: String::with_capacity(LENGTH) };
        let parts = [("irk", Some(&asked.internal)), ("rkssse", asked.external.as_ref())];
        for (role, randoms) in parts.into_iter().filter_map(|(role, randoms)| Some((role, randoms?))) {
            let root = roots.get(role).ok_or(NoKeys::Algorithm)?;
            let proof = cipher::diversify_by(asked.algorithm, root, &asked.factors.descending())
                .and_then(|key| cipher::authentication_data(asked.algorithm, &key, randoms.process, randoms.original))
                .map_err(|_| NoKeys::Algorithm)?;
            answer.step2.push_str(&hex::encode_upper(proof));
            answer.step2.push_str(&hex::encode_upper(randoms.original));
            answer.step2.push('|');
        }
        Ok(answer)
    }
}

fn parse(text: &str) -> Option<Asked> {
    let fields: Vec<&str> = text.strip_suffix('|')?.split('|').collect();
    // The terminal's number is there or not.
    let [_region, historical, algorithm, identifier, rest @ ..] = fields.as_slice() else { return None };
    let (&[internal_process, internal_original, external_process, external_original]
    | &[internal_process, internal_original, external_process, external_original, _]) = rest
    else {
        return None;
    };
    let historical: [u8; 13] = bytes(historical)?;
    let identifier: [u8; 16] = bytes(identifier)?;
    let serial: [u8; 8] = historical[5..].try_into().ok()?;
    let randoms =
        |process: &str, original: &str| Some(Randoms { process: bytes(process)?, original: bytes(original)? });
    let external = match (external_process, external_original) {
        ("", "") => None,
        (process, original) => Some(randoms(process, original)?),
    };
    Some(Asked {
        // By number, or as one vendor's driver names them.
        algorithm: match *algorithm {
            "01" | "DES" => Algorithm::TripleDes,
            "02" | "SSF33" => Algorithm::Ssf33,
            "03" | "SM4" => Algorithm::Sm4,
            _ => return None,
        },
        factors: Factors::new([identifier[0], identifier[1], identifier[2]], serial),
        internal: randoms(internal_process, internal_original)?,
        external,
    })
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "440100|86035342440003440130000003|03|440100D15600000530000003FFFFFFFF|";

    fn answer(tail: &str) -> Result<String, NoKeys> {
        Step1::new(format!("{CARD}{tail}")).answer().map(|answer| answer.step2.clone())
    }

    #[test]
    fn each_part_that_is_asked_for_has_a_proof_and_its_original() {
        let both = answer("0102030405060708|1112131415161718|2122232425262728|3132333435363738|").unwrap();
        let parts: Vec<&str> = both.split_terminator('|').collect();
        assert!(parts.len() == 2 && parts.iter().all(|part| part.len() == 32), "{}", parts.len());
        assert!(parts[0].ends_with("1112131415161718") && parts[1].ends_with("3132333435363738"));
        let with_terminal = answer("0102030405060708|1112131415161718|2122232425262728|3132333435363738|440100000001|");
        assert_eq!(with_terminal.unwrap(), both);
        let before_3 = answer("0102030405060708|1112131415161718||||").unwrap();
        assert_eq!(before_3, format!("{}|", parts[0]));
    }

    #[test]
    fn what_is_no_such_string_gets_nothing() {
        for tail in ["", "0102|1112131415161718||||", "0102030405060708|1112131415161718|2122232425262728||", "|||||"] {
            assert_eq!(answer(tail), Err(NoKeys::Form), "{tail}");
        }
        let ssf33 = CARD.replace("|03|", "|02|") + "0102030405060708|1112131415161718||||";
        assert_eq!(Step1::new(ssf33).answer().err(), Some(NoKeys::Algorithm));
    }
}

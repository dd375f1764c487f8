//! `iReadCardBas`: card and holder, proven with the terminal's keys.

use std::sync::Arc;

use super::call::{Carried, Parameters};
use super::reader;
use crate::national;
use crate::terminal::inner::Inner;

pub(super) fn read_card_bas(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let reader = reader::take(inner, parameters.kind()?)?;
    let (reading, terminal) = inner.at_card(&reader.name, |lease, keys| {
        let reading = inner.open_card(lease, &mut *keys, &mut |_| {})?.reading(&mut |_| {})?;
        Ok((reading, keys.terminal_number()?))
    })?;
    Ok(national::basic(&reading, terminal, &inner.parts.config.driver.device)?)
}

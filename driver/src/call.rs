//! One call: from what the program handed in to what it is given.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::code::{CHARACTERS, ILLEGAL_INPUT, LENGTH, PARAMETER, Refused};
use crate::daemon::{self, Answer, Question};
use crate::function::{Function, GREATEST, LONGEST};
use crate::pin::{self, Entered};
use crate::settings::Settings;
use crate::steps::PLACE;

/// A parameter as it came.
pub(crate) enum Given {
    /// An `int`.
    Number(i32),
    /// The bytes of a `char *`; `None` where they were too many.
    Text(Option<Zeroizing<Vec<u8>>>),
    /// A NULL.
    Null,
}

/// What the program is given: the code and the bytes for `pOutInfo`, which has room for them.
pub(crate) struct Result {
    pub(crate) code: i32,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Carries a function out.
pub(crate) fn carry_out(function: &Function, given: Vec<Given>) -> Result {
    let settings = match Settings::of_process() {
        Ok(settings) => settings,
        Err(refused) => return described(&Settings::default(), refused),
    };
    match answered(settings, function, given) {
        Ok(result) => result,
        Err(refused) => described(settings, refused),
    }
}

fn answered(settings: &Settings, function: &Function, given: Vec<Given>) -> std::result::Result<Result, Refused> {
    let mut texts = Vec::with_capacity(given.len());
    for (parameter, given) in function.parameters.iter().zip(given) {
        let name = parameter.name();
        let text = match given {
            Given::Number(number) => Zeroizing::new(number.to_string()),
            Given::Null => return Err(Refused::new(PARAMETER, format!("{name} 为空指针"))),
            Given::Text(None) => return Err(Refused::new(LENGTH, format!("{name} 超过 {LONGEST} 字节"))),
            Given::Text(Some(bytes)) => settings
                .charset
                .decode(&bytes)
                .ok_or_else(|| Refused::new(ILLEGAL_INPUT, format!("{name} 的字符集不对")))?,
        };
        texts.push((name, text));
    }
    let parameters: BTreeMap<_, _> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut answer = asked(settings, function, &parameters, Entered::default(), None)?;
    if let Some(wanted) = answer.ask {
        let entered = pin::ask(settings.pin_program.as_deref(), wanted)?;
        answer = asked(settings, function, &parameters, entered, answer.card.as_deref())?;
    }
    if answer.code != 0 {
        return Ok(described(settings, Refused::new(answer.code, answer.output.as_str())));
    }
    let bytes = settings.charset.encode(&answer.output);
    let bytes = bytes.ok_or_else(|| Refused::new(CHARACTERS, "输出无法用该字符集表示"))?;
    let greatest = greatest(settings, function);
    if bytes.len() >= greatest {
        let text = format!("输出须 {} 字节，超过 {greatest}；见 largest_output", bytes.len() + 1);
        return Err(Refused::new(LENGTH, text));
    }
    Ok(Result { code: 0, bytes })
}

/// What the daemon says; the steps that this process is at go on or end by it.
fn asked(
    settings: &Settings,
    function: &Function,
    parameters: &BTreeMap<&'static str, &str>,
    entered: Entered,
    card: Option<&str>,
) -> std::result::Result<Answer, Refused> {
    let mut steps = PLACE.take();
    let question = Question { parameters, entered, card, session: steps.number() };
    let answer = daemon::ask(&settings.socket, function.name, &question)?;
    steps.go_on(answer.session.clone());
    Ok(answer)
}

/// The most bytes that the function writes, the final NUL included.
fn greatest(settings: &Settings, function: &Function) -> usize {
    if function.as_asked { settings.largest_output } else { GREATEST }
}

/// A failure as the program is told it: as much of its description as there is room for.
pub(crate) fn described(settings: &Settings, refused: Refused) -> Result {
    let mut text = refused.text;
    loop {
        let bytes = settings.charset.encode(&text).unwrap_or_default();
        if bytes.len() < GREATEST {
            return Result { code: refused.code, bytes };
        }
        text.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::FUNCTIONS;

    fn refused(given: Given) -> (i32, String) {
        let function = Function::named("iReadCardBas_HSM_Step2").unwrap();
        let settings = Settings { socket: "/dev/null/nowhere".into(), ..Settings::default() };
        let refused = answered(&settings, function, vec![given]).err().unwrap();
        (refused.code, refused.text)
    }

    #[test]
    fn what_cannot_be_a_parameter_is_told_before_anybody_is_asked() {
        assert_eq!(refused(Given::Null), (-14, "pKey 为空指针".to_owned()));
        assert_eq!(refused(Given::Text(None)).0, -42);
        assert_eq!(refused(Given::Text(Some(Zeroizing::new(vec![0xFF])))).0, -23);
        assert_eq!(refused(Given::Text(Some(Zeroizing::new(b"00|".to_vec())))).0, -12, "asked, and nobody there");
    }

    #[test]
    fn a_description_fits_whatever_it_says() {
        for settings in
            [Settings::default(), Settings { charset: crate::charset::Charset::Utf8, ..Settings::default() }]
        {
            let result = described(&settings, Refused::new(-1, "长".repeat(2000)));
            assert!(result.bytes.len() < GREATEST && result.bytes.len() > GREATEST - 4);
            let text = settings.charset.decode(&result.bytes).expect("it ends with a whole character");
            assert!(text.chars().all(|c| c == '长'));
        }
    }

    #[test]
    fn what_is_as_long_as_asked_has_the_bound_that_is_set() {
        let settings = Settings { largest_output: 20_000, ..Settings::default() };
        let long: Vec<&str> = FUNCTIONS.iter().filter(|f| greatest(&settings, f) == 20_000).map(|f| f.name).collect();
        assert_eq!(long, ["iReadCard", "iReadDebitRecord", "iReadCard_HSM_Step2", "PKI_SignData"]);
        assert!(FUNCTIONS.iter().all(|f| long.contains(&f.name) || greatest(&settings, f) == 1024));
    }
}

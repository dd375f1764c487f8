//! A task as it is asked for over the local interface, and what is given back.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::terminal::driver::Asked;

/// A task and the card that it is for.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CardCall<T> {
    /// What is to be done.
    #[serde(flatten)]
    pub task: T,
    /// The reader; the one holder's reader with a card when left out.
    pub reader: Option<String>,
    /// What was entered since the card asked for it. Needs the permission `pin`.
    pub entered: Option<Typed>,
}

/// What a person entered, and for which card: on no other one it is tried.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CardEntered)]
#[serde(deny_unknown_fields)]
pub struct Typed {
    /// The `card` of what was asked.
    pub card: String,
    /// The PIN; left out where it is typed at the reader's pad.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Secret>,
    /// The new one, where that was asked for.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_pin: Option<Secret>,
}

/// A text that is wiped, and not printed.
pub struct Secret(pub Zeroizing<String>);

/// What a task came to: `done`, or what is to be asked first.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct CardAnswer<T> {
    /// What came of it; left out where something is to be asked first, and nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<T>,
    /// What is to be asked; left out where it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
}

/// What is to be asked of the holder, with no card held; then the same call brings it as `entered`.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CardAsk)]
pub struct Ask {
    /// What.
    pub what: Asked,
    /// Names the card that asks, until it leaves its reader.
    pub card: String,
    /// It is typed at the reader's pad once the call is made again: the holder is to be told, and asked for nothing.
    pub pad: bool,
}

impl<T> CardCall<T> {
    /// The same call of another task.
    pub fn with<U>(self, task: U) -> CardCall<U> {
        CardCall { task, reader: self.reader, entered: self.entered }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The members of the task stand beside the others. What was entered goes by no other value on its way, which nobody would
/// wipe.
impl<'de, T: DeserializeOwned> Deserialize<'de> for CardCall<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Members<T> {
    type Value = CardCall<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut reader, mut entered, mut task) = (None, None, Map::new());
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "reader" => reader = map.next_value()?,
                "entered" => entered = map.next_value()?,
                _ => drop(task.insert(name, map.next_value()?)),
            }
        }
        let task = T::deserialize(Value::Object(task)).map_err(A::Error::custom)?;
        Ok(CardCall { task, reader, entered })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ReadFiles, VerifyPin};
    use super::*;

    fn parse<T: DeserializeOwned>(text: &str) -> Result<CardCall<T>, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_call_has_the_members_of_its_task_and_no_others() {
        let call: CardCall<ReadFiles> =
            parse(r#"{"names":["DF04/EF05/81"],"reader":"R","entered":{"card":"C","pin":"123456"},"unmask":true}"#)
                .unwrap();
        let entered = call.entered.as_ref().unwrap();
        assert_eq!((call.reader.as_deref(), entered.card.as_str()), (Some("R"), "C"));
        assert_eq!(entered.pin.as_ref().unwrap().0.as_str(), "123456");
        assert!(call.task.unmask && call.task.names[0].to_string() == "DF04/EF05/81");
        let again: CardCall<ReadFiles> = parse(&serde_json::to_string(&call).unwrap()).unwrap();
        assert!(again.entered.is_some() && again.task.names == call.task.names);
        let refused = |text: &str| parse::<VerifyPin>(text).err().unwrap_or_default();
        assert!(parse::<VerifyPin>("{}").is_ok());
        assert!(refused(r#"{"pin":"123456"}"#).starts_with("unknown field `pin`"));
        assert!(refused(r#"{"entered":{"pin":"123456"}}"#).starts_with("missing field `card`"));
        assert!(refused("[]").starts_with("invalid type"));
    }

    #[test]
    fn what_was_entered_is_not_printed() {
        let secret = Secret(Zeroizing::new("123456".to_owned()));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}

//! Reading a request: JSON only, bounded, and told where it is wrong without repeating what it says.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use tokio_stream::StreamExt as _;
use zeroize::Zeroizing;

use super::answer::Refusal;
use super::errors;
use super::once::no_repeats;
use crate::failure::Failure;

/// The largest body that is taken.
pub const LARGEST: usize = 256 * 1024;

/// How much of a body that is too large is still read, so that its sender gets to see the answer.
const DISCARDED: usize = 8 * 1024 * 1024;

/// A JSON body.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(Refusal::from(&errors::CONTENT_TYPE));
        }
        let bytes = read(request.into_body()).await?;
        parse(&bytes).map(Self)
    }
}

/// No body, or an empty JSON object.
pub struct NoBody;

/// An object without members.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

impl<S: Sync> FromRequest<S> for NoBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        let json = is_json(request.headers());
        let bytes = read(request.into_body()).await?;
        match (bytes.is_empty(), json) {
            (true, _) => Ok(Self),
            (false, false) => Err(Refusal::from(&errors::CONTENT_TYPE)),
            (false, true) => parse::<Empty>(&bytes).map(|Empty {}| Self),
        }
    }
}

/// A JSON object, or no body at all.
pub struct OrNothing<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for OrNothing<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        let json = is_json(request.headers());
        let bytes = read(request.into_body()).await?;
        match (bytes.is_empty(), json) {
            (true, _) => Ok(Self(None)),
            (false, false) => Err(Refusal::from(&errors::CONTENT_TYPE)),
            (false, true) => parse(&bytes).map(|given| Self(Some(given))),
        }
    }
}

/// Query parameters; an unknown one is an error.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(error) => Err(Refusal(Failure::with(&errors::QUERY, query_error(&error.body_text())))),
        }
    }
}

/// What is wrong with a query, in our own names alone: the text may quote the address elsewhere.
fn query_error(text: &str) -> String {
    let after = |start: &str| text.split_once(start).map(|(_, rest)| rest);
    match (after("duplicate field "), after(", expected ")) {
        (Some(twice), _) => format!("{} is there twice", twice.split_whitespace().next().unwrap_or_default()),
        (None, Some(known)) => format!("an unknown parameter; there are {known}"),
        (None, None) => "a value of the wrong type".to_owned(),
    }
}

/// The `{id}` of a path; empty where it is no text, which names nothing.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let id = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(id.map(|axum::extract::Path(id)| id).unwrap_or_default()))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

async fn read(body: Body) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut stream = body.into_data_stream();
    let mut bytes = Zeroizing::new(Vec::new());
    let mut seen = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Refusal::from(&errors::BODY))?;
        seen += chunk.len();
        match seen {
            0..=LARGEST => bytes.extend_from_slice(&chunk),
            n if n > DISCARDED => break,
            _ => bytes.clear(),
        }
    }
    if seen > LARGEST { Err(Refusal::from(&errors::BODY_SIZE)) } else { Ok(bytes) }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    no_repeats(bytes).and_then(|()| serde_json::from_slice(bytes)).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => data_error(&error.to_string()),
            _ => "not JSON".to_owned(),
        };
        let place = format!("{}:{}: {what}", error.line(), error.column());
        Refusal(Failure::with(&errors::BODY, place))
    })
}

/// What is wrong with well-formed JSON. `serde` quotes values only where a type does not fit, and names fields
/// elsewhere: only the latter is told, since a value may be personal.
fn data_error(text: &str) -> String {
    let told = ["unknown field", "missing field", "duplicate field"].iter().any(|start| text.starts_with(start));
    let known = text.split(" at line ").next().unwrap_or_default();
    match (told, known.split(", expected").next()) {
        (true, Some(short)) => short.chars().take(80).collect(),
        _ => "a value of the wrong type".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Two {
        #[allow(dead_code)]
        name: String,
    }

    fn detail(text: &str) -> String {
        parse::<Two>(text.as_bytes()).unwrap_err().0.detail.unwrap()
    }

    #[test]
    fn mistakes_are_placed_and_values_are_not_repeated() {
        assert!(detail("{").ends_with("not JSON"));
        assert!(detail("{}").contains("missing field `name`"));
        assert!(detail("{\"name\":\"a\",\"b\":1}").contains("unknown field `b`"));
        assert!(detail("{\"name\":\"a\",\n\"name\":\"b\"}").starts_with("2:"));
        assert!(detail("{\"name\":\"a\",\"b\":[{\"c\":1,\"c\":1}]}").ends_with("duplicate field"));
        let wrong = detail("{\n \"name\": 110105194912310021}");
        assert!(wrong.starts_with("2:") && wrong.ends_with("a value of the wrong type"), "{wrong}");
    }

    proptest! {
        #[test]
        fn no_body_panics(bytes: Vec<u8>) {
            let _ = parse::<Value>(&bytes);
            let _ = parse::<Two>(&bytes);
        }
    }
}

//! The door of the national driver interface: a function by its name, its parameters, and what comes back. Nothing of it is
//! logged but who called which function and what it returned.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::access::Caller;
use super::answer::Refusal;
use super::body::{Id, JsonBody};
use super::giving::given_out;
use super::{Doors, on_a_thread};
use crate::national::Code;
use crate::terminal::{Asked, DriverCall};

/// What a function is called with.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DriverParameters {
    /// By their names in C, numbers in digits.
    #[schema(value_type = BTreeMap<String, String>)]
    parameters: BTreeMap<String, Secret>,
    /// The PIN, where `ask` wanted it asked for.
    #[schema(value_type = Option<String>)]
    pin: Option<Secret>,
    /// The new one, where `ask` was `change` or `new`.
    #[schema(value_type = Option<String>)]
    new_pin: Option<Secret>,
    /// The name of the card that they were entered for, as `ask` came with it. The PIN is tried on no other card.
    card: Option<String>,
    /// The number of the steps that the caller is at; any other call than their next step ends them.
    #[schema(value_type = Option<String>)]
    session: Option<Uuid>,
}

/// A text that is wiped.
struct Secret(Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// What a function returned.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DriverResult {
    /// 0, or below it why not: docs/driver.md lists them.
    code: i32,
    /// What it writes to `pOutInfo`.
    #[schema(value_type = String)]
    output: Text,
    /// What the holder is to be asked, with no card held; then the same call brings it.
    #[schema(required)]
    ask: Option<Asked>,
    /// The name of the card that is asked for, until it leaves its reader: the call that brings the PIN brings it as well.
    #[schema(required)]
    card: Option<String>,
    /// The number to go on by, where the card is held for a next step.
    #[schema(required, value_type = Option<String>)]
    session: Option<Uuid>,
}

/// A text that is wiped once it was written.
struct Text(Zeroizing<String>);

impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Who called what and what it returned: noted once the call is over, however it ended. A defect is what the library makes of
/// one, an unknown error.
struct Audit {
    client: String,
    function: &'static str,
    code: Code,
}

impl Audit {
    fn returned(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        let Self { client, function, code } = self;
        tracing::info!(target: "audit", %client, function, %code, "driver");
    }
}

/// Carries out a function of the national driver interface, at the socket and for the users of `[driver]` alone. Personal data
/// comes unmasked, and each call is audited.
#[utoipa::path(
    post,
    path = "/v1/driver/{function}",
    params(("function" = String, Path, description = "Its name, as `iReadCardBas`")),
    request_body = DriverParameters,
    responses((status = 200, description = "What it returned, whatever that is", body = DriverResult))
)]
pub async fn call(
    State(doors): State<Arc<Doors>>,
    Extension(caller): Extension<Caller>,
    Id(function): Id,
    JsonBody(body): JsonBody<DriverParameters>,
) -> Result<Response, Refusal> {
    let parameters = body.parameters.into_iter().map(|(name, Secret(text))| (name, text)).collect();
    let secret = |secret: Option<Secret>| secret.map(|Secret(text)| text);
    let call = DriverCall {
        function,
        parameters,
        pin: secret(body.pin),
        new_pin: secret(body.new_pin),
        card: body.card,
        client: caller.name.clone(),
        session: body.session,
    };
    let mut audit = Audit { client: caller.name, function: call.known(), code: Code::UNKNOWN };
    let answer = on_a_thread(Arc::clone(&doors), move |terminal| {
        let answer = terminal.drive(call);
        audit.returned(answer.code);
        Ok(answer)
    });
    let answer = answer.await?;
    let result = DriverResult {
        code: answer.code.value(),
        output: Text(answer.output),
        ask: answer.ask,
        card: answer.card,
        session: answer.session,
    };
    let response = Json(result).into_response();
    Ok(match answer.receipt {
        Some(receipt) => given_out(response, move || {
            tokio::task::spawn_blocking(move || doors.terminal.driver_told(receipt));
        }),
        None => response,
    })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing::{Event, Metadata, Subscriber, span};

    use super::*;

    /// Keeps the lines of the audit.
    #[derive(Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "audit"
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            struct Line(String);
            impl Visit for Line {
                fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                    self.0 += &format!("{}={value:?} ", field.name());
                }
            }
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn a_call_is_audited_even_when_a_defect_ends_it() {
        let lines = Lines::default();
        let kept = Arc::clone(&lines.0);
        tracing::subscriber::with_default(lines, || {
            let audit = Audit { client: "1001".to_owned(), function: "iVerifyPIN", code: Code::UNKNOWN };
            let call = AssertUnwindSafe(move || {
                let _audit = audit;
                panic!("a defect");
            });
            assert!(catch_unwind(call).is_err());
        });
        let lines = kept.lock().unwrap().join("\n");
        for part in ["client=1001", "iVerifyPIN", "code=-999"] {
            assert!(lines.contains(part), "{part}: {lines}");
        }
    }
}

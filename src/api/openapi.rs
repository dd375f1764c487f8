//! The description of the interface, from the handlers themselves.

use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{Modify, OpenApi, ToSchema};

use super::answer::Body;
use super::{card, driver, events, handlers, paper, reconciliations, shifts};
use crate::card::{Apdus, Authenticated};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "sbkd",
        description = "The local interface of the social security card terminal. Over HTTP every request carries the \
                       token of a registered client; at the Unix socket the peer's user counts, and no token. \
                       `null` stands for what there is not; a member is left out only where it is not required. \
                       Every answer that is not a success is a `Refused`."
    ),
    paths(
        handlers::readers,
        events::events,
        handlers::scenarios,
        handlers::scenario,
        handlers::open_case,
        handlers::case,
        handlers::input,
        handlers::confirm,
        handlers::cancel,
        paper::paper,
        handlers::transactions,
        handlers::centre_refusal,
        handlers::transaction,
        handlers::filed,
        paper::receipt,
        handlers::acknowledge,
        shifts::open,
        shifts::list,
        shifts::show,
        shifts::close,
        reconciliations::run,
        reconciliations::list,
        reconciliations::show,
        reconciliations::repair,
        handlers::policy,
        handlers::reload_policy,
        handlers::health,
        handlers::read_card,
        card::files,
        card::bank,
        card::pin_tries,
        card::verify_pin,
        card::change_pin,
        card::reload_pin,
        card::unblock_pin,
        card::write,
        card::mend,
        card::balance,
        card::pay,
        card::load,
        card::settle,
        driver::call,
        handlers::openapi,
    ),
    components(schemas(Body<'static>)),
    security(("bearer" = []), ()),
    modifiers(&Refusals, &Bearer)
)]
struct Document;

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Any route may be refused, in one form.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let refused = ContentBuilder::new().schema(Some(Ref::from_schema_name("Refused"))).build();
        let refused = ResponseBuilder::new()
            .description("Refused, or it failed: docs/errors.md has every code, docs/api.md their statuses")
            .content("application/json", refused)
            .build();
        let add = |operation: &mut Operation| {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(refused.clone()));
        };
        let items = document.paths.paths.values_mut();
        items.flat_map(|item| item.get.iter_mut().chain(&mut item.post)).for_each(add);
    }
}

/// How a program says who it is over HTTP.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of one of `[[api.client]]`; its permissions count"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// A card that proved itself, and its holder, as [`Reading::to_json`](crate::card::Reading::to_json) writes it:
/// described here alone, never made. Personal members are starred unless `unmask`; the form stays.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct CardReading {
    /// The reader's PC/SC name.
    reader: String,
    /// The answer to reset, hex.
    atr: String,
    /// The specification's version, as on the card.
    version: String,
    /// `3DES`, `SSF33` or `SM4`.
    algorithm: String,
    card: CardFile,
    authenticated: Authenticated,
    holder: CardHolder,
    /// What a person should look at: `birth-date-differs`, `sex-differs` (beside the citizen number), `write-torn`,
    /// `writes-lost`.
    warnings: Vec<String>,
    apdus: Apdus,
    /// From the first command to the holder.
    elapsed_ms: u64,
}

/// EF05.
#[derive(ToSchema)]
#[allow(dead_code)]
struct CardFile {
    /// 卡识别码, hex.
    identifier: String,
    /// 卡号.
    #[schema(required)]
    number: Option<String>,
    /// 行政区划 of the issuer, six digits.
    region: String,
    /// 卡类别, the code on the card.
    #[schema(required)]
    category: Option<String>,
    /// 初始化机构编号.
    #[schema(required)]
    issuer: Option<String>,
    /// 发卡日期.
    #[schema(required, format = Date)]
    issued: Option<String>,
    /// 卡有效期.
    #[schema(required, format = Date)]
    expires: Option<String>,
}

/// EF06.
#[derive(ToSchema)]
#[allow(dead_code)]
struct CardHolder {
    /// 社会保障号码.
    #[schema(required)]
    social_security_number: Option<String>,
    /// 姓名.
    #[schema(required)]
    name: Option<String>,
    /// 性别, the code on the card.
    #[schema(required)]
    sex: Option<String>,
    /// 民族, the code on the card.
    #[schema(required)]
    ethnicity: Option<String>,
    /// 出生地, six digits.
    #[schema(required)]
    birth_place: Option<String>,
    /// 出生日期, `YYYY-MM-DD`.
    #[schema(required)]
    birth_date: Option<String>,
}

/// Files of a card and what was read of them, as [`Files::to_json`](crate::card::Files::to_json) writes it: described here
/// alone, never made. Without `unmask` every value is starred.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct CardFiles {
    /// The reader's PC/SC name.
    reader: String,
    /// 卡识别码, masked.
    identifier: String,
    /// The specification's version, as on the card.
    version: String,
    /// Each file that was asked for.
    files: Vec<NamedFile>,
    proven: Proven,
    apdus: Apdus,
    /// From the first command on.
    elapsed_ms: u64,
}

/// A file: with `items`, `records`, or `size` and `bytes`, by its kind.
#[derive(ToSchema)]
#[allow(dead_code)]
struct NamedFile {
    /// `DF04/EF05`.
    file: String,
    /// Its Chinese name.
    label: String,
    /// Of a linear file.
    items: Option<Vec<NamedItem>>,
    /// Of a fixed or cyclic file, number 1 first.
    records: Option<Vec<NumberedRecord>>,
    /// Of a transparent file, in bytes.
    size: Option<u64>,
    /// Hex; null without `unmask`.
    bytes: Option<String>,
}

/// A record.
#[derive(ToSchema)]
#[allow(dead_code)]
struct NumberedRecord {
    number: u32,
    /// Null for one that was never written.
    #[schema(required)]
    items: Option<Vec<NamedItem>>,
}

/// An item, or a part of one.
#[derive(ToSchema)]
#[allow(dead_code)]
struct NamedItem {
    /// Hex; null in records without tags.
    #[schema(required)]
    tag: Option<String>,
    /// Its Chinese name, where the standard's is known.
    #[schema(required)]
    name: Option<String>,
    /// Text, a number, the parts as a list of items, or null for what the card leaves empty or does not have.
    #[schema(required, value_type = serde_json::Value)]
    value: Option<String>,
    /// True where the tag had another meaning on a 1.0 card.
    #[schema(value_type = bool, required = false)]
    former: Option<bool>,
}

/// What was proven to read files.
#[derive(ToSchema)]
#[allow(dead_code)]
struct Proven {
    /// Keys, by their roles.
    keys: Vec<String>,
    /// The PIN was verified.
    pin: bool,
}

/// The bank's application on a card, as [`BankCard::to_json`](crate::card::bank::BankCard::to_json) writes it: described
/// here alone, never made.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct BankApplication {
    /// Its name (AID), hex.
    application: String,
    /// What it calls itself.
    #[schema(required)]
    label: Option<String>,
    /// The first six and last four digits.
    number: String,
    /// The same for the same card at this terminal, hex.
    #[schema(required)]
    token: Option<String>,
    /// The last month in which it is good, `YYYY-MM`.
    #[schema(required)]
    expires: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::routes::ROUTES;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let document = serde_json::to_value(document()).unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                described.insert((method.clone(), path.clone()));
            }
        }
        let routed: BTreeSet<_> = ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn what_opens_a_case_is_described_whole() {
        let document = serde_json::to_value(document()).unwrap();
        let described = &document["components"]["schemas"]["NewCase"];
        let names: BTreeSet<&str> = described["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let all = ["scenario", "part", "operator", "reader", "input", "undo", "reason", "idempotency"];
        assert_eq!(names, BTreeSet::from(all));
        assert_eq!(described["required"], serde_json::json!(["scenario", "operator"]));
    }
}

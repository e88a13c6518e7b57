//! The operations that the documentation names.

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::{Map, Value, json};

/// An operation as documented.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) method: Method,
    /// With its parameters in braces.
    pub(crate) path: String,
    /// Whether it works without a bearer token.
    pub(crate) open: bool,
    pub(crate) needs_key: bool,
    /// The policy that the handler declares.
    pub(crate) policy: Value,
    /// The parameters of the path.
    pub(crate) path_ids: Vec<String>,
    /// Parameters of the query string that are ids.
    pub(crate) query_ids: Vec<String>,
    pub(crate) query: Vec<String>,
    /// Members of the body that are ids.
    pub(crate) body_ids: Vec<String>,
    /// All members of the body.
    pub(crate) fields: Vec<String>,
    /// Whether it takes a body that the market defines, as opposed to a payment provider.
    pub(crate) takes_body: bool,
    pub(crate) example: Option<Value>,
}

impl Operation {
    pub(crate) fn named(name: &str) -> &'static Self {
        let found = all().iter().find(|operation| operation.name == name);
        found.unwrap_or_else(|| panic!("there is no operation {name}"))
    }

    pub(crate) fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// All ids that it takes outside the path.
    pub(crate) fn other_ids(&self) -> impl Iterator<Item = &String> {
        self.body_ids.iter().chain(&self.query_ids)
    }
}

/// All documented operations.
pub(crate) fn all() -> &'static [Operation] {
    static ALL: LazyLock<Vec<Operation>> = LazyLock::new(documented);
    &ALL
}

fn documented() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&p2p_http::openapi_json()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push(read(&document, path, method, operation));
        }
    }
    assert!(operations.len() > 50);
    operations
}

fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let none = Vec::new();
    let parameters = operation["parameters"].as_array().unwrap_or(&none);
    let of = |place: &str| {
        let there = parameters.iter().filter(|one| one["in"] == place);
        let named = there.map(|one| (one["name"].as_str().unwrap().to_owned(), &one["schema"]));
        named.collect::<Vec<_>>()
    };
    let ids_among = |members: &[(String, &Value)]| {
        let ids = members.iter().filter(|(_, schema)| is_id(document, schema));
        ids.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let names = |members: &[(String, &Value)]| {
        let names = members.iter().map(|(name, _)| name.clone());
        names.collect::<Vec<_>>()
    };
    let content = &operation["requestBody"]["content"]["application/json"];
    let schema = resolve(document, &content["schema"]);
    let empty = Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&empty);
    let fields: Vec<_> = fields.iter().map(|(name, of)| (name.clone(), of)).collect();
    let path_ids = names(&of("path"));
    let written = path.matches('{').count();
    assert_eq!(written, path_ids.len(), "{path}");
    Operation {
        name: operation["operationId"].as_str().unwrap().to_owned(),
        method: method.to_uppercase().parse().unwrap(),
        path: path.to_owned(),
        open: operation["security"] == json!([{}]),
        needs_key: parameters
            .iter()
            .any(|one| one["name"] == "Idempotency-Key" && one["required"] == true),
        policy: operation["x-policy"].clone(),
        path_ids,
        query_ids: ids_among(&of("query")),
        query: names(&of("query")),
        body_ids: ids_among(&fields),
        fields: names(&fields),
        takes_body: schema["additionalProperties"] == false,
        example: content.get("example").cloned(),
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Whether the schema is, or may be, a typed id: their pattern shows it.
fn is_id(document: &Value, schema: &Value) -> bool {
    let schema = resolve(document, schema);
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    let choices = schema["oneOf"].as_array();
    pattern.contains("_[0-7]")
        || choices.is_some_and(|choices| choices.iter().any(|one| is_id(document, one)))
}

//! Examples for bodies and answers that have none of their own, put together from those of their parts.

use serde_json::{Map, Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Components, Content, RefOr};

/// Gives every JSON body and answer of the operation an example.
pub(super) fn add(operation: &mut Operation, components: &Components) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.content
            .values_mut()
            .for_each(|content| fill(content, components));
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response
                .content
                .values_mut()
                .for_each(|content| fill(content, components));
        }
    }
}

fn fill(content: &mut RefOr<Content>, components: &Components) {
    if let RefOr::T(content) = content
        && content.example.is_none()
        && let Some(schema) = &content.schema
    {
        content.example = Some(sample(schema, components));
    }
}

fn sample(schema: &RefOr<Schema>, components: &Components) -> Value {
    match schema {
        RefOr::Ref(reference) => reference
            .ref_location
            .rsplit('/')
            .next()
            .and_then(|name| components.schemas.get(name))
            .map_or(Value::Null, |schema| sample(schema, components)),
        RefOr::T(schema) => of_schema(schema, components),
    }
}

fn of_schema(schema: &Schema, components: &Components) -> Value {
    match schema {
        Schema::Object(object) => of_object(object, components),
        Schema::Array(array) => match &array.items {
            ArrayItems::RefOrSchema(items) => json!([sample(items, components)]),
            ArrayItems::False => json!([]),
        },
        Schema::OneOf(one_of) => one_of
            .items
            .iter()
            .map(|item| sample(item, components))
            .find(|value| !value.is_null())
            .unwrap_or(Value::Null),
        Schema::AllOf(all_of) if all_of.example.is_some() => {
            all_of.example.clone().unwrap_or_default()
        }
        Schema::AllOf(all_of) => {
            let parts = all_of.items.iter().map(|item| sample(item, components));
            let members = parts.filter_map(|part| match part {
                Value::Object(members) => Some(members),
                _ => None,
            });
            Value::Object(members.flatten().collect())
        }
        _ => Value::Null,
    }
}

fn of_object(object: &Object, components: &Components) -> Value {
    if let Some(example) = object.example.as_ref().or_else(|| object.examples.first()) {
        return example.clone();
    }
    let members: Map<_, _> = object
        .properties
        .iter()
        .map(|(name, schema)| (name.clone(), sample(schema, components)))
        .collect();
    if !members.is_empty() {
        return Value::Object(members);
    }
    match &object.schema_type {
        SchemaType::Type(Type::Boolean) => json!(true),
        SchemaType::Type(Type::Integer | Type::Number) => json!(1),
        SchemaType::Type(Type::String) => json!("…"),
        _ => Value::Null,
    }
}

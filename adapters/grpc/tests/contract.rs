//! The contract keeps to its own rules: all is described, and named as buf's STANDARD rules want it.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use p2p_grpc::proto::DESCRIPTORS;
use prost_reflect::{DescriptorPool, FileDescriptor, Kind};

/// The numbers under which `FileDescriptorProto` and its kin keep things: the steps of a path.
const SERVICE: i32 = 6;
const MESSAGE: i32 = 4;
const ENUM: i32 = 5;
const MEMBER: i32 = 2;

fn files() -> Vec<FileDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let files: Vec<_> = pool.files().collect();
    let names: Vec<_> = files.iter().map(FileDescriptor::name).collect();
    assert_eq!(names, ["p2p_exchange.proto", "payment/v1/payment.proto"]);
    files
}

/// What is said in front of each thing in a file, by its path.
fn comments(file: &FileDescriptor) -> BTreeMap<Vec<i32>, String> {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let locations = &info.unwrap().location;
    locations
        .iter()
        .map(|one| (one.path.clone(), one.leading_comments().trim().to_owned()))
        .collect()
}

fn index(position: usize) -> i32 {
    i32::try_from(position).unwrap()
}

#[test]
fn everything_is_described() {
    for file in files() {
        let comments = comments(&file);
        let mut silent = Vec::new();
        let mut look = |path: &[i32], name: &str| {
            let comment = comments.get(path);
            if comment.is_none_or(|text| !text.ends_with(['.', ';'])) {
                silent.push(name.to_owned());
            }
        };
        let proto = file.file_descriptor_proto();
        for (at, service) in proto.service.iter().enumerate() {
            let path = [SERVICE, index(at)];
            look(&path, service.name());
            for (at, method) in service.method.iter().enumerate() {
                look(&[path[0], path[1], MEMBER, index(at)], method.name());
            }
        }
        for (at, message) in proto.message_type.iter().enumerate() {
            let path = [MESSAGE, index(at)];
            look(&path, message.name());
            for (at, field) in message.field.iter().enumerate() {
                let name = format!("{}.{}", message.name(), field.name());
                look(&[path[0], path[1], MEMBER, index(at)], &name);
            }
            assert!(message.nested_type.is_empty() && message.enum_type.is_empty());
        }
        for (at, one) in proto.enum_type.iter().enumerate() {
            let path = [ENUM, index(at)];
            look(&path, one.name());
            for (at, value) in one.value.iter().enumerate() {
                look(&[path[0], path[1], MEMBER, index(at)], value.name());
            }
        }
        assert_eq!(silent, Vec::<String>::new(), "{}", file.name());
    }
}

/// `OfferStatus` as `OFFER_STATUS`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

fn is_snake(name: &str, is_letter: fn(&char) -> bool) -> bool {
    let plain = |one: char| is_letter(&one) || one.is_ascii_digit() || one == '_';
    name.starts_with(|one| is_letter(&one))
        && name.chars().all(plain)
        && !name.contains("__")
        && !name.ends_with('_')
}

fn is_camel(name: &str) -> bool {
    name.starts_with(|one: char| one.is_ascii_uppercase())
        && name.chars().all(|one| one.is_ascii_alphanumeric())
}

#[test]
fn enums_begin_with_nothing_said_and_their_values_with_their_name() {
    for one in files().iter().flat_map(FileDescriptor::enums) {
        let prefix = screaming(one.name());
        assert!(is_camel(one.name()), "{}", one.name());
        let zero = one.get_value(0).unwrap();
        assert_eq!(zero.name(), format!("{prefix}_UNSPECIFIED"));
        for value in one.values() {
            let name = value.name();
            assert!(name.starts_with(&format!("{prefix}_")), "{name}");
            assert!(is_snake(name, char::is_ascii_uppercase), "{name}");
        }
        assert!(one.enum_descriptor_proto().options.is_none());
    }
}

#[test]
fn fields_and_messages_are_named_as_they_should_be() {
    for message in files().iter().flat_map(FileDescriptor::messages) {
        assert!(is_camel(message.name()), "{}", message.name());
        for field in message.fields() {
            assert!(
                is_snake(field.name(), char::is_ascii_lowercase),
                "{}",
                field.name()
            );
        }
    }
}

#[test]
fn each_method_has_messages_of_its_own() {
    let mut used = Vec::new();
    for service in files().iter().flat_map(FileDescriptor::services) {
        assert!(is_camel(service.name()) && service.name().ends_with("Service"));
        for method in service.methods() {
            let (input, output) = (method.input(), method.output());
            assert_eq!(input.name(), format!("{}Request", method.name()));
            assert_eq!(output.name(), format!("{}Response", method.name()));
            assert!(!method.is_client_streaming() && !method.is_server_streaming());
            used.extend([input.full_name().to_owned(), output.full_name().to_owned()]);
        }
    }
    let all = used.len();
    used.sort();
    used.dedup();
    assert_eq!(used.len(), all);
}

#[test]
fn packages_are_where_their_files_are() {
    let packages: Vec<_> = files()
        .iter()
        .map(|file| file.package_name().to_owned())
        .collect();
    // The first one is named so by agreement.
    assert_eq!(packages, ["p2p", "payment.v1"]);
    for file in files() {
        let proto = file.file_descriptor_proto();
        assert_eq!(proto.syntax(), "proto3");
        assert!(proto.dependency.is_empty());
    }
}

#[test]
fn no_amount_is_a_float() {
    for message in files().iter().flat_map(FileDescriptor::messages) {
        for field in message.fields() {
            let kind = field.kind();
            assert!(
                !matches!(kind, Kind::Double | Kind::Float),
                "{}",
                field.full_name()
            );
        }
    }
}

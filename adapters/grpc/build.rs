//! Generates the messages, services and clients of the published contract; no protoc is needed.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

const PROTOS: &str = "../../openapi/proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTOS}");
    let mut compiler = protox::Compiler::new([PROTOS])?;
    compiler
        .include_source_info(true)
        .include_imports(true)
        .open_files(["p2p_exchange.proto", "payment/v1/payment.proto"])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), descriptors)?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

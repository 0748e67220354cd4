//! Compiles `proto/` without protoc, and writes the descriptor set next to the generated code: the
//! guard matrix and the error catalogue read it.

use std::{fs, path::PathBuf};

const FILES: [&str; 16] = [
    "saifu/v1/options.proto",
    "saifu/v1/envelope.proto",
    "saifu/v1/errors.proto",
    "saifu/v1/enrolment.proto",
    "saifu/v1/device.proto",
    "saifu/v1/security.proto",
    "saifu/v1/recovery.proto",
    "saifu/v1/wallet.proto",
    "saifu/v1/top_up.proto",
    "saifu/v1/payment.proto",
    "saifu/v1/pos.proto",
    "saifu/v1/webhook.proto",
    "saifu/v1/settlement.proto",
    "saifu/v1/merchant.proto",
    "saifu/v1/admin.proto",
    "saifu/v1/sandbox.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let out_dir = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for build scripts")?;
    let target = PathBuf::from(out_dir).join("descriptors.bin");
    // As it is, with the options of ours that the parsed one does not know.
    fs::write(target, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

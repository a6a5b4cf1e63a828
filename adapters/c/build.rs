//! Gives the shared library its soname, which changes with `LANEGRAD_ABI`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,liblanegrad.so.1");
    }
}

//! `unsafe` code is in `src/memory.rs` alone. The lint cannot check it, because it also reports `no_mangle`.

#[test]
fn exports_are_safe_code() {
    let source = include_str!("../src/exports.rs");
    let exported = source.matches("pub extern \"C\" fn lanegrad_").count();
    let unmangled = source.lines().filter(|line| *line == "#[unsafe(no_mangle)]").count();
    assert_eq!((unmangled, source.matches("unsafe").count()), (exported, exported));
    assert!(exported > 20);
}

#!/bin/sh
# Builds the library, and installs it with its header and its pkg-config file.
#   PREFIX   where it will be used from (/usr/local)
#   LIBDIR   where libraries are ($PREFIX/lib)
#   DESTDIR  a directory that stands for / while a package is made
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
root=${DESTDIR:-}

cd "$here"
cargo build --release --locked
built=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release

macro() { sed -n "s/^#define LANEGRAD_$1 //p" include/lanegrad.h; }
version=$(macro VERSION_MAJOR).$(macro VERSION_MINOR).$(macro VERSION_PATCH)
soname=liblanegrad.so.$(macro ABI)

mkdir -p "$root$prefix/include" "$root$libdir/pkgconfig"
install -m 644 include/lanegrad.h "$root$prefix/include/lanegrad.h"
install -m 644 "$built/liblanegrad_c.a" "$root$libdir/liblanegrad.a"
install -m 755 "$built/liblanegrad_c.so" "$root$libdir/liblanegrad.so.$version"
ln -sf "liblanegrad.so.$version" "$root$libdir/$soname"
ln -sf "$soname" "$root$libdir/liblanegrad.so"
sed "s|@PREFIX@|$prefix|; s|@LIBDIR@|$libdir|; s|@VERSION@|$version|" lanegrad.pc.in > "$root$libdir/pkgconfig/lanegrad.pc"
echo "installed lanegrad $version in $root$prefix"

#!/bin/bash
# Tests the library as C and Python programs see it: installed, from outside.
#   MNIST   a directory with the four IDX files; a small data set is generated otherwise
#   PYTHON  an interpreter that has numpy (python3)
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
skipped=()

section() { printf '\n== %s\n' "$*"; }
skip() {
    printf 'SKIPPED: %s\n' "$*"
    skipped+=("$*")
}
has() { command -v "$1" > /dev/null; }

section "the package's own tests: header, codes, overlap"
cargo test --release --locked --quiet

section "install"
prefix=$work/usr
PREFIX=/usr LIBDIR=/usr/lib DESTDIR=$work ./install.sh
test "$(readlink "$prefix/lib/liblanegrad.so")" = "liblanegrad.so.$(sed -n 's/^#define LANEGRAD_ABI //p' include/lanegrad.h)"
if has pkg-config; then
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work
    export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
    read -ra flags <<< "$(pkg-config --cflags --libs lanegrad)"
    read -ra static_flags <<< "$(pkg-config --cflags lanegrad) $(pkg-config --static --libs lanegrad)"
else
    skip "pkg-config: not installed"
    flags=(-I"$prefix/include" -L"$prefix/lib" -llanegrad)
    static_flags=("${flags[@]}" -lpthread -ldl -lm)
fi
static_flags=("${static_flags[@]/#-llanegrad/$prefix/lib/liblanegrad.a}")
export LD_LIBRARY_PATH=$prefix/lib

section "soname and symbols"
if has readelf && has nm; then
    library=$prefix/lib/liblanegrad.so
    readelf -d "$library" | grep -F "[$(readlink "$library")]" | grep SONAME
    nm -D --defined-only "$library" | awk '{ print $3 }' | sort > "$work/exported"
    grep -oE '\blanegrad_[a-z_]+\(' include/lanegrad.h | grep -v 'lanegrad_message()' | tr -d '(' | sort -u > "$work/declared"
    diff "$work/declared" "$work/exported"
    echo "$(wc -l < "$work/declared") functions are declared, and nothing else is exported"
else
    skip "soname and symbols: readelf or nm is not installed"
fi

awk '/^```c$/ { code = 1; next } /^```$/ { code = 0 } code' README.md > "$work/first.c"
sources=("$work/first.c" examples/train.c tests/values.c tests/errors.c tests/threads.c)
warnings=(-Wall -Wextra -Wpedantic -Werror -O1 -g)

# compile LANGUAGE SOURCE PROGRAM FLAGS…
compile() {
    local language=$1 source=$2 program=$3
    shift 3
    case $language in
    c) cc -std=c11 -D_POSIX_C_SOURCE=200809L "${warnings[@]}" "$source" -o "$program" "$@" -lm -lpthread ;;
    c++) c++ -std=c++17 "${warnings[@]}" -x c++ "$source" -x none -o "$program" "$@" -lm -lpthread ;;
    esac
}

for language in c c++; do
    if ! { [ $language = c ] && has cc || has c++; }; then skip "$language: no compiler"; continue; fi
    for source in "${sources[@]}"; do
        name=$(basename "$source" .c)
        section "$name as $language"
        compile $language "$source" "$work/$name-$language" "${flags[@]}"
        "$work/$name-$language"
    done
done
test "$("$work/first-c++")" = "11.5 0"

section "train and errors, linked statically"
for name in train errors; do
    source=$(printf '%s\n' "${sources[@]}" | grep "/$name.c")
    compile c "$source" "$work/$name-static" "${static_flags[@]}"
    env -u LD_LIBRARY_PATH "$work/$name-static"
done

section "MNIST"
if [ -n "${MNIST:-}" ]; then time "$work/train-c" "$MNIST"; else skip "MNIST: not set"; fi

section "valgrind"
if has valgrind; then
    for name in first values errors threads train; do
        echo "-- $name"
        LANEGRAD_ISA=avx2 valgrind --quiet --error-exitcode=1 --leak-check=full \
            --errors-for-leak-kinds=definite,indirect,possible "$work/$name-c"
    done
else
    skip "valgrind: not installed"
fi

section "AddressSanitizer and UndefinedBehaviorSanitizer"
if echo 'int main(void) { return 0; }' | cc -fsanitize=address,undefined -x c - -o "$work/probe" 2> /dev/null && "$work/probe"; then
    for source in "${sources[@]}"; do
        name=$(basename "$source" .c)
        compile c "$source" "$work/$name-asan" "${flags[@]}" -fsanitize=address,undefined -fno-sanitize-recover=all
        # The tests ask for more memory than there is; the answer must be NULL, as from malloc itself.
        ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1 "$work/$name-asan"
    done
else
    skip "AddressSanitizer: the compiler does not have it"
fi

section "Python"
if "$python" -c 'import numpy' 2> /dev/null; then
    LANEGRAD=$prefix/lib/liblanegrad.so "$python" examples/layer.py
else
    skip "Python: $python has no numpy"
fi

printf '\n'
for what in "${skipped[@]}"; do printf 'SKIPPED: %s\n' "$what"; done
echo "passed, ${#skipped[@]} sections skipped"

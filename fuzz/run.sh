#!/usr/bin/env bash
# Runs the fuzz targets under AddressSanitizer and prints a table:
#
#   fuzz/run.sh [--jobs N] SECONDS [TARGET…]
#
# SECONDS is for each target; without a TARGET, all are run, one after the other or N at a time. It installs nothing. The exit code
# is 1 if anything was found (what was found is in fuzz/artifacts/TARGET/), and 2 if something needed is missing or does not build.
set -euo pipefail

usage() { sed -nE '2,/^set /{ s/^# ?//p }' "${BASH_SOURCE[0]}" >&2 && exit 2; }
missing() { printf 'missing: %s\n  to install it: %s\n' "$1" "$2" >&2 && exit 2; }

# The targets choose the instruction set, and cargo-fuzz the flags.
unset RUSTFLAGS LANEGRAD_ISA
jobs=1
if [[ ${1:-} == --jobs ]]; then
    [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage
    jobs=$2
    shift 2
fi
[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
seconds=$1
shift
cd "$(dirname "${BASH_SOURCE[0]}")"
export CARGO_TERM_COLOR=never

command -v cargo >/dev/null || missing 'cargo' 'https://rustup.rs'
rustup toolchain list 2>/dev/null | grep -q '^nightly' || missing 'a nightly toolchain' 'rustup toolchain install nightly'
cargo fuzz --version >/dev/null 2>&1 || missing 'cargo-fuzz' 'cargo install cargo-fuzz --locked'

mapfile -t known < <(sed -nE 's/^path = "fuzz_targets\/(.*)\.rs"$/\1/p' Cargo.toml | sort)
targets=("$@")
((${#targets[@]})) || targets=("${known[@]}")
for target in "${targets[@]}"; do
    printf '%s\n' "${known[@]}" | grep -qxF -- "$target" || {
        printf 'no target %s; there are: %s\n' "$target" "${known[*]}" >&2
        exit 2
    }
done

# One build and one target directory for all of them.
build=${CARGO_TARGET_DIR:-$PWD/target}
triple=$(rustc +nightly -vV | sed -n 's/^host: //p')
one=()
((${#targets[@]} > 1)) || one=("${targets[0]}")
cargo +nightly fuzz build --fuzz-dir . --codegen-units 16 --target-dir "$build" "${one[@]}" </dev/null >&2 || {
    echo 'the targets do not build' >&2
    exit 2
}

# The libFuzzer statistic of that name in a log, or the last number behind that word of its status lines.
statistic() { sed -nE "s/^stat::$1: +([0-9]+)$/\1/p" "$2" | tail -n 1; }
status() { grep -oE "\b$1: [0-9]+" "$2" | tail -n 1 | grep -oE '[0-9]+' || true; }

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# Runs one target; leaves its row of the table in `$logs/TARGET.row`, and `$logs/TARGET.found` if there was something.
run() {
    local target=$1 log=$logs/$1 corpora options=() exit_code=0 before findings executions
    mkdir -p "corpus/$target" "artifacts/$target"
    corpora=("corpus/$target")
    [[ ! -d seeds/$target ]] || corpora+=("seeds/$target")
    [[ ! -f dictionaries/$target ]] || options+=("-dict=dictionaries/$target")
    before=$(find "artifacts/$target" -type f | wc -l)
    printf '%s: %d s\n' "$target" "$seconds" >&2
    # No target needs 64 MiB at a time, whatever its input: more is a finding, and so are ten seconds for one input.
    ASAN_OPTIONS=${ASAN_OPTIONS:-}${ASAN_OPTIONS:+:}detect_odr_violation=0 \
        "$build/$triple/release/$target" -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=64 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target/" "${options[@]}" "${corpora[@]}" \
        </dev/null >"$log" 2>&1 || exit_code=$?
    findings=$(($(find "artifacts/$target" -type f | wc -l) - before))
    # An end that left no input behind is a finding too.
    ((findings > 0 || exit_code == 0)) || findings=1
    if ((findings > 0)); then
        touch "$log.found"
        tail -n 60 "$log" >&2
    fi
    # Of a run that was cut short the status lines are all there is.
    executions=$(statistic number_of_executed_units "$log")
    ((${executions:-0} > 0)) || {
        printf '%s executed nothing\n' "$target" >&2
        touch "$log.found"
    }
    printf '%s\n' "$target ${executions:-0} $((${executions:-0} / seconds)) $(status cov "$log") \
$(find "corpus/$target" -type f | wc -l) $findings" >"$log.row"
}

running=0
for target in "${targets[@]}"; do
    if ((running == jobs)); then
        wait -n
        running=$((running - 1))
    fi
    run "$target" &
    running=$((running + 1))
done
wait

format='%-12s %12s %12s %8s %8s %9s\n'
# shellcheck disable=SC2059
printf "$format" target executions 'a second' edges corpus findings
for target in "${targets[@]}"; do
    # A target without a row has not been run to its end.
    read -r -a cells <"$logs/$target.row" || exit 1
    # shellcheck disable=SC2059
    printf "$format" "${cells[@]}"
done
[[ -z $(find "$logs" -name '*.found') ]]

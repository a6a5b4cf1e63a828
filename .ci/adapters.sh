#!/usr/bin/env bash
# Builds and tests the packages in `adapters/`, each of which has a lock file of its own.
#
# A host's crates take minutes to build. So a package is tested if its own files or the library's public API, `src/`, differ from those that
# `.ci/adapters.tested` says were tested, or if CI_ALL is set. After a package has passed, its line there is written anew: commit it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
tested=.ci/adapters.tested
touch "$tested"

# The contents of the files that decide, whatever is built or ignored beside them.
digest() {
    git ls-files --cached --others --exclude-standard -- "$1" src Cargo.toml | sort -u |
        while read -r file; do [[ -f $file ]] && sha256sum "$file"; done | sha256sum | cut -d' ' -f1
}

for package in adapters/*/; do
    package=${package%/}
    now=$(digest "$package")
    if [[ -z ${CI_ALL:-} ]] && grep -qx "$package $now" "$tested"; then
        echo "$package: unchanged since it was tested, and so is src/"
        continue
    fi
    start=$SECONDS
    export CARGO_TARGET_DIR="$target/$package"
    cargo fmt --manifest-path "$package/Cargo.toml" --check
    cargo clippy --quiet --release --locked --manifest-path "$package/Cargo.toml" --all-targets -- -D warnings
    cargo test --quiet --release --locked --manifest-path "$package/Cargo.toml"
    if [[ -x $package/test.sh ]]; then
        "$package/test.sh"
    fi
    { grep -v "^$package " "$tested" || true; echo "$package $now"; } | sort >"$tested.new"
    mv "$tested.new" "$tested"
    echo "$package: tested in $((SECONDS - start)) s"
done

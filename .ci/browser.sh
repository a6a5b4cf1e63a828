#!/usr/bin/env bash
# Opens the report in Chromium, narrow and wide, light and dark, and has it look at itself: bash .ci/browser.sh REPORT.html REPORT.json
#
# What is looked at is in browser.js: no message, no request, no scrolling to the side, every plot with its text alternative, words
# that can be read, and in the tables the numbers of the JSON document. It was seen to fail: without a text alternative, a legend's
# entry, a row or a figure; with a changed number, a hidden plot, a picture or a style sheet from elsewhere, a script that logs or fails,
# grey text, text that is dark in the dark as well, and a table that does not scroll in its own box.
set -euo pipefail
page=$1 numbers=$2
script=$(dirname "${BASH_SOURCE[0]}")/browser.js

if ! command -v chromium >/dev/null; then
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core) >/dev/null 2>&1 || true
fi
if ! command -v chromium >/dev/null; then
    echo "ATTENTION: NO CHROMIUM HERE: the report was not opened in a browser; apt-get install chromium" >&2
    [[ -z ${CI:-} ]] || exit 1
    exit 0
fi

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# The copy has a few lines more at the start of its head, before its own policy forbids scripts.
{
    printf '<meta charset="utf-8"><script id="expected-script">\n'
    cat "$script"
    printf '</script>\n<script id="expected-report" type="application/json">'
    sed 's,</,<\\/,g' "$numbers"
    printf '</script>\n'
} >"$directory/inserted"
sed "/<head>/r $directory/inserted" "$page" >"$directory/page.html"

# A window is at least 500 pixels wide, a frame as narrow as it should be; and it is as light or dark as what it is in.
frames=(400-light 400-dark 1600-light 1600-dark)
{
    printf '<!DOCTYPE html><pre></pre><script>note = lines => document.querySelector("pre").append(lines + "\\n")</script>\n'
    for frame in "${frames[@]}"; do
        printf '<iframe src="page.html#%s" width="%d" height="900" style="border: 0; color-scheme: %s"></iframe>\n' \
            "$frame" "${frame%-*}" "${frame#*-}"
    done
} >"$directory/frames.html"
timeout 120 chromium --headless=new --no-sandbox --disable-gpu --no-first-run --allow-file-access-from-files --user-data-dir="$directory/profile" \
    --window-size=1700,1000 --enable-logging=stderr --timeout=60000 --dump-dom "file://$directory/frames.html" \
    >"$directory/dom" 2>"$directory/log" || { cat "$directory/log" && exit 1; }

grep -oE '[0-9]+-(light|dark) (FAILURE|RESULT): .*' "$directory/dom" | sed 's,</pre>.*,,' || echo "no result"
if grep 'CONSOLE' "$directory/log"; then exit 1; fi
for frame in "${frames[@]}"; do
    grep -qE "$frame RESULT: 0 failures in [1-9][0-9]* plots, [1-9][0-9]* texts, [1-9][0-9]* cells" "$directory/dom"
done

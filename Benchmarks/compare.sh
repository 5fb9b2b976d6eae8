#!/usr/bin/env bash
# Builds the comparison in release and runs it; what follows is handed on: ./compare.sh --quick, ./compare.sh --help.
# Installs the engines' Debian packages where it may; else names them and runs without.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"

missing=()
if command -v dpkg-query >/dev/null; then
    for package in libsqlite3-dev liblmdb-dev libleveldb-dev librocksdb-dev; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
fi
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${missing[@]}"; } >&2 ||
            echo "could not install ${missing[*]}" >&2
    else
        echo "to have every engine take part: apt-get install ${missing[*]}" >&2
    fi
fi

swift build -c release --package-path "$here" --product compare >&2
exec "$here/.build/release/compare" "$@"

#!/usr/bin/env bash
# Sends SIGTERM to a service under a ServiceGroup, with ExitHooks around it and inside it, and compares what ran.
set -euo pipefail
cd "$(dirname "$0")"
swift build --scratch-path ../../.build-service
probe="$(swift build --scratch-path ../../.build-service --show-bin-path)/ServiceProbe"
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT

check() {
    local order="$1" expected="$2" status=0
    mkfifo "$place/out-$order"
    timeout 60 "$probe" "$order" "$place/$order.backstay" >"$place/out-$order" &
    local pid=$!
    local said="" line
    while IFS= read -r line; do
        said+="$line"$'\n'
        # `timeout` hands the signal on.
        if [ "$line" = ready ]; then kill -TERM "$pid"; fi
    done <"$place/out-$order"
    wait "$pid" || status=$?
    if [ "$status" != 0 ] || [ "$said" != "$expected" ]; then
        printf '%s: status %s, said:\n%swhere this was expected, with status 0:\n%s' "$order" "$status" "$said" "$expected"
        exit 1
    fi
    echo "$order: as expected"
}

check hooks-outside $'ready\nservice: shut down gracefully\ngroup: ended\nstore: closed\nhook: normal\n'
check hooks-inside $'ready\nservice: shut down gracefully\nhook: normal\ngroup: ended\nstore: closed\n'

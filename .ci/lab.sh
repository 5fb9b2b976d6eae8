#!/usr/bin/env bash
# A slice of every row of the crash lab. Each has a fixed share of LAB_SECONDS, and plays as many cases as fit in. What was
# played and what this machine cannot play is printed by name. The seed follows from Sources and Tests/Lab, so that each change
# there is played with another, and the same change with the same again. A failure names the command that plays it again.
set -uo pipefail
cd "$(dirname "$0")/.."

trees=$(git rev-parse HEAD:Sources HEAD:Tests/Lab 2>/dev/null || printf '%s' $RANDOM $RANDOM)
tree=$(printf '%s' "$trees" | sha256sum)
seed=${LAB_SEED:-$((16#${tree:0:8}))}
seconds=${LAB_SECONDS:-350}
lab=.build/release/lab
shares=350 # of all rows together
played=()
failed=()
# Not one of CI's minutes: it builds all tests anew.
unplayed=("mutants (builds for minutes: swift run lab mutants)")

row() { # SHARE ROW
    budget=$((seconds * $1 / shares))
    [ "$budget" -ge 5 ] || budget=5
    printf '\n-- %s, %s s\n' "$2" "$budget"
    "$lab" "$2" --seed "$seed" --budget "$budget"
    case $? in
        0) played+=("$2") ;;
        77) unplayed+=("$2 (see there)") ;;
        *) failed+=("$2") ;;
    esac
}

row 35 states
row 35 faults
row 40 rot
row 20 model
row 30 calls
row 25 kills
row 40 blocks
row 25 signals
row 15 hooks
row 20 full
row 10 neighbours
row 5 rivals
# Where .ci/power-machine was run.
row 20 power
row 30 replays

list() { local IFS=,; printf '%s' "${*:-none}" | sed 's/,/, /g'; }
printf '\nlab: seed %s; played: %s; not played here: %s; failed: %s\n' "$seed" \
    "$(list "${played[@]}")" "$(list "${unplayed[@]}")" "$(list "${failed[@]}")"
[ ${#failed[@]} -eq 0 ]

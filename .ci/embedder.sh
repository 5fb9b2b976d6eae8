#!/bin/sh
# A package that embeds Backstay, made from nothing: builds, runs, and brings in nothing else.
#
# What it shows:
#   1. the folder of the checkout may have any name,
#   2. `import Backstay` alone is enough, also under MemberImportVisibility and with warnings as errors,
#   3. with `traits: []` no other package is resolved or fetched,
#   4. what the program stored is there in its next run.
#
# Usage: .ci/embedder.sh [CONFIGURATION]     debug unless said otherwise
set -eu

configuration=${1:-debug}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/backstay-embedder.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "embedder: $1" >&2
    exit 1
}

# The files of the checkout as they are now, without what was built there.
mkdir "$work/some folder"
(cd "$root" && git ls-files -z --cached --others --exclude-standard) > "$work/files"
tar -C "$root" --null -T "$work/files" -cf - | tar -C "$work/some folder" -xf -

mkdir -p "$work/embedder/Sources/embedder"
cat > "$work/embedder/Package.swift" << 'EOF'
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "embedder",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "backstay", path: "../some folder", traits: [])],
    targets: [
        .executableTarget(
            name: "embedder",
            dependencies: [.product(name: "Backstay", package: "backstay")],
            swiftSettings: [
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ])
    ]
)
EOF
cat > "$work/embedder/Sources/embedder/main.swift" << 'EOF'
import Backstay

struct User: Codable {
    var name: String
}

extension StateKey where Value == Int {
    static let launches = StateKey("launches")
}

let path = CommandLine.arguments[1]
let store = try StateStore.open(path)
try store.update(.launches, default: 0) { $0 += 1 }
if try store.get(.launches, default: 0) > 1 {
    let before: Int? = try store.get("user_count")
    guard before == 43, store.recovery.lastEnd.kind == .clean else { fatalError("\(store.recovery)") }
}

try store.set("user_count", 42)
try store.set("cursor", "row-9913", durability: .process)
let n: Int? = try store.get("user_count")
let c = try store.update("user_count", default: 0) { $0 += 1 }
let id = try store.transaction { tx in
    let next = try tx.get("next_id", default: 0)
    try tx.set("next_id", next + 1)
    try tx.remove("draft")
    return next
}.value
try store.remove("cursor")
try store.set("user/\(id)", User(name: "Ada"))
for entry in try store.entries(prefix: "user/") {
    guard try entry.value(as: User.self).name == "Ada" else { fatalError(entry.key) }
}
let view = try store.snapshot()
try store.sync()
try store.checkpoint()
guard c.value == 43, c.receipt.durability == .power, c.receipt.lsn < view.lsn else { fatalError("\(c)") }
guard store.statistics.recordsAtRisk == 0 else { fatalError("\(store.statistics)") }

func code(_ body: () throws(StoreError) -> Void) -> StoreError.Code? {
    do {
        try body()
        return nil
    } catch {
        guard error.outcome == .rejected, !error.message.isEmpty else { fatalError("\(error)") }
        return error.code
    }
}

do {
    _ = try StateStore.open(path)
    fatalError("opened twice")
} catch let e where e.code == .busy {
    print(e.message.isEmpty ? "no message" : "busy")
} catch {
    // Without this last clause, next to a loop in the same function, Swift 6.3 crashes (swiftlang/swift#86924).
    throw error
}
let codes = [
    code { () throws(StoreError) in _ = try store.get("user_count", as: User.self) },
    code { () throws(StoreError) in try store.set("", 1) },
    code { () throws(StoreError) in try store.set("nan", Double.nan) },
]
guard codes == [.typeMismatch, .keyOutOfBounds, .valueOutOfBounds] else { fatalError("\(codes)") }
try store.close()
guard code({ () throws(StoreError) in try store.set("late", 1) }) == .closed else { fatalError("set after close") }
if let n { print(n) }
EOF

cd "$work/embedder"
swift build -c "$configuration" 1>&2
program=$(swift build -c "$configuration" --show-bin-path)/embedder
for run in first second; do
    printed=$("$program" "$work/app.backstay")
    [ "$printed" = "busy
42" ] || fail "the $run run printed '$printed', not busy, 42"
done

[ ! -e Package.resolved ] || fail "packages were resolved: $(cat Package.resolved)"
for folder in .build/checkouts .build/repositories; do
    if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then fail "packages were fetched: $(ls "$folder")"; fi
done
others=$(swift package show-dependencies --format flatlist | grep -vx 'some folder' || true)
[ -z "$others" ] || fail "it depends on: $others"
echo "embedder: printed 42 twice, resolved no package"

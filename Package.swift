// swift-tools-version: 6.2
//
// Backstay: a crash-resilient write-ahead-log state store.
// Which module may import which: docs/architecture.md.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

let cSettings: [CSetting] = [
    .define("_GNU_SOURCE"),
    .treatAllWarnings(as: .error),
]

/// The small programs of Sources/Examples, one executable each.
let examples: [Target] = [
    "example-hook-at-exit", "example-hook-order", "example-hook-arguments", "example-signal-loop",
    "example-scoped-cleanup", "example-application-state", "example-no-handler", "example-all-layers",
].map { name in
    .executableTarget(
        name: name,
        dependencies: ["Backstay", "ExitHooks"],
        path: "Sources/Examples/\(name)",
        // They see what a user of the package sees.
        packageAccess: false,
        swiftSettings: settings
    )
}

let package = Package(
    name: "backstay",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Backstay", targets: ["Backstay"]),
        .library(name: "WriteAheadJournal", targets: ["WriteAheadJournal"]),
        .library(name: "ExitHooks", targets: ["ExitHooks"]),
        .executable(name: "backstay", targets: ["BackstayTool"]),
    ],
    traits: [
        .trait(name: "CommandLine", description: "Builds the `backstay` command; brings in swift-argument-parser."),
        .default(enabledTraits: ["CommandLine"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        // Exit hooks: useful alone.
        .target(name: "CExitHooks", cSettings: cSettings),
        .target(name: "ExitHooks", dependencies: ["CExitHooks"], swiftSettings: settings),

        // The journal: bytes in, LSNs out.
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
        .target(name: "CChecksum", cSettings: cSettings),
        .target(name: "CFileSystem", cSettings: cSettings),
        .target(
            name: "WriteAheadJournal", dependencies: ["CSQLite", "CChecksum", "CFileSystem"], swiftSettings: settings),

        // The store.
        .target(name: "CPrefetch", cSettings: cSettings),
        .target(
            name: "Backstay", dependencies: ["WriteAheadJournal", "ExitHooks", "CPrefetch"], swiftSettings: settings),

        // What `backstay bench` measures.
        .target(
            name: "StoreBenchmarks", dependencies: ["Backstay", "WriteAheadJournal", "CSQLite", "CFaultVFS"],
            swiftSettings: settings),

        // The command, and the lab its `drill` runs.
        .target(name: "CFaultVFS", dependencies: ["CSQLite"], cSettings: cSettings),
        .target(name: "CBlockLog", cSettings: cSettings),
        .target(name: "CTrace", cSettings: cSettings),
        .target(
            name: "CrashLab",
            dependencies: [
                "Backstay", "ExitHooks", "WriteAheadJournal", "CFaultVFS", "CTrace", "CBlockLog", "CSQLite",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "BackstayTool",
            dependencies: [
                "Backstay", "ExitHooks", "WriteAheadJournal", "CrashLab", "StoreBenchmarks",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["CommandLine"])),
            ],
            swiftSettings: settings
        ),

        // The lab's own command; in no product.
        .executableTarget(
            name: "lab",
            dependencies: [
                "CrashLab", "ExitHooks",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["CommandLine"])),
            ],
            path: "Sources/LabTool",
            swiftSettings: settings
        ),

        // What the emulated machines of `lab power` run.
        .executableTarget(
            name: "lab-guest", dependencies: ["CrashLab"], path: "Sources/LabGuest", swiftSettings: settings),

        // Recovery under libFuzzer: .ci/fuzz.
        .executableTarget(
            name: "lab-fuzz", dependencies: ["CrashLab"], path: "Sources/LabFuzz", swiftSettings: settings),

        .executableTarget(
            name: "ExitHooksProbe", dependencies: ["ExitHooks", "CExitHooks"], path: "Tests/ExitHooksProbe",
            swiftSettings: settings),
        .testTarget(
            name: "ExitHooksTests", dependencies: ["ExitHooks", "CExitHooks", "ExitHooksProbe"],
            swiftSettings: settings),
        // What suites share.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "WriteAheadJournalTests", dependencies: ["WriteAheadJournal", "CSQLite", "CFaultVFS", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "BackstayTests", dependencies: ["Backstay", "ExitHooks", "WriteAheadJournal", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "BackstayToolTests", dependencies: ["BackstayTool", "CrashLab", "Backstay"],
            exclude: ["unicode_import.py"], swiftSettings: settings),
        .testTarget(
            name: "CrashLabTests",
            dependencies: ["CrashLab", "BackstayTool", "WriteAheadJournal", "CSQLite", "CFaultVFS"],
            swiftSettings: settings),
        .testTarget(name: "ExamplesTests", swiftSettings: settings),
        .testTarget(name: "PackageTests", dependencies: ["Backstay", "ExitHooks"], swiftSettings: settings),
    ] + examples
)

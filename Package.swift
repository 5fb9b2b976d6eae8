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
        // The platform's C library under one name.
        .target(name: "SystemC", path: "Sources/C/SystemC", swiftSettings: settings),

        // Exit hooks: useful alone.
        .target(name: "CExitHooks", path: "Sources/C/CExitHooks", cSettings: cSettings),
        .target(name: "ExitHooks", dependencies: ["CExitHooks", "SystemC"], swiftSettings: settings),

        // The journal: bytes in, LSNs out.
        .systemLibrary(
            name: "CSQLite", path: "Sources/C/CSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
        .target(name: "CMachine", path: "Sources/C/CMachine", cSettings: cSettings),
        .target(name: "WriteAheadJournal", dependencies: ["CSQLite", "CMachine", "SystemC"], swiftSettings: settings),

        // The store.
        .target(
            name: "Backstay", dependencies: ["WriteAheadJournal", "ExitHooks", "CMachine", "SystemC"],
            swiftSettings: settings),

        // What `backstay bench` measures.
        .target(
            name: "Bench", dependencies: ["Backstay", "WriteAheadJournal", "CSQLite", "CFaultVFS", "SystemC"],
            swiftSettings: settings),

        // What `backstay drill` runs.
        .target(
            name: "CFaultVFS", dependencies: ["CSQLite"], path: "Sources/C/CFaultVFS", cSettings: cSettings),
        .target(
            name: "Drill", dependencies: ["Backstay", "ExitHooks", "WriteAheadJournal", "CFaultVFS", "SystemC"],
            swiftSettings: settings),

        // The command.
        .executableTarget(
            name: "BackstayTool",
            dependencies: [
                "Backstay", "ExitHooks", "WriteAheadJournal", "Drill", "Bench",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["CommandLine"])),
                "SystemC",
            ],
            swiftSettings: settings
        ),

        // The crash lab; in no product.
        .target(name: "CLab", path: "Tests/Lab/CLab", cSettings: cSettings),
        .target(
            name: "CrashLab",
            dependencies: [
                "Drill", "Backstay", "ExitHooks", "WriteAheadJournal", "CFaultVFS", "CLab", "CSQLite", "SystemC",
            ],
            path: "Tests/Lab/CrashLab",
            swiftSettings: settings),

        // The lab's own command.
        .executableTarget(
            name: "lab",
            dependencies: [
                "CrashLab", "Drill", "ExitHooks",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["CommandLine"])),
                "SystemC",
            ],
            path: "Tests/Lab/LabTool",
            swiftSettings: settings
        ),

        // What the emulated machines of `lab power` run.
        .executableTarget(
            name: "lab-guest", dependencies: ["Drill", "SystemC"], path: "Tests/Lab/LabGuest", swiftSettings: settings),

        // Recovery under libFuzzer: .ci/fuzz.
        .executableTarget(
            name: "lab-fuzz", dependencies: ["CrashLab", "SystemC"], path: "Tests/Lab/LabFuzz", swiftSettings: settings),

        .executableTarget(
            name: "ExitHooksProbe", dependencies: ["ExitHooks", "CExitHooks", "SystemC"], path: "Tests/ExitHooksProbe",
            swiftSettings: settings),
        .testTarget(
            name: "ExitHooksTests",
            dependencies: ["ExitHooks", "CExitHooks", "ExitHooksProbe", "TestSupport", "SystemC"],
            swiftSettings: settings),
        // What suites share.
        .target(name: "TestSupport", dependencies: ["SystemC"], path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "WriteAheadJournalTests",
            dependencies: ["WriteAheadJournal", "CMachine", "CSQLite", "CFaultVFS", "TestSupport", "SystemC"],
            swiftSettings: settings),
        .testTarget(
            name: "BackstayTests",
            dependencies: ["Backstay", "ExitHooks", "WriteAheadJournal", "TestSupport", "SystemC"],
            swiftSettings: settings),
        .testTarget(
            name: "BackstayToolTests", dependencies: ["BackstayTool", "Drill", "Backstay", "TestSupport", "SystemC"],
            exclude: ["unicode_import.py"], swiftSettings: settings),
        .testTarget(
            name: "DrillTests",
            dependencies: [
                "Drill", "BackstayTool", "WriteAheadJournal", "CSQLite", "CFaultVFS", "TestSupport", "SystemC",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CrashLabTests",
            dependencies: [
                "CrashLab", "lab", "lab-fuzz", "Drill", "Backstay", "WriteAheadJournal", "CSQLite", "CFaultVFS",
                "TestSupport", "SystemC",
            ],
            swiftSettings: settings),
        // Pages and walls: what docs/ says of the code.
        .testTarget(name: "WallTests", dependencies: ["Drill"], swiftSettings: settings),
        .testTarget(name: "ExamplesTests", dependencies: ["TestSupport", "SystemC"], swiftSettings: settings),
        .testTarget(
            name: "PackageTests", dependencies: ["Backstay", "ExitHooks", "TestSupport", "SystemC"],
            swiftSettings: settings),
    ] + examples
)

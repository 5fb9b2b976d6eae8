// swift-tools-version: 6.2
//
// Everything that measures Backstay, in a package of its own: who depends on Backstay never resolves what it needs.
//
//   ./compare.sh --quick            Backstay beside other engines, at the same guarantee
//   swift package benchmark         microbenchmarks of single calls
//   swift test                      whether the measuring can be believed

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "backstay-benchmarks",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "compare", targets: ["Compare"])
    ],
    dependencies: [
        // Named here because the folder of the checkout may have any name.
        .package(name: "backstay", path: "../", traits: []),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.29.0", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .executableTarget(
            name: "Store",
            dependencies: [
                .product(name: "Backstay", package: "backstay"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/Store",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),

        .executableTarget(
            name: "Counts",
            dependencies: [
                "CPeers",
                .product(name: "Backstay", package: "backstay"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/Counts",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),

        // The C interfaces of LMDB, LevelDB and RocksDB, found when the program runs.
        .target(name: "CPeers", cSettings: [.define("_GNU_SOURCE"), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "Compare",
            dependencies: [
                "CPeers",
                .product(name: "Backstay", package: "backstay"),
                .product(name: "WriteAheadJournal", package: "backstay"),
                .product(name: "ExitHooks", package: "backstay"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "CompareTests", dependencies: ["Compare", "CPeers"], swiftSettings: settings),
    ]
)

// swift-tools-version: 6.2
//
// Microbenchmarks of Backstay, in a package of their own: who depends on Backstay never resolves what they need.
//
//   cd Benchmarks && swift package benchmark

import PackageDescription

let package = Package(
    name: "backstay-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Named here because the folder of the checkout may have any name.
        .package(name: "backstay", path: "../", traits: []),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.29.0", traits: []),
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
        )
    ]
)

// swift-tools-version: 6.2
//
// ExitHooks beside swift-service-lifecycle, in a package of its own: who depends on Backstay never resolves it.
// check.sh builds the probe and judges it.

import PackageDescription

let package = Package(
    name: "service-lifecycle-check",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "backstay", path: "../../", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
    ],
    targets: [
        .executableTarget(
            name: "ServiceProbe",
            dependencies: [
                .product(name: "Backstay", package: "backstay"),
                .product(name: "ExitHooks", package: "backstay"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ])
    ]
)

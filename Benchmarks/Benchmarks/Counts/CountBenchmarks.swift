// What the store does, counted: syncs, writes, bytes. Counts do not drift with what else the machine does, so each has a
// bound (Thresholds/) and a check that fails when one is passed:
//
//   swift package benchmark thresholds check --target Counts
//
// A count that is meant to change is written anew by `thresholds update`, in the commit that changes it.

import Backstay
import Benchmark
import CPeers
import Foundation

// The tool finds a bound again by its plain name only: no other arguments here, no spaces in the names below.
/// Calls of fsync and fdatasync, the store's own and SQLite's.
private let syncs = BenchmarkMetric.custom("syncs")
private let logBytes = BenchmarkMetric.custom("logBytes")
/// What old blocks take that only a snapshot still sees.
private let keptBytes = BenchmarkMetric.custom("keptBytes")
private let memoryBytes = BenchmarkMetric.custom("memoryBytes")

let benchmarks: @Sendable () -> Void = {
    /// - Parameter near: those that may differ a little from run to run, with how much, in per cent.
    func counts(_ exact: [BenchmarkMetric], near: [BenchmarkMetric: Double] = [:]) -> Benchmark.Configuration {
        let strict = exact.map { ($0, BenchmarkThresholds(absolute: [.p90: 0])) }
        let loose = near.map { ($0, BenchmarkThresholds(relative: [.p90: $1])) }
        return .init(
            metrics: exact + near.keys, maxDuration: .seconds(20), maxIterations: 3,
            thresholds: Dictionary(uniqueKeysWithValues: strict + loose))
    }

    let keys = (0..<1_000).map { "k" + String(repeating: "0", count: 11) + String(10_000 + $0).dropFirst() }
    let value = [UInt8](0..<100)

    Benchmark(
        "100-synced-sets",
        configuration: counts([syncs, logBytes], near: [.writeSyscalls: 10, .writeBytesLogical: 10])
    ) { benchmark in
        try await withStore { store in
            // Past the first commits, which make the log's file.
            for key in keys.prefix(20) { try await store.set(key, value) }
            let before = (peers_syncs(), store.statistics.logBytes)
            benchmark.startMeasurement()
            for key in keys.prefix(100) { try await store.set(key, value) }
            benchmark.stopMeasurement()
            benchmark.measurement(syncs, peers_syncs() - before.0)
            benchmark.measurement(logBytes, store.statistics.logBytes - before.1)
        }
    }

    Benchmark("1000-sets-in-one-transaction", configuration: counts([syncs, logBytes])) { benchmark in
        try await withStore { store in
            try await store.set("first", 1)
            let before = (peers_syncs(), store.statistics.logBytes)
            try await store.transaction { tx in for key in keys { try tx.set(key, value) } }
            benchmark.measurement(syncs, peers_syncs() - before.0)
            benchmark.measurement(logBytes, store.statistics.logBytes - before.1)
        }
    }

    Benchmark(
        "1000-sets-beside-a-snapshot-of-100000-keys", configuration: counts([keptBytes])
    ) { benchmark in
        let store = try StateStore.inMemory()
        try await fill(store, 100_000, value)
        let snapshot = try store.snapshot()
        let before = store.statistics.memoryBytes
        try await store.transaction { tx in
            for index in 0..<1_000 { try tx.set("key\(100_000 + index * 97)", value) }
        }
        benchmark.measurement(keptBytes, store.statistics.memoryBytes - before)
        withExtendedLifetime(snapshot) {}
    }

    // The index hashes with random secret words: which of its shards grow is left to chance.
    Benchmark("memory-of-100000-keys", configuration: counts([], near: [memoryBytes: 2])) { benchmark in
        let store = try StateStore.inMemory()
        try await fill(store, 100_000, value)
        benchmark.measurement(memoryBytes, store.statistics.memoryBytes)
    }
}

/// Keys of 9 bytes in ascending order.
private func fill(_ store: StateStore, _ keys: Int, _ value: [UInt8]) async throws {
    for first in stride(from: 0, to: keys, by: 1_000) {
        try await store.transaction { tx in
            for index in first..<first + 1_000 { try tx.set("key\(100_000 + index)", value) }
        }
    }
}

/// A store in a new folder that is gone afterwards.
private func withStore(_ body: (StateStore) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "backstay-counts-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await withStateStore(folder) { store in try await body(store) }
}

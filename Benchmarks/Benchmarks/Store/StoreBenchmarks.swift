// Microbenchmarks: the cost of one call, without the disk where the call itself is meant.
//
// Times drift on a shared machine: compare two commits only in runs that take turns.

import Backstay
import Benchmark

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput], scalingFactor: .kilo, maxDuration: .seconds(3))

    let keys = (0..<1_024).map { "k" + String(repeating: "0", count: 12) + String(1_000 + $0).dropFirst() }
    let value = [UInt8](0..<100)

    Benchmark("get 100 bytes, 1,024 keys") { benchmark in
        let store = try StateStore.inMemory()
        for key in keys { try await store.set(key, value) }
        benchmark.startMeasurement()
        for index in benchmark.scaledIterations {
            blackHole(try store.get(keys[index % 1_024], as: [UInt8].self))
        }
    }

    Benchmark("get Int, 1,024 keys") { benchmark in
        let store = try StateStore.inMemory()
        for (index, key) in keys.enumerated() { try await store.set(key, index) }
        benchmark.startMeasurement()
        for index in benchmark.scaledIterations { blackHole(try store.get(keys[index % 1_024], as: Int.self)) }
    }

    Benchmark("set 100 bytes in a transaction of 1,000, in memory") { benchmark in
        let store = try StateStore.inMemory()
        benchmark.startMeasurement()
        try await store.transaction { tx in
            for index in benchmark.scaledIterations { try tx.set(keys[index % 1_024], value) }
        }
    }

    Benchmark("scan 1,024 entries") { benchmark in
        let store = try StateStore.inMemory()
        for key in keys { try await store.set(key, value) }
        benchmark.startMeasurement()
        for _ in 0..<benchmark.scaledIterations.count / 1_000 {
            for entry in try store.entries() { blackHole(entry.valueSize) }
        }
    }
}

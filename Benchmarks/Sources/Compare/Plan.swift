// How much of everything: the full run, and the one that takes two minutes.

/// Sizes of one run.
struct Plan: Codable, Sendable {
    var isQuick: Bool
    var rounds: Int
    var seed: UInt64

    /// Entries of a fill; keys of the stores that are read.
    var entries: Int
    /// Entries a synced fill writes.
    var entriesSynced: Int
    /// Entries that fit the tail.
    var entriesBurst = 10_000
    /// Synced changes of one caller in a turn.
    var changesSynced: Int
    /// Synced changes before the first round: past the time in which a log's file still grows.
    var changesWarming: Int
    /// Point reads in a turn.
    var reads: Int
    /// A turn of a fill ends after so many seconds.
    var secondsFill: Double
    /// How long one sustained turn lasts.
    var secondsSustained: Double
    /// Keys a sustained turn chooses from.
    var keysSustained: Int
    /// Records of YCSB, and operations in a turn.
    var recordsYCSB: Int
    var operationsYCSB: Int
    var operationsYCSBSynced: Int
    /// Keys a killed process has written.
    var keysRestart: Int
    /// Bytes of keys and values that are ingested.
    var bytesIngest: Int
    var roundsIngest: Int
    /// Powers of ten.
    var decadesGrowth: ClosedRange<Int>
    /// A decade that takes longer ends an engine's growth.
    var secondsGrowth: Double
    var stepsGrowth: Int
    /// Changes of one caller beside others in a turn, synced and not.
    var changesCaller: Int
    var changesCallerUnsynced: Int

    /// The smallest that touches everything: for tests.
    static let tiny = Plan(
        isQuick: true, rounds: 2, seed: 7, entries: 2_000, entriesSynced: 20, entriesBurst: 50, changesSynced: 20,
        changesWarming: 8, reads: 200, secondsFill: 1, secondsSustained: 0.02, keysSustained: 1_000, recordsYCSB: 200,
        operationsYCSB: 40, operationsYCSBSynced: 20, keysRestart: 1_000, bytesIngest: 1 << 20, roundsIngest: 1,
        decadesGrowth: 3...4, secondsGrowth: 10, stepsGrowth: 50, changesCaller: 2, changesCallerUnsynced: 4)

    static func quick(rounds: Int?, seed: UInt64) -> Plan {
        Plan(
            isQuick: true, rounds: rounds ?? 3, seed: seed, entries: 10_000, entriesSynced: 300, changesSynced: 300,
            changesWarming: 1_000, reads: 50_000, secondsFill: 0.3, secondsSustained: 0.5, keysSustained: 200_000,
            recordsYCSB: 10_000, operationsYCSB: 4_000, operationsYCSBSynced: 400, keysRestart: 20_000,
            bytesIngest: 16 << 20, roundsIngest: 1, decadesGrowth: 3...5, secondsGrowth: 3, stepsGrowth: 2_000,
            changesCaller: 20, changesCallerUnsynced: 1_000)
    }

    static func full(rounds: Int?, seed: UInt64) -> Plan {
        Plan(
            isQuick: false, rounds: rounds ?? 5, seed: seed, entries: 1_000_000, entriesSynced: 2_000,
            changesSynced: 1_000, changesWarming: 2_000, reads: 500_000, secondsFill: 5, secondsSustained: 20,
            keysSustained: 2_000_000, recordsYCSB: 100_000, operationsYCSB: 50_000, operationsYCSBSynced: 2_000,
            keysRestart: 1_000_000, bytesIngest: 1 << 30, roundsIngest: 1, decadesGrowth: 3...7, secondsGrowth: 60,
            stepsGrowth: 20_000, changesCaller: 200, changesCallerUnsynced: 10_000)
    }
}

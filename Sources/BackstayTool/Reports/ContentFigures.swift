#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

/// What the entries add up to.
struct ContentFigures {
    var keyBytes = 0
    var keys = 0
    var valueBytes = 0
    var types: [String: (keys: Int, valueBytes: Int)] = [:]

    mutating func add(_ entry: StateStore.Entry) {
        keys += 1
        keyBytes += entry.keyBytes.count
        valueBytes += entry.valueSize
        types[entry.type, default: (0, 0)].keys += 1
        types[entry.type, default: (0, 0)].valueBytes += entry.valueSize
    }
}
#endif

internal import Backstay
internal import Drill
internal import WriteAheadJournal

/// Where the value of a key can be read.
protocol ModelReader {
    func read<Value: Codable>(_ key: String, _ type: Value.Type) throws(StoreError) -> Value?
}

internal import WriteAheadJournal

extension StoreMemory {
    /// A value, decoded from a copy: code of the application never runs under the lock.
    func decode<Value: Codable>(
        _ key: UnsafeRawBufferPointer, _ name: String, _ type: Value.Type
    ) throws(StoreError) -> Value? {
        guard let copy = copyValue(of: key) else { return nil }
        return try copy.bytes.decode(copy.kind, name, type)
    }
}

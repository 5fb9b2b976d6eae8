internal import WriteAheadJournal

/// A set or remove, checked and encoded on the caller's side.
struct EncodedChange {
    private let key: String
    /// Nil removes the key.
    private let kind: ValueKind?
    private let bytes: [UInt8]

    init<Value: Codable>(_ key: String, _ value: Value) throws(StoreError) {
        self.key = key
        try KeyBytes.withChecked(key) { (_) throws(StoreError) in }
        var bytes: [UInt8] = []
        do throws(ValueCodingError) {
            kind = try ValueCodec.encode(value, into: &bytes)
        } catch {
            throw error.storeError(key)
        }
        self.bytes = bytes
    }

    init(removing key: String) throws(StoreError) {
        self.key = key
        try KeyBytes.withChecked(key) { (_) throws(StoreError) in }
        kind = nil
        bytes = []
    }

    /// The bytes its record has, kind included.
    var contentBytes: Int {
        let key = key.utf8.count
        return 1
            + (kind == nil
                ? OperationCodec.removeBytes(key: key) : OperationCodec.setBytes(key: key, value: bytes.count))
    }

    /// Returns nil if the tail is full.
    func publish(_ core: StoreCore, _ durability: Durability) throws(StoreError) -> Published? {
        try KeyBytes.with(key) { (keyBytes) throws(StoreError) in
            guard let kind else { return try core.remove(key: keyBytes, durability) }
            let result = bytes.withUnsafeBytes { value -> Result<Published?, StoreError> in
                do throws(StoreError) {
                    return .success(try core.set(key: keyBytes, kind: kind, value: value, durability))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
    }
}

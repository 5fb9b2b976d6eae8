// Quick changes of the three types that are most often set, and stored as they are.
//
// `set` is generic, and generic code that is not specialised costs several times what the change does. So the public
// wrapper is inlinable and comes down to one of these concrete calls. They hand the value's own bytes to the log and to
// memory. Nothing is copied on the way, and nothing is allocated.

internal import WriteAheadJournal

extension StateStore {
    @usableFromInline
    func setBytes(_ key: String, _ value: [UInt8], _ durability: Durability?) throws(StoreError) -> Receipt {
        guard value.count <= NativeValue.bytesMax else { return try setAny(key, value, durability) }
        return try value.withUnsafeBytes { setStored(key, .bytes, $0, durability) }.get()
    }

    @usableFromInline
    func setString(_ key: String, _ value: String, _ durability: Durability?) throws(StoreError) -> Receipt {
        guard value.utf8.count <= NativeValue.bytesMax else { return try setAny(key, value, durability) }
        var value = value
        return try value.withUTF8 { setStored(key, .string, UnsafeRawBufferPointer($0), durability) }.get()
    }

    @usableFromInline
    func setInt(_ key: String, _ value: Int, _ durability: Durability?) throws(StoreError) -> Receipt {
        try withUnsafeBytes(of: Int64(value).littleEndian) { setStored(key, .int, $0, durability) }.get()
    }

    /// Any type, stored in any way.
    @usableFromInline
    func setAny<Value: Codable>(
        _ key: String, _ value: Value, _ durability: Durability?
    ) throws(StoreError) -> Receipt {
        try submit(EncodedChange(key, value), durability)
    }

    /// A Result, because the closures that hand out a value's bytes cannot carry a typed error.
    private func setStored(
        _ key: String, _ kind: ValueKind, _ value: UnsafeRawBufferPointer, _ durability: Durability?
    ) -> Result<Receipt, StoreError> {
        let level = durability ?? core.options.durability
        var key = key
        return key.withUTF8 { utf8 in
            let key = UnsafeRawBufferPointer(utf8)
            do throws(StoreError) {
                try KeyBytes.check(key)
                let bytes = 1 + OperationCodec.setBytes(key: key.count, value: value.count)
                return .success(
                    try submit(contentBytes: bytes, level) { () throws(StoreError) in
                        try core.set(key: key, kind: kind, value: value, level)
                    })
            } catch {
                return .failure(error)
            }
        }
    }
}

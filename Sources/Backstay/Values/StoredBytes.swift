internal import WriteAheadJournal

/// Stored bytes and their kind, to decode.
struct StoredBytes {
    let bytes: UnsafeRawBufferPointer
    let kind: UInt8

    init(_ bytes: UnsafeRawBufferPointer, _ kind: UInt8) {
        self.bytes = bytes
        self.kind = kind
    }

    func decode<Value: Codable>(_ name: @autoclosure () -> String, _ type: Value.Type) -> Result<Value, StoreError> {
        guard let kind = ValueKind(rawValue: kind) else {
            return .failure(StoreError(.damaged, "key \"\(name())\": value kind \(kind) is not known"))
        }
        do throws(ValueCodingError) {
            return .success(try ValueCodec.decode(type, kind: kind, bytes: bytes))
        } catch {
            return .failure(error.storeError(name()))
        }
    }
}

extension [UInt8] {
    func decode<Value: Codable>(_ kind: UInt8, _ name: String, _ type: Value.Type) throws(StoreError) -> Value {
        let result = withUnsafeBytes { StoredBytes($0, kind).decode(name, type) }
        return try result.get()
    }
}

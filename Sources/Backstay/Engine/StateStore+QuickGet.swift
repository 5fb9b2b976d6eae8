// Quick reads of the five types that are stored as they are.
//
// `get` is generic, and generic code that is not specialised costs several times what the lookup does. So the public
// wrapper is inlinable and comes down to one of these concrete calls. They decode under the lock: a copy of a few
// bytes, no code of the application.

internal import WriteAheadJournal

extension StateStore {
    /// What a quick read found.
    @usableFromInline
    @frozen
    enum Lookup<Value> {
        case absent
        case found(Value)
        /// Stored as another kind, large, or not what its kind allows (NativeValue.swift): the general way decides.
        case other
    }

    /// Values of more bytes are copied without holding the lock.
    private static let quickBytesMax = 4_096

    @inline(__always)
    private func lookUp<Value>(
        _ key: String, _ wanted: ValueKind, _ decode: (UnsafeRawBufferPointer) -> Value?
    ) throws(StoreError) -> Lookup<Value> {
        try core.check()
        let wanted = wanted.rawValue
        // Only a string bridged from Objective-C has no contiguous UTF-8. The string is not copied, so its references
        // are not counted.
        return key.utf8.withContiguousStorageIfAvailable { utf8 -> Lookup<Value> in
            guard utf8.count >= 1 && utf8.count <= KeyBytes.lengthMax else { return .other }
            return core.memory.index.withValue(of: UnsafeRawBufferPointer(utf8)) { kind, bytes in
                guard kind == wanted, bytes.count <= Self.quickBytesMax, let value = decode(bytes) else {
                    return .other
                }
                return .found(value)
            } ?? .absent
        } ?? .other
    }

    @usableFromInline
    func lookUpBytes(_ key: String) throws(StoreError) -> Lookup<[UInt8]> {
        try lookUp(key, .bytes) { [UInt8]($0) }
    }

    @usableFromInline
    func lookUpString(_ key: String) throws(StoreError) -> Lookup<String> {
        try lookUp(key, .string) { bytes in
            // Bytes that are not UTF-8 are decoded as something else, which the comparison tells. It costs a tenth of
            // what String(validating:) does.
            var string = String(decoding: bytes, as: UTF8.self)
            let isSame = string.withUTF8 { orderedTreeCompare(UnsafeRawBufferPointer($0), bytes) == 0 }
            return isSame ? string : nil
        }
    }

    @usableFromInline
    func lookUpInt(_ key: String) throws(StoreError) -> Lookup<Int> {
        try lookUp(key, .int) { Self.word($0).map { Int(truncatingIfNeeded: $0) } }
    }

    @usableFromInline
    func lookUpDouble(_ key: String) throws(StoreError) -> Lookup<Double> {
        try lookUp(key, .double) { bytes in
            guard let word = Self.word(bytes) else { return nil }
            let value = Double(bitPattern: word)
            return value.isFinite ? value : nil
        }
    }

    @usableFromInline
    func lookUpBool(_ key: String) throws(StoreError) -> Lookup<Bool> {
        try lookUp(key, .bool) { $0.count == 1 && $0[0] <= 1 ? $0[0] == 1 : nil }
    }

    /// The eight bytes of a stored number.
    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        bytes.count == 8 ? UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) : nil
    }

    /// Any type, stored in any way.
    @usableFromInline
    func lookUpAny<Value: Codable>(_ key: String, _ type: Value.Type) throws(StoreError) -> Value? {
        try core.check()
        return try KeyBytes.withChecked(key) { (bytes) throws(StoreError) in
            try core.memory.decode(bytes, key, type)
        }
    }
}

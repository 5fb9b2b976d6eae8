// Keys on their way in: UTF-8 bytes, 1 to 4,096 of them. No Swift String is ever the lookup key. Swift calls strings
// equal that are different rows in SQLite ("é" composed and decomposed).

internal import WriteAheadJournal

enum KeyBytes {
    static let lengthMax = OperationCodec.keyBytesMax

    @inline(__always)
    static func with<R, E: Error>(
        _ key: String, _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        var key = key
        // The closure of withUTF8 cannot carry a typed error, so the result travels beside it.
        let result = key.withUTF8 { utf8 -> Result<R, E> in
            do throws(E) { return .success(try body(UnsafeRawBufferPointer(utf8))) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The bytes, checked.
    @inline(__always)
    static func withChecked<R>(
        _ key: String, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        try with(key) { (bytes) throws(StoreError) in
            try check(bytes)
            return try body(bytes)
        }
    }

    static func check(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        guard bytes.count >= 1 && bytes.count <= lengthMax else {
            throw StoreError(
                .keyOutOfBounds,
                bytes.isEmpty
                    ? "a key may not be empty" : "a key may have \(lengthMax) bytes of UTF-8, not \(bytes.count)")
        }
    }
}

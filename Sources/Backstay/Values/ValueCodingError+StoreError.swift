internal import WriteAheadJournal

extension ValueCodingError {
    /// The same, for the caller of a store: with the key.
    func storeError(_ key: String) -> StoreError {
        let code: StoreError.Code =
            switch kind {
            case .typeMismatch: .typeMismatch
            case .valueOutOfBounds: .valueOutOfBounds
            case .malformed: .damaged
            }
        return StoreError(code, "key \"\(key)\": \(message)")
    }
}

// Why a value could not be stored, read as the type asked for, or taken from JSON text.
//
// The error speaks of the value only. The caller, who knows the key or the line, adds it. It does not quote the value,
// which may be a secret or 512 MiB long. What a coder has to say of types and members is passed on, cut to a bounded
// length.

/// A value that does not fit: the type asked for, the bounds, or the format.
package struct ValueCodingError: Error, Equatable {
    package enum Kind: Sendable {
        /// The stored value does not decode as the type asked for, or a JSON value is not of the type named beside it.
        case typeMismatch
        /// A value that can't be stored: NaN, an infinity, longer than 512 MiB, or one whose own coding failed.
        case valueOutOfBounds
        /// Bytes that are not what their kind says, or text that is not JSON.
        case malformed
    }

    package var kind: Kind
    /// What is wrong, in words that can follow a key or a line number.
    package var message: String
    /// Byte offset in the value or text at which it goes wrong, if one can be named.
    package var position: Int?

    package init(_ kind: Kind, _ message: String, at position: Int? = nil) {
        self.kind = kind
        self.message = message
        self.position = position
    }
}

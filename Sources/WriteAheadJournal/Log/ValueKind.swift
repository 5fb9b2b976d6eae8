// The kinds of a stored value.
//
// A value in a record is one of these bytes and the value's own bytes. The raw values are on disk and stay;
// the names are in state.db's `type` column and in export lines, and stay as well.

/// What the bytes of a stored value mean.
package enum ValueKind: UInt8, Sendable, CaseIterable {
    /// 8 bytes, little-endian `Int64`.
    case int = 1
    /// 8 bytes, little-endian `UInt64`, only for values above `Int64.max`.
    case uint = 2
    /// 8 bytes, little-endian bit pattern of a finite `Double`.
    case double = 3
    /// 1 byte: 0 or 1.
    case bool = 4
    /// UTF-8.
    case string = 5
    /// Bytes as they are.
    case bytes = 6
    /// 8 bytes, little-endian bit pattern of a finite `Double`: seconds since 2001-01-01 00:00:00 UTC.
    case date = 7
    /// The 16 bytes of a UUID, in the order in which they are written.
    case uuid = 8
    /// JSON text, UTF-8, no whitespace outside strings.
    case json = 9

    /// The name users see, and the one in the `type` column.
    package var name: String {
        switch self {
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .bool: "bool"
        case .string: "string"
        case .bytes: "bytes"
        case .date: "date"
        case .uuid: "uuid"
        case .json: "json"
        }
    }
}

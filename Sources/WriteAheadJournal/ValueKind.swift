/// How a stored value is coded. On disk; the numbers stay. The bytes of each kind: docs/format.md.
package enum ValueKind: UInt8, Sendable, CaseIterable {
    case int = 1
    case uint = 2
    case double = 3
    case bool = 4
    case string = 5
    case bytes = 6
    case date = 7
    case uuid = 8
    case json = 9

    /// The word in the column `type` of the table `state`.
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

    /// The kind of that name.
    package init?(name: String) {
        guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }
}

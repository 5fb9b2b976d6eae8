// The values that changes set.

package enum ChangeValue: Hashable, Sendable {
    case int(Int)
    case text(String)

    /// One word, the same for equal values only.
    package var word: String {
        switch self {
        case .int(let number): "int:\(number)"
        case .text(let text): "text:\(text)"
        }
    }
}

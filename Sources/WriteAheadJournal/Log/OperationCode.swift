/// What an operation does. On disk; the numbers stay.
package enum OperationCode: UInt8, Sendable {
    case set = 1
    case remove = 2
}

// What the oracle says.

package struct Verdict: Sendable {
    package enum Finding: Hashable, Sendable, CustomStringConvertible {
        /// Acknowledged at a level that survives, and not there.
        case missing(Change)
        /// There with another value than it was set to.
        case wrongValue(Change)
        /// Nobody submitted it.
        case foreign(key: String)
        /// Not there, though a later change of the same writer is.
        case gap(Change)
        /// Acknowledged and not there, though a change with a higher LSN is.
        case hole(Change)
        /// Refused, and there.
        case risen(Change)

        package var description: String {
            switch self {
            case .missing(let change): "\(change) was acknowledged and is missing"
            case .wrongValue(let change): "\(change) has another value than it was set to"
            case .foreign(let key): "\(key) is there, and nobody submitted it"
            case .gap(let change): "\(change) is missing, though a later change of its writer is there"
            case .hole(let change): "\(change) is missing, though a change with a higher LSN is there"
            case .risen(let change): "\(change) was refused and is there"
            }
        }
    }

    /// Acknowledged changes, whatever their level.
    package var acknowledged: Int
    /// Changes found.
    package var recovered: Int
    /// Acknowledged at a level that survives, and missing or altered.
    package var lost: Int
    package var findings: [Finding]

    package init(acknowledged: Int = 0, recovered: Int = 0, lost: Int = 0, findings: [Finding] = []) {
        self.acknowledged = acknowledged
        self.recovered = recovered
        self.lost = lost
        self.findings = findings
    }
}

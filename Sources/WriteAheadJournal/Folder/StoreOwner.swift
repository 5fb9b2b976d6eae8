/// Who holds a store, as its file `lock` names the owner.
public struct StoreOwner: Sendable, Hashable, CustomStringConvertible {
    /// The process.
    public var pid: Int32
    /// The machine it runs on, by name.
    public var host: String
    /// When it took the store: microseconds since 1970.
    public var since: Int64

    /// "process 123 on host, for 5 s".
    public var description: String {
        "process \(pid) on \(host), \(ageText)"
    }

    /// "for 5 s". The text in the lock may be anything: an impossible time counts as now.
    var ageText: String {
        let age = Clock.wallMicroseconds().subtractingReportingOverflow(since)
        return "for \(age.overflow ? 0 : max(0, age.partialValue / 1_000_000)) s"
    }
}

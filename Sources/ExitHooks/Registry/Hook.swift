/// One registered hook.
struct Hook: Sendable {
    let id: UInt64
    let name: String
    /// Nanoseconds.
    let budget: UInt64
    /// The scope it belongs to, nil for the process.
    let scope: UInt64?
    let isFinalizer: Bool
    let body: @Sendable (ExitHooks.Reason) throws -> Void
}

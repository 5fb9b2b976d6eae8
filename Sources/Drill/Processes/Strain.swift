// The loads under which a child of the drill can be when it ends.

/// What the writers and their store are like.
package enum Strain: String, CaseIterable, Sendable {
    /// The defaults; changes ask for either level in turn.
    case mixed
    /// Every change asks for `.process`.
    case process
    /// The least tail, and large transactions among the changes: some fill half of it, some do not fit.
    case wrapping
    /// Every change asks for `.process`, and nothing is committed for its age.
    case lagging
    /// Both.
    case laggingAndWrapping
    /// Every change asks for `.process`; the process has forked a child that outlives it.
    case forking

    var asksForProcess: Bool { self != .mixed && self != .wrapping }
    var isBulky: Bool { self == .wrapping || self == .laggingAndWrapping }
    var lags: Bool { self == .lagging || self == .laggingAndWrapping }
}

internal import WriteAheadJournal

/// What is done to it.
package enum RivalBlow: String, CaseIterable, Sendable {
    case kill = "`kill -9`"
    case power = "power loss"
    case torn = "power loss, unsynced sectors in any order"
    case bitAfterKill = "`kill -9`, then a bit flips"
    case bitAfterClose = "closed, then a bit flips"

    var cutsPower: Bool { self == .power || self == .torn }
    var flips: Bool { self == .bitAfterKill || self == .bitAfterClose }

    /// Whether an acknowledged change may be gone afterwards, by what this rival promises.
    func mayTake(from rival: Rival) -> Bool { rival == .backstayProcess && cutsPower }
}

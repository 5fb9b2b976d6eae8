// The stores that cases begin with, made once: one that was closed, and one whose owner was killed with records in the tail
// alone. With each goes what was asked of it and answered.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

struct FaultTemplates {
    private let place: String
    private let ledgerOfNothing: FaultLedger
    private var ledgers: [FaultWorkload.Before: FaultLedger] = [:]

    /// - Parameter place: a folder of the caller's; its path has no links.
    init(in place: String, seed: UInt64) throws {
        self.place = place
        ledgerOfNothing = FaultLedger(seed: seed)
        let folder = place + "/making"
        try ScratchFiles.make(folder: folder)
        let maker = FaultSubject(
            folder: folder, options: FaultSubject.options(vfs: nil), seed: seed, fault: nil, ledger: ledgerOfNothing)
        for step: FaultStep in [.open, .power, .transaction, .power, .close] { maker.take(step) }
        let store = folder + "/" + FaultSubject.name
        try FaultFiles.copyStore(store, to: path(.closed))
        ledgers[.closed] = maker.ledger

        maker.ledger.beginWriter()
        for step: FaultStep in [.open, .power, .checkpoint, .transaction, .process, .process, .process] {
            maker.take(step)
        }
        try FaultFiles.copyStore(store, to: path(.killed))
        ledgers[.killed] = maker.ledger
        maker.take(.close)
        guard maker.problems.isEmpty else {
            throw Trouble(description: "templates: \(maker.problems.joined(separator: "; "))")
        }
        Files.removeFolder(store)
        Files.removeFolder(folder)
    }

    private func path(_ before: FaultWorkload.Before) -> String { "\(place)/\(before)" }

    /// Copies what is there before to `store`, and to `disk`, which has all of it.
    ///
    /// - Returns: its ledger, ready for another run.
    func copy(_ before: FaultWorkload.Before, to store: String, disk: String) throws -> FaultLedger {
        guard before != .nothing else {
            try ScratchFiles.make(folder: disk)
            return ledgerOfNothing
        }
        for copy in [store, disk] { try FaultFiles.copyStore(path(before), to: copy) }
        var ledger = ledgers[before] ?? ledgerOfNothing
        ledger.beginWriter()
        return ledger
    }
}

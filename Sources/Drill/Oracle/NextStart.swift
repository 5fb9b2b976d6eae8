// The next start: somebody opens the store and tells what is there; and the oracle's word on that after a power cut.

internal import Backstay
package import WriteAheadJournal
internal import SystemC

package enum NextStart {
    package enum Finding: Sendable {
        /// The store's rows; and what its report has that is not true.
        case rows([String: String], reported: [String])
        /// The file system cannot be mounted: nothing is said about the store.
        case unmountable(String)
        /// The store could not be opened, or not be read to its end.
        case unopened(String)
        /// Nothing was said at all: the machine it ran on hangs, or was too slow.
        case silent
        /// It said something, and then nothing more.
        case hung
    }

    private static let silentEnd = "the next start ended by"

    /// What a report says of files that nothing has altered must be nothing, but for this: a torn frame of SQLite's WAL of
    /// which a single byte is old looks as if that byte had altered (docs/failure-model.md).
    package static func untrue(_ damage: [String]) -> [String] {
        damage.filter { !$0.contains(": repaired; ") }.map { "reported as damage: \($0)" }
    }

    /// Has a process open the store. Its last words go to the file `errors`.
    ///
    /// - Parameter boot: what it is to take for the machine's boot; empty for the kernel's own.
    package static func read(store: String, executable: String, errors: String, boot: String = "") throws -> Finding {
        var role = ChildRole()
        role.store = store
        role.boot = boot
        truncate(errors, 0)
        let child = try ChildProcess(executable: executable, arguments: role.arguments, errors: errors)
        switch hear(child, patience: ChildProcess.silenceMax, isAfterPowerCut: !boot.isEmpty) {
        case .silent, .hung: return .unopened("the next start said nothing for a long time")
        case .unopened(let reason):
            // What it told before it ended says more than what the compiler's runtime wrote about its end.
            let isTold = !reason.hasPrefix(silentEnd)
            return .unopened(isTold ? reason : "\(reason): \((Files.text(at: errors) ?? "").suffix(200))")
        case let finding: return finding
        }
    }

    /// What a process that reads a store says, to its end.
    ///
    /// - Parameter isAfterPowerCut: the last run ended with the machine, or before in order.
    package static func hear(_ child: ChildProcess, patience: UInt64, isAfterPowerCut: Bool = false) -> Finding {
        var rows: [String: String] = [:]
        var damage: [String] = []
        var ended = ""
        var troubles: [String] = []
        var isDone = false
        var hasBegun = false
        let why = child.hear(patience: patience) { messages in
            for message in messages {
                hasBegun = true
                switch message {
                case .row(let key, let word): rows[key] = word
                case .done(let count): isDone = count == rows.count
                case .trouble(let text): troubles.append(text)
                case .damage(let text): damage.append(text)
                case .ended(let kind, _, let text):
                    let isTrue = ["machineDown", "clean", "none"].contains(kind)
                    if isAfterPowerCut && !isTrue { ended = "the last run is said to have ended so: \(text)" }
                default: break
                }
            }
            return true
        }
        if why == .silence {
            return hasBegun ? .hung : .silent
        }
        let end = child.reap()
        guard isDone, troubles.isEmpty, end == .exited(0) else {
            return .unopened((troubles + ["\(silentEnd) \(end)"]).joined(separator: "; "))
        }
        return .rows(rows, reported: untrue(damage) + (ended.isEmpty ? [] : [ended]))
    }

    /// In this process: what is there after the death of the owner, which may have been a moment ago, with its locks on
    /// their way out.
    package static func rows(_ store: String) throws(StoreError) -> (rows: [String: String], reported: [String]) {
        var options = StoreOptions()
        options.closesAtExit = false
        options.tailBytes = Writers.leastTail
        options.lockPatience = 5_000_000_000
        let open = try StateStore.open(store, options: options)
        let rows = try open.rows()
        let reported = untrue(open.recovery.damage)
        try open.close()
        return (rows, reported)
    }
}

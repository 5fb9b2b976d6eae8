import Testing
@testable import WriteAheadJournal

import SystemC

/// Files taken away under a store that has them open.
@Suite struct FileWatchTests {
    /// Each is done at once after a commit, and once more after the folder's time has settled.
    @Test(
        arguments: ["rm F", "mv F F.away", "cp F F.new && mv F.new F", "ln F F.link"], ["journal.db", "journal.db-wal"])
    func commitToAFileThatWasTakenAwayIsNotAcknowledged(what: String, file: String) throws {
        for pause: UInt32 in [0, 120_000] {
            let folder = try TemporaryFolder()
            let journal = try Journal(folder("s")) { _, _ in }
            try journal.append([1])
            usleep(pause)
            try journal.append([2])
            let command = what.split(separator: " ").map { word in
                word.hasPrefix("F") ? "'\(folder("s"))/\(file)\(word.dropFirst())'" : String(word)
            }
            #expect(system(command.joined(separator: " ")) == 0)
            let error = failure { try journal.append([3]) }
            #expect(error?.code == .ioError && error?.outcome == .unknown, "\(what) \(file), after \(pause) µs")
            #expect(failure { try journal.append([4]) }?.code == .poisoned)
            try? journal.close()
        }
    }

    @Test func filesThatStayAreNoReasonToStop() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder("s")) { _, _ in }
        for number in 0..<600 {
            try journal.append([UInt8(truncatingIfNeeded: number)])
            if number % 100 == 0 { #expect(system("touch '\(folder("s"))/note-\(number)'") == 0) }
        }
        try journal.close()
    }
}

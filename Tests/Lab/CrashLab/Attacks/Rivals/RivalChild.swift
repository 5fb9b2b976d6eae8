// The child of a case: opens a rival, makes changes one after the other, says which were answered, and is killed, or
// closes when it is told to.
//
// Its arguments: rival, folder, shadow ("-" for none), whether the power cut tears, seed, changes, whether it closes.

internal import CFaultVFS
internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct RivalChild {
    static let firstArgument = "--rival-child"

    var rival: Rival
    var folder: String
    /// What would be on the disk after a power cut; nil where the power stays.
    var shadow: String?
    var tears = false
    var seed: UInt64
    var changes: Int
    var closes = false

    var arguments: [String] {
        [
            Self.firstArgument, rival.rawValue, folder, shadow ?? "-", "\(tears)", "\(seed)", "\(changes)", "\(closes)",
        ]
    }

    init(rival: Rival, folder: String, seed: UInt64, changes: Int) {
        (self.rival, self.folder, self.seed, self.changes) = (rival, folder, seed, changes)
    }

    /// Nil where the words are none of ours.
    init?(arguments: [String]) {
        guard arguments.count == 8, arguments[0] == Self.firstArgument, let rival = Rival(rawValue: arguments[1]),
            let tears = Bool(arguments[4]), let seed = UInt64(arguments[5]), let changes = Int(arguments[6]),
            let closes = Bool(arguments[7])
        else { return nil }
        self.init(rival: rival, folder: arguments[2], seed: seed, changes: changes)
        shadow = arguments[3] == "-" ? nil : arguments[3]
        self.tears = tears
        self.closes = closes
    }

    func run() throws {
        alarm(ChildProgram.alarmSeconds)
        do {
            let store = try rival.open(folder, vfs: try vfs())
            for number in 1...changes {
                let change = Change(writer: 0, number: number)
                try store.put(change.key, change.value(seed: seed).word)
                Message.acknowledged(change, lsn: UInt64(number)).send()
            }
            if closes {
                try store.close()
                Message.phase(.closed).send()
                return
            }
            // Until the parent kills.
            withExtendedLifetime(store) { while true { pause() } }
        } catch {
            Message.trouble("\(error)").send()
            throw error
        }
    }

    private func vfs() throws -> String? {
        guard let shadow else { return nil }
        try FaultVFS.register(folder: rival.files(in: folder), shadow: shadow) {
            $0.tears = tears
            $0.seed = seed
        }
        return FaultVFS.name
    }
}

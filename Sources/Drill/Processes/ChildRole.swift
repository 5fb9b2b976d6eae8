// What a child is asked to do: parameters as words on its command line, behind a first word that no person types.

internal import SystemC

package struct ChildRole: Sendable {
    package enum Part: String, Sendable {
        /// Makes changes, then ends.
        case writes
        /// Opens the store as the next start and tells what is there.
        case reads
        /// Opens the store and is killed meanwhile.
        case recovers
    }

    package static let firstArgument = "--drill-child"

    package var part = Part.reads
    package var store = ""
    package var seed: UInt64 = 0
    package var ending = Ending.waits
    package var strain = Strain.mixed
    /// The number of the first writer.
    package var firstWriter = 0
    /// Acknowledgements after which the program ends by itself.
    package var trigger = Int.max
    /// The writing call of SQLite's to die in, counted from where the part begins; 0 for none.
    var dieIn: UInt64 = 0
    /// The folder that holds what is on the disk; empty for none.
    package var shadow = ""
    package var tears = false
    var syncLies = false
    /// A control: changes at `.power` are acknowledged before they are made.
    package var acknowledgesEarly = false
    /// The machine's boot, as the next start is to take it; empty for the kernel's own.
    package var boot = ""
    /// The memory group to join; empty for none.
    var memoryGroup = ""
    /// Seconds after which a child that hangs is ended by SIGALRM.
    package var alarm = ChildProgram.alarmSeconds
    /// The folder where what is said is also looked up as a name, for a device that logs it; empty for none.
    package var marks = ""

    /// Whether SQLite's files go through the VFS that injects faults.
    var usesFaults: Bool { !shadow.isEmpty || syncLies || dieIn > 0 || part == .recovers || ending == .diesCommitting }

    package var arguments: [String] {
        [
            Self.firstArgument, "part=\(part.rawValue)", "store=\(store)", "seed=\(seed)", "ending=\(ending.rawValue)",
            "firstWriter=\(firstWriter)", "trigger=\(trigger)", "dieIn=\(dieIn)", "shadow=\(shadow)", "tears=\(tears)",
            "syncLies=\(syncLies)", "acknowledgesEarly=\(acknowledgesEarly)", "memoryGroup=\(memoryGroup)",
            "strain=\(strain.rawValue)", "marks=\(marks)", "alarm=\(alarm)",
            "boot=\(boot)",
        ]
    }

    package init() {}

    /// Says it to the device first, so that it has its place among the blocks that are written, then to the parent.
    package func say(_ message: Message) {
        if !marks.isEmpty, access("\(marks)/\(message.line)", F_OK) == 0 || errno != ENOENT {
            Message.trouble("the device did not hear: \(message.line)").send()
        }
        message.send()
    }

    /// Nil where the words are none of ours.
    package init?(arguments: [String]) {
        guard arguments.first == Self.firstArgument else { return nil }
        var values: [Substring: String] = [:]
        for word in arguments.dropFirst() {
            let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { return nil }
            values[pair[0]] = String(pair[1])
        }
        guard let part = values["part"].flatMap(Part.init(rawValue:)), let store = values["store"],
            let seed = values["seed"].flatMap({ UInt64($0) }),
            let ending = values["ending"].flatMap(Ending.init(rawValue:)),
            let firstWriter = values["firstWriter"].flatMap({ Int($0) }),
            let trigger = values["trigger"].flatMap({ Int($0) }), let dieIn = values["dieIn"].flatMap({ UInt64($0) }),
            let shadow = values["shadow"], let tears = values["tears"].flatMap({ Bool($0) }),
            let syncLies = values["syncLies"].flatMap({ Bool($0) }),
            let acknowledgesEarly = values["acknowledgesEarly"].flatMap({ Bool($0) }),
            let memoryGroup = values["memoryGroup"], let strain = values["strain"].flatMap(Strain.init(rawValue:)),
            let marks = values["marks"], let boot = values["boot"], let alarm = values["alarm"].flatMap({ UInt32($0) })
        else { return nil }
        self.part = part
        self.store = store
        self.seed = seed
        self.ending = ending
        self.firstWriter = firstWriter
        self.trigger = trigger
        self.dieIn = dieIn
        self.shadow = shadow
        self.tears = tears
        self.syncLies = syncLies
        self.acknowledgesEarly = acknowledgesEarly
        self.memoryGroup = memoryGroup
        self.strain = strain
        self.marks = marks
        self.boot = boot
        self.alarm = alarm
    }
}

// What a child is asked to do: parameters as words on its command line, behind a first word that no person types.

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// How the child's program ends.
enum Ending: String, Sendable {
    /// The body returns, then main.
    case returns
    /// `exit(3)` from main; from a thread of its own, status 4; from a task, status 5.
    case exits, exitsOnThread, exitsInTask
    /// `Exit(3)`, an error, thrown in `ExitHooks.run`; an error thrown out of main without it.
    case throwsExit, throwsError, throwsFromMain
    /// Waits in `ExitHooks.run` for what the parent does, and answers cancellation.
    case waits
    /// The same, answering nothing.
    case ignoresCancellation
    /// The same as `waits`, with a hook that takes longer than the parent's patience.
    case hookIsSlow
    /// Waits with hooks, but without any handler.
    case waitsUnhandled
    /// fatalError, a store to no memory, abort; marked. The last one: not marked.
    case traps, faults, aborts, faultsUnmarked
    /// Checkpoints again and again until the parent kills.
    case checkpoints
    /// Killed inside a writing call of a commit, of closing.
    case diesCommitting, diesClosing
    /// Takes memory until the kernel kills.
    case eatsMemory
}

/// What the writers and their store are like.
enum Strain: String, CaseIterable, Sendable {
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

struct ChildRole: Sendable {
    enum Part: String, Sendable {
        /// Makes changes, then ends.
        case writes
        /// Opens the store as the next start and tells what is there.
        case reads
        /// Opens the store and is killed meanwhile.
        case recovers
    }

    static let firstArgument = "--drill-child"

    var part = Part.reads
    var store = ""
    var seed: UInt64 = 0
    var ending = Ending.waits
    var strain = Strain.mixed
    /// The number of the first writer.
    var firstWriter = 0
    /// Acknowledgements after which the program ends by itself.
    var trigger = Int.max
    /// The writing call of SQLite's to die in, counted from where the part begins; 0 for none.
    var dieIn: UInt64 = 0
    /// The folder that holds what is on the disk; empty for none.
    var shadow = ""
    var tears = false
    var syncLies = false
    var acknowledgesEarly = false
    /// The machine's boot, as the next start is to take it; empty for the kernel's own.
    var boot = ""
    /// The memory group to join; empty for none.
    var memoryGroup = ""
    /// Seconds after which a child that hangs is ended by SIGALRM.
    var alarm = ChildProgram.alarmSeconds
    /// The folder where what is said is also looked up as a name, for a device that logs it; empty for none.
    var marks = ""

    /// Whether SQLite's files go through the VFS that injects faults.
    var usesFaults: Bool { !shadow.isEmpty || dieIn > 0 || part == .recovers || ending == .diesCommitting }

    var arguments: [String] {
        [
            Self.firstArgument, "part=\(part.rawValue)", "store=\(store)", "seed=\(seed)", "ending=\(ending.rawValue)",
            "firstWriter=\(firstWriter)", "trigger=\(trigger)", "dieIn=\(dieIn)", "shadow=\(shadow)", "tears=\(tears)",
            "syncLies=\(syncLies)", "acknowledgesEarly=\(acknowledgesEarly)", "memoryGroup=\(memoryGroup)",
            "strain=\(strain.rawValue)", "marks=\(marks)", "alarm=\(alarm)",
            "boot=\(boot)",
        ]
    }

    init() {}

    /// Says it to the device first, so that it has its place among the blocks that are written, then to the parent.
    func say(_ message: Message) {
        if !marks.isEmpty, access("\(marks)/\(message.line)", F_OK) == 0 || errno != ENOENT {
            Message.trouble("the device did not hear: \(message.line)").send()
        }
        message.send()
    }

    /// Nil where the words are none of ours.
    init?(arguments: [String]) {
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

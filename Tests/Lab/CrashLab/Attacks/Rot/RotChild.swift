// The child that plays cases of the attack `rot`, thousands one after the other, and says a line about each.
//
// A line is out before the next case begins. So a child that crashes or hangs did it in the case behind its last line.

internal import Drill
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

struct RotRole {
    enum Sabotage: String {
        case none, checksums, witnesses
    }

    static let firstArgument = "--rot-child"

    /// Where the images are, and the child's folder is made.
    var place: String
    var seed: UInt64
    var extent: RotExtent
    var from: Int
    var count: Int
    /// Of these only those of this store and file, as "live/tail"; empty for all.
    var only = ""
    var sabotage = Sabotage.none

    var arguments: [String] {
        [
            Self.firstArgument, "place=\(place)", "seed=\(seed)", "extent=\(extent.rawValue)", "from=\(from)",
            "count=\(count)", "only=\(only)", "sabotage=\(sabotage.rawValue)",
        ]
    }
}

extension RotRole {
    /// Nil where the words are none of ours.
    init?(arguments: [String]) {
        guard arguments.first == Self.firstArgument else { return nil }
        var values: [Substring: String] = [:]
        for word in arguments.dropFirst() {
            let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { values[pair[0]] = String(pair[1]) }
        }
        guard let place = values["place"], let seed = values["seed"].flatMap({ UInt64($0) }),
            let extent = values["extent"].flatMap({ RotExtent(rawValue: String($0)) }),
            let from = values["from"].flatMap({ Int($0) }), let count = values["count"].flatMap({ Int($0) }),
            let only = values["only"],
            let sabotage = values["sabotage"].flatMap(Sabotage.init(rawValue:))
        else { return nil }
        self.init(
            place: place, seed: seed, extent: extent, from: from, count: count, only: only, sabotage: sabotage)
    }
}

/// What a child says about a case.
struct RotLine {
    var number: Int
    var outcome: LabOutcome
    var how: String
    var microseconds: Int
    var what: String

    /// Fields between tabs, a line.
    var text: String {
        let what = what.map { $0 == "\t" || $0 == "\n" ? " " : $0 }
        return "\(number)\t\(outcome.rawValue)\t\(how)\t\(microseconds)\t\(String(what))\n"
    }

    init(number: Int, outcome: LabOutcome, how: String, microseconds: Int, what: String) {
        self.number = number
        self.outcome = outcome
        self.how = how
        self.microseconds = microseconds
        self.what = what
    }

    init?(line: Substring) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
        guard fields.count == 5, let number = Int(fields[0]), let outcome = LabOutcome(rawValue: String(fields[1])),
            let microseconds = Int(fields[3])
        else { return nil }
        self.init(
            number: number, outcome: outcome, how: String(fields[2]), microseconds: microseconds,
            what: String(fields[4]))
    }
}

enum RotChild {
    static func run(_ role: RotRole) throws {
        switch role.sabotage {
        case .none: break
        case .checksums: Sabotage.ignoresChecksums = true
        case .witnesses: Sabotage.ignoresWitnesses = true
        }
        let cases = try RotImages.read(role.place, seed: role.seed, role.extent)
        let folder = "\(role.place)/child-\(getpid())"
        let trial = RotTrial(cases, in: folder)
        for number in role.from..<role.from + role.count {
            guard let rot = cases[number] else { break }
            guard role.only.isEmpty || role.only == "\(cases.stores[rot.store].kind)/\(rot.file)" else { continue }
            let start = Platform.monotonicNanoseconds()
            let cpu = cpuNanoseconds
            Platform.removeFolder(folder)
            var found = try trial.play(rot, number: number)
            let took = Int((Platform.monotonicNanoseconds() - start) / 1_000)
            // By the processor's time: others may be using the machine.
            if cpuNanoseconds - cpu > 2_000_000_000 {
                found = RotTrial.Finding(outcome: .wrong, how: "slow", what: "took \(took / 1_000) ms")
            }
            let line = RotLine(
                number: number, outcome: found.outcome, how: found.how, microseconds: took,
                what: "\(cases.stores[rot.store].kind): \(rot): \(found.what)")
            var text = line.text
            let isOut = text.withUTF8 { Platform.writeAll(STDOUT_FILENO, UnsafeRawBufferPointer($0)) }
            if !isOut { break }
        }
        Platform.removeFolder(folder)
    }

    private static var cpuNanoseconds: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}

/// The images as files, for children that come and go.
enum RotImages {
    static func write(_ cases: RotCases, to place: String) throws {
        try ScratchFiles.write(cases.foreign, to: "\(place)/foreign.image")
        for store in cases.stores {
            try ScratchFiles.write(store.image, to: "\(place)/\(store.kind).image")
            try ScratchFiles.write(store.earlier, to: "\(place)/\(store.kind).earlier")
            try ScratchFiles.write(
                Array("\(store.changes) \(store.durable)".utf8), to: "\(place)/\(store.kind).numbers")
        }
    }

    static func read(_ place: String, seed: UInt64, _ extent: RotExtent) throws -> RotCases {
        let stores = try extent.stores.map { kind in
            let numbers = (Platform.text(at: "\(place)/\(kind).numbers") ?? "").split(separator: " ").compactMap {
                Int($0)
            }
            guard numbers.count == 2 else {
                throw StoreError(.ioError, "the image of the store \(kind) is not there: \(place)")
            }
            return RotStore(
                kind: kind, image: ScratchFiles.files(in: "\(place)/\(kind).image"),
                earlier: ScratchFiles.files(in: "\(place)/\(kind).earlier"), changes: numbers[0], durable: numbers[1])
        }
        return RotCases(stores, foreign: ScratchFiles.files(in: "\(place)/foreign.image"), seed: seed, extent: extent)
    }
}

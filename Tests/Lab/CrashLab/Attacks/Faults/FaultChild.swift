// The process that plays cases: a child, because a fault may crash it or hang it, and because SQLite's allocator can be
// replaced only before SQLite is used.
//
// It says one line a case; its parent knows by the numbers which one it died in.

internal import CFaultVFS
internal import WriteAheadJournal
internal import SystemC

struct FaultChild {
    var seed: UInt64
    var from = 0
    var to = 0
    /// Where it works: a folder of its own.
    var place: String
    /// A control, in place of cases: the calls and the flaw.
    var flaw = FaultFlaw.none

    static let firstArgument = "lab-faults-child"
    /// Files of so many failing cases are kept.
    private static let keptMax = 5

    var arguments: [String] { [Self.firstArgument, "\(seed)", "\(from)", "\(to)", place, flaw.rawValue] }

    init(seed: UInt64, place: String) {
        self.seed = seed
        self.place = place
    }

    init?(arguments: [String]) {
        guard arguments.count == 6, arguments[0] == Self.firstArgument, let seed = UInt64(arguments[1]),
            let from = Int(arguments[2]), let to = Int(arguments[3]), let flaw = FaultFlaw(rawValue: arguments[5])
        else { return nil }
        self.seed = seed
        self.from = from
        self.to = to
        place = arguments[4]
        self.flaw = flaw
    }

    /// What a child says.
    enum Line: Equatable, Sendable {
        /// How many cases there are.
        case total(Int)
        /// One case: what came of it, whether the fault was met, whether the store was poisoned, starts, and what was
        /// wrong, empty where it has not failed.
        case played(number: Int, outcome: LabOutcome, wasMet: Bool, wasPoisoned: Bool, starts: Int, text: String)
        /// A control: cases, and those in which acknowledged changes were lost.
        case control(cases: Int, lost: Int)
        case trouble(String)

        var text: String {
            switch self {
            case .total(let count): "total \(count)"
            case .played(let number, let outcome, let wasMet, let wasPoisoned, let starts, let text):
                "case \(number) \(outcome.rawValue) \(wasMet ? 1 : 0) \(wasPoisoned ? 1 : 0) \(starts) \(text)"
            case .control(let cases, let lost): "control \(cases) \(lost)"
            case .trouble(let text): "trouble \(text)"
            }
        }

        init?(_ line: Substring) {
            let parts = line.split(separator: " ", maxSplits: 6, omittingEmptySubsequences: false)
            let rest = line.drop { $0 != " " }.dropFirst()
            switch parts.first {
            case "total":
                guard let count = Int(rest) else { return nil }
                self = .total(count)
            case "case":
                guard parts.count == 7, let number = Int(parts[1]),
                    let outcome = LabOutcome(rawValue: String(parts[2])),
                    let starts = Int(parts[5])
                else { return nil }
                self = .played(
                    number: number, outcome: outcome, wasMet: parts[3] == "1", wasPoisoned: parts[4] == "1",
                    starts: starts, text: String(parts[6]))
            case "control":
                guard parts.count == 3, let cases = Int(parts[1]), let lost = Int(parts[2]) else { return nil }
                self = .control(cases: cases, lost: lost)
            case "trouble": self = .trouble(String(rest))
            default: return nil
            }
        }
    }

    private static func say(_ line: Line) {
        let flat = String(line.text.map { $0.isNewline ? " " : $0 }.prefix(3_000))
        let bytes = Array((flat + "\n").utf8)
        if !bytes.withUnsafeBytes({ Files.writeAll(STDOUT_FILENO, $0) }) { _exit(99) }
    }

    // MARK: The child's side

    func run() {
        _ = fcntl(STDOUT_FILENO, F_SETFD, FD_CLOEXEC)
        guard backstay_allocations_install() else {
            Self.say(.trouble("SQLite was used before its allocator could be replaced"))
            return
        }
        do {
            try play()
        } catch {
            Self.say(.trouble("\(error)"))
        }
    }

    private func play() throws {
        let play = try FaultPlay(place: place, seed: seed)
        var counts: [FaultCases.Count] = []
        for workload in FaultWorkload.all {
            let counted = try play.count(workload)
            counts.append(FaultCases.Count(calls: counted.calls, allocations: counted.allocations))
        }
        let cases = FaultCases(counts, seed: seed)
        if flaw != .none {
            try control(play, counts)
            return
        }
        Self.say(.total(cases.total))
        var kept = 0
        for number in from..<min(to, cases.total) {
            let one = cases[number]
            let workload = FaultWorkload.all[one.workload]
            let result = try play.play(workload, one.fault, number: number)
            var text = ""
            if result.lost > 0 || !result.problems.isEmpty {
                text = "\(workload.name): \(one.fault): \(result.problems.joined(separator: "; "))"
                kept += 1
                if kept <= Self.keptMax { try play.keep(at: "\(place)/kept-\(number)") }
            }
            Self.say(
                .played(
                    number: number, outcome: result.outcome, wasMet: result.wasMet, wasPoisoned: result.wasPoisoned,
                    starts: result.starts, text: text))
        }
        play.clear()
    }

    /// What a power cut leaves of the tail is drawn so often for each: with all of it, nothing is lost.
    private static let drawsPerControl = 8

    /// Every sync of the workload "power" fails once, with pages that are marked clean, under the flaw.
    private func control(_ play: FaultPlay, _ counts: [FaultCases.Count]) throws {
        guard let index = FaultWorkload.all.firstIndex(where: { $0.name == "power" }) else { return }
        var cases = 0
        var lost = 0
        for (call, kind) in counts[index].calls.enumerated() where kind == .sync {
            let fault = Fault(target: .call(.sync, .eio, .clean), index: call + 1, lasting: .once)
            for draw in 0..<Self.drawsPerControl {
                let number = call * Self.drawsPerControl + draw
                let result = try play.play(FaultWorkload.all[index], fault, number: number, flaw: flaw)
                cases += 1
                if result.lost > 0 { lost += 1 }
            }
        }
        play.clear()
        Self.say(.control(cases: cases, lost: lost))
    }
}

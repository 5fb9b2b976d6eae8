// What a run has found. The terminal, JSON, Markdown and HTML all show this and nothing else.
//
// The JSON's shape is that of these types: docs/benchmarks.md.

import Foundation

struct Report: Codable, Sendable {
    var machine: Machine
    var plan: Plan
    /// "release" or "debug": only the former says anything.
    var build: String
    var engines: [EngineVersion]
    var missing: [MissingPeer]
    /// What reading the clock costs, in nanoseconds; taken off every figure.
    var clockNanoseconds: Double
    /// What one step costs with an engine that does nothing; part of every figure.
    var harnessNanoseconds: Double
    var seconds: Double
    var rows: [ReportRow]
}

struct EngineVersion: Codable, Sendable {
    var name: String
    var version: String
}

/// One comparison: several engines, the same work, the same guarantee.
struct ReportRow: Codable, Sendable {
    var workload: String
    var name: String
    /// Nil where nothing is written.
    var guarantee: Guarantee?
    var how: String
    /// What is counted: "entry", "read".
    var unit: String
    /// What a latency is of: the unit, or "batch", "scan", "start".
    var step: String
    /// Keys in the store, for a point on a curve of growth.
    var keys: Int?
    var figures: [Figure]

    init(_ title: Title, _ figures: [Figure]) {
        workload = title.workload
        name = title.name
        guarantee = title.guarantee
        how = title.how
        unit = title.unit
        step = title.step ?? title.unit
        keys = title.keys
        self.figures = figures
        guard let ours = figures.first(where: { $0.role == .ours }) else { return }
        for index in figures.indices where figures[index].role != .ours {
            let ratios = zip(figures[index].rounds, ours.rounds).filter { $0.1 > 0 }.map { $0 / $1 }
            if !ratios.isEmpty { self.figures[index].ratio = Spread(ratios) }
            let medians = zip(figures[index].medians, ours.medians).compactMap { theirs, ours in
                theirs.flatMap { theirs in ours.flatMap { $0 > 0 ? theirs / $0 : nil } }
            }
            if !medians.isEmpty { self.figures[index].ratioOfMedians = Spread(medians) }
        }
    }

    /// "an entry", "a read".
    var oneUnit: String { (unit.hasPrefix("e") || unit.hasPrefix("o") ? "an " : "a ") + unit }

    /// "entries", "reads".
    var units: String { unit.hasSuffix("y") ? unit.dropLast() + "ies" : unit + "s" }

    /// "fillbatch, survives power loss".
    var heading: String {
        var heading = name
        if let keys { heading += ", \(keys.grouped) keys" }
        if let guarantee { heading += ", \(guarantee.title)" }
        return heading
    }
}

/// One engine in one row.
struct Figure: Codable, Sendable {
    struct Percentile: Codable, Sendable {
        var percent: Double
        var nanoseconds: Double
    }

    var engine: String
    var setting: String
    var role: Contestant.Role
    /// Nanoseconds for one unit: median of the rounds, lowest, highest.
    var nanoseconds: Spread
    /// The same, round by round.
    var rounds: [Double]
    /// The median latency of a step, round by round; nil where few were timed.
    var medians: [Double?]
    /// Units in all rounds.
    var units: Int
    /// Latencies of single steps over all rounds, as far as there were enough of them.
    var percentiles: [Percentile]
    /// The longest step, in nanoseconds.
    var longest: Double
    /// Its time divided by Backstay's, round by round: above 1, Backstay is quicker. Nil for Backstay itself.
    var ratio: Spread?
    /// The same of the rounds' median latencies: what is left when pauses and other users of the machine are not looked at.
    var ratioOfMedians: Spread?
    /// Syncs the process asked for, per unit: `fsync` and `fdatasync`. Nil where they cannot be counted.
    var syncs: Double?
    /// Whether a turn ended because its time was over; its figures are of what it had done by then.
    var endedEarly: Bool
    /// Nanoseconds for one unit in the first and the last tenth of the work, where that was asked.
    var firstTenth: Double?
    var lastTenth: Double?

    static let percents = [50, 75, 90, 95, 99, 99.5, 99.9, 99.99]

    init(_ contestant: Contestant, _ tally: Tally) {
        engine = contestant.name
        setting = contestant.setting
        role = contestant.role
        nanoseconds = Spread(tally.rounds)
        rounds = tally.rounds
        medians = tally.medians
        units = tally.units
        percentiles = Self.percents.compactMap { percent in
            tally.latency(percent).map { Percentile(percent: percent, nanoseconds: $0) }
        }
        syncs = tally.syncs.map { Double($0) / Double(max(1, tally.units)) }
        longest = tally.longest
        endedEarly = tally.endedEarly
    }

    var perSecond: Double { 1e9 / nanoseconds.median }

    func latency(_ percent: Double) -> Double {
        percentiles.first { $0.percent == percent }?.nanoseconds ?? .nan
    }
}

/// Where it was measured.
struct Machine: Codable, Sendable {
    var date: String
    var processor: String
    var cores: Int
    var memoryGiB: Int
    var system: String
    var fileSystem: String
    var swift: String

    static func here(_ folder: String) -> Machine {
        var names = utsname()
        uname(&names)
        let kernel = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let system = withUnsafeBytes(of: &names.sysname) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let day = Date().formatted(.iso8601.year().month().day())
        return Machine(
            date: day, processor: processor(), cores: ProcessInfo.processInfo.activeProcessorCount,
            memoryGiB: Int((Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30)).rounded()),
            system: "\(system) \(kernel)", fileSystem: fileSystem(of: folder), swift: compiler)
    }

    private static func processor() -> String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") where line.hasPrefix("model name") {
            return line.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "?"
        }
        return "unknown processor"
    }

    /// The type of the file system with the longest mount point above the folder.
    private static func fileSystem(of folder: String) -> String {
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        var best = (length: -1, type: "unknown file system")
        for line in mounts.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count > 2 else { continue }
            let point = String(parts[1])
            let inside = point == "/" || folder == point || folder.hasPrefix(point + "/")
            if inside, point.count > best.length { best = (point.count, String(parts[2])) }
        }
        return best.type
    }

    private static var compiler: String {
        #if compiler(>=6.4)
        "Swift 6.4 or later"
        #elseif compiler(>=6.3)
        "Swift 6.3"
        #else
        "Swift 6.2"
        #endif
    }
}

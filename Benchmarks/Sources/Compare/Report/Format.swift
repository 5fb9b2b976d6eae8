// Figures as people read them: three digits, a unit, groups of three.

import Foundation

extension Int {
    /// 1234567 as "1,234,567".
    var grouped: String {
        var text = ""
        for (index, digit) in String(self.magnitude).reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return (self < 0 ? "-" : "") + String(text.reversed())
    }
}

extension Double {
    /// Three digits that count: "17.3", "1,234", "0.0062".
    var shortened: String {
        guard isFinite else { return "–" }
        if magnitude >= 1_000 { return Int(rounded()).grouped }
        if self == 0 { return "0" }
        let decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : magnitude >= 0.1 ? 2 : 4
        var text = String(format: "%.\(decimals)f", self)
        if text.contains(".") {
            while text.hasSuffix("0") { text.removeLast() }
            if text.hasSuffix(".") { text.removeLast() }
        }
        return text
    }

    /// Nanoseconds with their best unit: "62 ns", "1.3 µs", "12 ms", "2.9 s".
    var asTime: String {
        guard isFinite else { return "–" }
        if self < 999.5 { return "\(self < 10 ? shortened : String(Int(rounded()))) ns" }
        if self < 999_500 { return "\((self / 1e3).threeDigits) µs" }
        if self < 999_500_000 { return "\((self / 1e6).threeDigits) ms" }
        return "\((self / 1e9).threeDigits) s"
    }

    /// "16.2 M", "8,930", "890 k".
    var asCount: String {
        guard isFinite else { return "–" }
        if self >= 999_500 { return "\((self / 1e6).threeDigits) M" }
        if self >= 9_995 { return "\((self / 1e3).threeDigits) k" }
        return Int(rounded()).grouped
    }

    /// Ratios: "3.2×".
    var asRatio: String { isFinite ? "\(shortened)×" : "–" }

    private var threeDigits: String {
        self >= 99.95 ? String(Int(rounded())) : String(format: self >= 9.995 ? "%.1f" : "%.2f", self)
    }
}

extension Spread {
    /// "3.2× (2.9–3.6)"; alone where there was one round.
    var asRatio: String {
        low == high ? median.asRatio : "\(median.asRatio) (\(low.shortened)–\(high.shortened))"
    }
}

extension Report {
    /// What a reader must know before the figures.
    var preamble: [String] {
        [
            "\(machine.date) · \(machine.processor), \(machine.cores) cores, \(machine.memoryGiB) GiB · \(machine.system), "
                + "\(machine.fileSystem) · \(machine.swift)",
            engines.map { "\($0.name) \($0.version)" }.joined(separator: " · "),
            "\(plan.isQuick ? "quick run" : "full run"), \(plan.rounds) rounds, seed \(plan.seed), "
                + "\(Int(seconds / 60)) min \(Int(seconds) % 60) s, \(build) build · the clock costs "
                + "\(clockNanoseconds.asTime), taken off; the harness \(harnessNanoseconds.asTime) a step, left in",
        ]
    }

    /// How the columns are to be read.
    static let notes = [
        "ratio: its time divided by Backstay's in the same round, median (lowest–highest); above 1 Backstay is quicker. "
            + "of p50: the same of the median latencies.",
        "syncs: calls of fsync and fdatasync for one unit. longest: the longest step, or the longest stretch of up to 30 "
            + "steps that were not timed one by one.",
    ]

    /// A line for each engine that is not there.
    var missingLines: [String] {
        missing.map { "\($0.name) is not in this comparison: \($0.reason). Debian: apt-get install \($0.package)" }
    }
}

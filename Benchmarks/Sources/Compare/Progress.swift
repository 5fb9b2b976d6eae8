// What is being measured, on standard error: a bar on a terminal, else a line for each workload.

import Foundation

/// Used by one thread.
final class Progress {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let start = Clock.now()
    private var workload = ""
    private var index = 0
    private var count = 1
    private var fraction = 0.0

    /// A workload begins; it is number `index` of `count`.
    func begin(_ workload: String, _ index: Int, of count: Int) {
        (self.workload, self.index, self.count, fraction) = (workload, index, count, 0)
        if isTerminal { draw(workload) } else { write("\(elapsed) \(index + 1) of \(count): \(workload)\n") }
    }

    /// Since the beginning, in minutes and seconds.
    private var elapsed: String {
        let seconds = Int((Clock.now() - start) / 1_000_000_000)
        return "\(seconds / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)"
    }

    /// A turn begins.
    func turn(_ text: String, done: Int = 0, of turns: Int = 0) {
        if turns > 0 { fraction = Double(done) / Double(turns) }
        if isTerminal { draw(text) }
    }

    /// Takes the bar away.
    func end() {
        if isTerminal { write("\r\u{1b}[K") }
    }

    private func draw(_ text: String) {
        let part = (Double(index) + fraction) / Double(max(1, count))
        let width = 24
        let filled = Int(part * Double(width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let line = "\(bar) \(index + 1)/\(count) \(elapsed)  \(text)"
        write("\r\u{1b}[K" + String(line.prefix(Self.columns - 1)))
    }

    private static var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

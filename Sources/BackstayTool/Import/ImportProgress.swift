// Lines and lines a second on stderr, where that is a terminal.

import WriteAheadJournal

struct ImportProgress {
    private let isShown = Terminal.isError
    private let start = Clock.monotonicNanoseconds()
    private var lastShown: UInt64 = 0
    private var isOnScreen = false

    mutating func show(_ lines: Int) {
        guard isShown else { return }
        let now = Clock.monotonicNanoseconds()
        guard now - lastShown > 100_000_000 else { return }
        lastShown = now
        isOnScreen = true
        let seconds = Double(now - start) / 1e9
        noteBytes("\r\u{1b}[K\(lines) lines, \(Int(Double(lines) / max(seconds, 0.001))) lines/s")
    }

    mutating func clear() {
        if isOnScreen { noteBytes("\r\u{1b}[K") }
        isOnScreen = false
    }
}

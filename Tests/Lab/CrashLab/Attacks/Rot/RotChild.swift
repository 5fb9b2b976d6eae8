// The child that plays cases of the attack `rot`, thousands one after the other, and says a line about each.
//
// A line is out before the next case begins. So a child that crashes or hangs did it in the case behind its last line.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

enum RotChild {
    static func run(_ role: RotRole) throws {
        let cases = try RotImages.read(role.place, seed: role.seed, role.extent)
        let folder = "\(role.place)/child-\(getpid())"
        let trial = RotTrial(cases, in: folder, reader: role.reader)
        for number in role.from..<role.from + role.count {
            guard let rot = cases[number] else { break }
            guard role.only.isEmpty || role.only == "\(cases.stores[rot.store].kind)/\(rot.file)" else { continue }
            let start = Clock.monotonicNanoseconds()
            let cpu = cpuNanoseconds
            Files.removeFolder(folder)
            var found = try trial.play(rot, number: number)
            let took = Int((Clock.monotonicNanoseconds() - start) / 1_000)
            // By the processor's time: others may be using the machine.
            if cpuNanoseconds - cpu > 2_000_000_000 {
                found = RotTrial.Finding(outcome: .wrong, how: "slow", what: "took \(took / 1_000) ms")
            }
            let line = RotLine(
                number: number, outcome: found.outcome, how: found.how, microseconds: took,
                what: "\(cases.stores[rot.store].kind): \(rot): \(found.what)")
            var text = line.text
            let isOut = text.withUTF8 { Files.writeAll(STDOUT_FILENO, UnsafeRawBufferPointer($0)) }
            if !isOut { break }
        }
        Files.removeFolder(folder)
    }

    private static var cpuNanoseconds: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}

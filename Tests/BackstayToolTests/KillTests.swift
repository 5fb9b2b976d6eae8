#if CommandLine
import Testing

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// An import that is killed again and again: nothing acknowledged is lost, nothing is imported twice.
@Suite(.serialized)
struct KillTests {
    @Test func killedImportResumesUntilItIsDone() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(state: seed)
        let folder = try TestFolder()
        let count = 2_000
        let lines = (0..<count).map { number in
            let digits = String(number)
            let key = String(repeating: "0", count: 5 - digits.count) + digits
            return "{\"key\":\"\(key)\",\"value\":{\"n\":\(number),\"text\":\"\(random.next())\"}}"
        }
        let export = lines.map { $0 + "\n" }.joined()

        var acknowledged = 0
        var kills = 0
        while acknowledged < count {
            let process = try folder.start("import", folder.store, "--ack", "--resume", "--job", "all")
            let target = acknowledged + Int.random(in: 1...400, using: &random)
            // Sent line by line so that there are many commits; what was acknowledged before goes first, in one piece.
            process.send(lines[..<acknowledged].map { $0 + "\n" }.joined())
            var sent = acknowledged
            var isFirst = true
            while acknowledged < min(target, count) {
                let next = min(count, sent + Int.random(in: 1...40, using: &random))
                process.send(lines[sent..<next].map { $0 + "\n" }.joined())
                sent = next
                while acknowledged < sent {
                    guard let ack = process.readLine() else {
                        Issue.record("the import ended by itself: \(process.finish().err), seed \(seed)")
                        return
                    }
                    let key = ack.split(separator: " ").last.map { $0.dropFirst().dropLast() } ?? ""
                    let number = Int(key) ?? -1
                    // The kill may have come between a commit and its acknowledgement: those are not said again.
                    if isFirst {
                        #expect(number >= acknowledged, "acknowledged twice: \(ack), seed \(seed)")
                    } else {
                        #expect(number == acknowledged, "\(ack), seed \(seed)")
                    }
                    isFirst = false
                    acknowledged = number + 1
                }
            }
            // Some more, unanswered: the kill lands in the middle of them.
            let rest = min(count, sent + Int.random(in: 0...300, using: &random))
            process.send(lines[sent..<rest].map { $0 + "\n" }.joined())
            for _ in 0..<Int.random(in: 0...5, using: &random) { sched_yield() }
            #expect(process.kill(SIGKILL) == -SIGKILL)
            kills += 1
            while let ack = process.readLine() {
                let key = ack.split(separator: " ").last.map { $0.dropFirst().dropLast() } ?? ""
                acknowledged = max(acknowledged, (Int(key) ?? -1) + 1)
            }

            let kept = try folder.run("export", folder.store)
            #expect(kept.status == 0, "\(kept.err), seed \(seed)")
            #expect(
                kept.lines.count >= acknowledged,
                "acknowledged \(acknowledged), kept \(kept.lines.count), seed \(seed)")
            #expect(export.hasPrefix(kept.out), "not what was sent, or not in order, seed \(seed)")
            // Lines that were kept without an answer need none.
            acknowledged = max(acknowledged, kept.lines.count)
        }
        let last = try folder.run("import", folder.store, "--resume", "--job", "all", input: export)
        #expect(last.status == 0, "\(last.err), seed \(seed)")
        #expect(last.out == "imported 0 lines, \(count) were imported before\n", "seed \(seed)")
        #expect(try folder.output("export", folder.store) == export, "seed \(seed)")
        #expect(try folder.run("verify", folder.store).status == 0, "seed \(seed)")
        #expect(kills >= 5)
    }
}

/// SplitMix64: a seed replays it.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
#endif

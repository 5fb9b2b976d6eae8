#if CommandLine
import Testing

import SystemC

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

        /// Lines that are known to be kept, by their acknowledgement or by an export: the first so many.
        var kept = 0
        var kills = 0
        while kept < count {
            let process = try folder.start("import", folder.store, "--ack", "--resume", "--job", "all")
            /// Takes the next acknowledgement in: it must be for the next line.
            func readAcknowledgement() -> Bool {
                guard let ack = process.readLine() else { return false }
                let fields = ack.split(separator: " ")
                #expect(fields.count == 3 && fields[0] == "ack", "\(ack), seed \(seed)")
                #expect(Int(fields.last?.dropFirst().dropLast() ?? "") == kept, "\(ack) for line \(kept), seed \(seed)")
                kept += 1
                return true
            }
            process.send(lines[..<kept].map { $0 + "\n" }.joined())
            var sent = kept
            func send(upTo most: Int) {
                let next = min(count, sent + Int.random(in: 1...most, using: &random))
                process.send(lines[sent..<next].map { $0 + "\n" }.joined())
                sent = next
            }
            let target = min(count, kept + Int.random(in: 1...150, using: &random))
            while kept < target {
                send(upTo: 40)
                while kept < sent {
                    guard readAcknowledgement() else {
                        Issue.record("the import ended by itself: \(process.finish().err), seed \(seed)")
                        return
                    }
                }
            }
            // Some more: the kill lands before, in the middle of, or right behind their commit.
            if sent < count {
                send(upTo: 100)
                if Bool.random(using: &random) { _ = readAcknowledgement() }
            }
            #expect(process.kill(SIGKILL) == -SIGKILL)
            kills += 1
            while readAcknowledgement() {}

            let exported = try folder.run("export", folder.store)
            #expect(exported.status == 0, "\(exported.err), seed \(seed)")
            let found = exported.lines.count
            #expect(found >= kept, "\(kept) lines were acknowledged, \(found) are there, seed \(seed)")
            #expect(export.hasPrefix(exported.out), "not what was sent, or not in order, seed \(seed)")
            guard found >= kept else { return }
            // The kill may have come between a commit and its acknowledgement, which is not made up for.
            kept = found
        }
        let last = try folder.run("import", folder.store, "--resume", "--job", "all", input: export)
        #expect(last.status == 0, "\(last.err), seed \(seed)")
        #expect(last.out == "imported 0 lines, \(count) were imported before\n", "seed \(seed)")
        #expect(try folder.output("export", folder.store) == export, "seed \(seed)")
        #expect(try folder.run("verify", folder.store).status == 0, "seed \(seed)")
        #expect(kills >= 7)
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

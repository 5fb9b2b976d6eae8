// The command beside a live owner whose tail nobody drains: it shows every change that was acknowledged before it began.

#if CommandLine
import Testing

import SystemC

@Suite struct TailReadingTests {
    @Test func commandsSeeProcessChangesOfALiveOwner() throws {
        let folder = try TestFolder()
        let owner = try folder.start("import", folder.store, "--ack", "--durability", "process")
        var sent = 0
        for round in 0..<12 {
            let count = 1 + round * 9
            owner.send((sent..<(sent + count)).map { "{\"key\":\"k\($0)\",\"value\":\"\($0)\"}\n" }.joined())
            for number in sent..<(sent + count) {
                let line = try #require(owner.readLine())
                #expect(line.hasSuffix(" \"k\(number)\""), "\(line)")
            }
            sent += count
            let newest = "k\(sent - 1)"
            switch round % 3 {
            case 0: #expect(try folder.output("get", folder.store, newest) == "\(sent - 1)\n")
            case 1: #expect(try folder.output("export", folder.store).contains("\"\(newest)\""))
            default: #expect(try folder.output("log", "--json", folder.store).contains("\"key\":\"\(newest)\""))
            }
        }
        #expect(owner.kill(SIGKILL) == -SIGKILL)
        #expect(try folder.run("export", folder.store).lines.count == sent)
        #expect(try folder.output("verify", folder.store).isEmpty == false)
        _ = try folder.output("set", folder.store, "after", "1")
        #expect(try folder.run("export", folder.store).lines.count == sent + 1)
    }
}
#endif

// A slice of `lab calls`, and that its tracer and its proof of order can tell.

#if CommandLine && os(Linux) && arch(x86_64)
@testable import CrashLab
import Testing
import WriteAheadJournal

@Suite(.serialized) struct CallsTests {
    @Test func sliceLosesNothing() throws {
        var plan = LabPlan(seed: 20_261_123, cases: 24)
        plan.executable = builtCommand
        let report = try CallsRow.run(plan) { _, _ in }
        #expect(report.isGood, "\(report.text)")
        #expect(report.outcomes[.whole] == 24)
        #expect(report.counts.first { $0.name.hasPrefix("answers") }?.count == 12)
        #expect(report.next == 24)
    }

    private func run(_ blow: TracedRun.Blow, early: Bool = false) throws -> (run: TracedRun, store: String) {
        let place = try LabPlan(seed: 1).makePlace("calls-test")
        defer { Platform.removeFolder(place) }
        let store = place + "/app.backstay"
        let run = try TracedRun(
            executable: builtCommand, arguments: CallsWork.power.arguments(store: store, seed: 1, early: early),
            errors: place + "/stderr", blow: blow)
        return (run, store)
    }

    @Test func tracedChildIsStruckWhereItIsAsked() throws {
        let whole = try run(.none).run
        #expect(whole.end == .exited(0) && whole.struck == nil && whole.calls > 50)
        #expect(whole.messages.contains(.phase(.closed)))
        let killed = try run(.killBefore(40)).run
        #expect(killed.end == .signalled(9) && killed.struck != nil && !killed.messages.contains(.phase(.closed)))
        // The first call of all is the opening of something, and fails.
        let failed = try run(.fail(1, 5, sticky: true)).run
        #expect(failed.end == .exited(0) && failed.struck != nil)
        #expect(
            failed.messages.contains { if case .hook(let code) = $0 { code == "ioError" } else { false } },
            "\(failed.messages) at \(String(describing: failed.struck))")
        #expect(!failed.messages.contains(.phase(.closed)))
    }

    @Test func orderIsProvedAndRefuted() {
        func line(_ name: String, _ result: Int, _ file: String, _ begin: String = "") -> String {
            "7 \(name) \(result) 0 0 0 \(file) \(begin)\n"
        }
        let (write, sync) = (line("pwrite64", 24, "/s/journal.db-wal"), line("fdatasync", 0, "/s/journal.db-wal"))
        let answer = line("write", 8, "pipe:[1]", "a 1 1 5;")
        #expect(OrderProof(log: write + sync + answer + write + sync + answer).problems.isEmpty)
        #expect(OrderProof(log: write + sync + answer).answers == 1)
        #expect(OrderProof(log: write + answer + sync).problems.count == 2)
        #expect(OrderProof(log: sync + write + answer).problems.count == 1)
        #expect(OrderProof(log: write + sync + answer + answer).problems.count == 1)
        #expect(OrderProof(log: write + line("fdatasync", -5, "/s/journal.db-wal") + answer).problems.count == 2)
        #expect(OrderProof(log: write + line("fdatasync", 0, "/s/state.db-wal") + answer).problems.count == 2)
    }
}
#endif

import TestSupport
import Testing
import WriteAheadJournal

import SystemC

/// Eight threads and 64 tasks against a backend that is slow and fails as a seed says. What must hold, whatever the
/// order: nobody hangs, nobody is answered before his record is committed, each record is committed once, in order.
@Suite(.timeLimit(.minutes(15))) struct CommitterStressTests {
    private struct Plan: Sendable {
        let seed: UInt64
        /// Fails for good at this append; nil for never.
        var breaksAt: Int?

        /// What the nth append does: a pure function of seed and n, so that a failure replays.
        func verdict(_ count: Int) -> StoreError? {
            var random = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(count))
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4: break
            case 4..<7: sched_yield()
            default: usleep(UInt32.random(in: 1...300, using: &random))
            }
            if let breaksAt, count >= breaksAt { return FakeBackend.broken }
            return switch Int.random(in: 0..<12, using: &random) {
            case 0: FakeBackend.full
            case 1: StoreError(.busy, "another program")
            default: nil
            }
        }
    }

    private struct Tally: Sendable {
        var durable: Set<LSN> = []
        var unknown = 0
        var rejected = 0
        var tooEarly = 0
        var repeated = 0
    }

    private func run(_ plan: Plan) async throws -> (Tally, Writers) {
        var limits = Committer.Limits()
        limits.tailBytes = 400
        limits.retryInterval = 500_000
        limits.patience = 200_000_000_000
        let writers = try Writers(limits)
        writers.backend.onAppend { plan.verdict($0) }
        let tally = Shared(Tally())
        @Sendable func note(_ result: Result<LSN, StoreError>) {
            let committed = writers.backend.committed
            tally.change { tally in
                switch result {
                case .success(let lsn):
                    if committed < lsn { tally.tooEarly += 1 }
                    if !tally.durable.insert(lsn).inserted { tally.repeated += 1 }
                case .failure(let error):
                    if error.outcome == .unknown { tally.unknown += 1 } else { tally.rejected += 1 }
                }
            }
        }
        let threads = Threads()
        for number in 0..<8 {
            try threads.run {
                var random = SplitMix64(seed: plan.seed ^ UInt64(number) &<< 32)
                var left = 60
                while left > 0 {
                    do throws(StoreError) {
                        let bytes = Int.random(in: 0...120, using: &random)
                        note(.success(try writers.appendAndWait(number % 2 == 0 ? .power : .process, bytes: bytes)))
                    } catch {
                        note(.failure(error))
                        if error.code == .poisoned { return }
                        // Refused for now; the stress goes on until every change has got through.
                        if error.outcome == .rejected { continue }
                    }
                    left -= 1
                }
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
                group.addTask {
                    var left = 10
                    while left > 0 {
                        do throws(StoreError) {
                            note(.success(try await writers.append(number % 2 == 0 ? .power : .process)))
                        } catch {
                            note(.failure(error))
                            if error.code == .poisoned { return }
                            if error.outcome == .rejected {
                                await Task.yield()
                                continue
                            }
                        }
                        left -= 1
                    }
                }
            }
        }
        threads.join()
        return (tally.value, writers)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func everyChangeGetsThroughOnce(seed: UInt64) async throws {
        let (tally, writers) = try await run(Plan(seed: seed))
        #expect(tally.durable.count == 8 * 60 + 64 * 10, "seed \(seed)")
        #expect(tally.tooEarly == 0 && tally.repeated == 0 && tally.unknown == 0, "seed \(seed)")
        #expect(writers.backend.figures.lsns.map(\.value) == Array(1...UInt64(8 * 60 + 64 * 10)), "seed \(seed)")
        writers.finish()
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func brokenDiskLeavesNobodyWaitingAndNoFalseAnswer(seed: UInt64) async throws {
        let (tally, writers) = try await run(Plan(seed: seed, breaksAt: 40))
        #expect(tally.tooEarly == 0 && tally.repeated == 0, "seed \(seed)")
        #expect(tally.unknown >= 1, "seed \(seed)")
        #expect(tally.durable.allSatisfy { $0 <= writers.backend.committed }, "seed \(seed)")
        #expect(writers.backend.figures.appendsBegun == 40, "seed \(seed)")
        writers.finish(expecting: .ioError)
    }

    /// A checkpoint trims the journal between commits. Writers that come back at once must not keep it out.
    @Test func backendIsGivenToUpkeepAfterTheCommitUnderWay() throws {
        let writers = try Writers()
        writers.backend.onAppend { _ in
            usleep(200)
            return nil
        }
        let isOver = Shared(false)
        let threads = Threads()
        for _ in 0..<8 {
            try threads.run {
                while !isOver.value {
                    do throws(StoreError) {
                        try writers.appendAndWait()
                    } catch {
                        Issue.record("\(error)")
                        return
                    }
                }
            }
        }
        let uses = 100
        var between = 0
        for _ in 0..<uses {
            writers.backend.waitForAppend(writers.backend.figures.appendsBegun + 3)
            let before = writers.backend.figures.appendsBegun
            between += try writers.committer.withBackend { _ in writers.backend.figures.appendsBegun } - before
        }
        isOver.change { $0 = true }
        threads.join()
        // One that is under way, and now and then one that began between the look at the count and the call.
        #expect(between < 2 * uses)
        writers.finish()
    }
}

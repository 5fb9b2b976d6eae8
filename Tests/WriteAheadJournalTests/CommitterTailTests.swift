import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

/// The committer behind a tail that outlives the process: `.process` callers go on, and everything gets to the journal.
@Suite(.timeLimit(.minutes(15))) struct CommitterTailTests {
    private func limits(ageMax: UInt64 = 20_000_000, tailBytes: Int = 64 << 10) -> Committer.Limits {
        var limits = Committer.Limits()
        limits.ageMax = ageMax
        limits.tailBytes = tailBytes
        limits.patience = 50_000_000
        limits.retryInterval = 5_000_000
        return limits
    }

    private static let never: UInt64 = 3_600_000_000_000

    /// Publishes and is answered as a caller of `.process` is; false where it would have to wait for room.
    private func process(_ writers: Writers, bytes: Int = 10) throws -> Bool {
        guard let lsn = try writers.tryPublish(.process, bytes: bytes) else { return false }
        let published = Published(lsn: lsn, chain: 0, outlivesProcess: bytes + 1 <= 30_000)
        return try writers.committer.acknowledge(published, .process) == .process
    }

    @Test func processIsAnsweredWhileACommitIsBlocked() throws {
        let writers = try Writers(limits(), outlives: true)
        writers.backend.shutGate()
        #expect(try process(writers))
        writers.backend.waitForAppend(1)
        for _ in 0..<500 { #expect(try process(writers)) }
        let figures = writers.committer.figures
        #expect(figures.pendingRecords == 501 && figures.last.value == 501 && figures.durable == .zero)
        #expect(figures.pendingAge > 0)
        usleep(30_000)
        #expect(writers.committer.figures.pendingAge > 30_000_000, "it is told how long they have waited")
        writers.backend.openGate()
        #expect(eventually { writers.committer.figures.pendingRecords == 0 })
        #expect(writers.committer.figures.pendingAge == 0)
        #expect(writers.backend.figures.batches.count == 2)
        writers.finish()
    }

    /// Nobody waits and nobody calls: the age alone commits. Pauses around the age meet every state of the thread.
    @Test(arguments: [1, 2] as [UInt64])
    func lonelyRecordsAreCommittedByTheirAge(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let ageMax: UInt64 = 2_000_000
        let writers = try Writers(limits(ageMax: ageMax), outlives: true)
        var slowest: UInt64 = 0
        for number in 0..<1_500 {
            let lsn = try #require(try writers.tryPublish(.process))
            let begun = Clock.monotonicNanoseconds()
            if number % 3 == 0 {
                // Looked at from outside only: asking would wake nobody, but waiting would.
                while writers.backend.committed < lsn && Clock.monotonicNanoseconds() - begun < 10_000_000_000 {
                    usleep(100)
                }
                #expect(writers.backend.committed >= lsn, "record \(number) was never committed, seed \(seed)")
                guard writers.backend.committed >= lsn else { break }
                slowest = max(slowest, Clock.monotonicNanoseconds() - begun)
            }
            usleep(UInt32.random(in: 0...3_000, using: &random))
        }
        #expect(writers.committer.figures.commits > 100)
        print("the slowest record took \(slowest / 1_000) µs to be committed")
        writers.finish()
    }

    /// A record published in the moment when a commit ends, or when the thread falls asleep: it is not forgotten.
    @Test func recordsAtTheEndOfACommitAreNotForgotten() throws {
        let writers = try Writers(limits(ageMax: 1_000_000), outlives: true)
        for number in 0..<3_000 {
            let lsn = try #require(try writers.tryPublish(.process))
            // Spins up to the end of that record's commit, then publishes at once.
            let begun = Clock.monotonicNanoseconds()
            while writers.backend.committed < lsn {
                if Clock.monotonicNanoseconds() - begun > 10_000_000_000 {
                    Issue.record("record \(number) was never committed")
                    return
                }
            }
        }
        writers.finish()
    }

    @Test func tailThatFillsIsDrainedWhateverTheAge() throws {
        let writers = try Writers(limits(ageMax: Self.never), outlives: true)
        var bytes = 0
        while bytes < 20_000 {
            #expect(try process(writers, bytes: 1_000))
            bytes += 1_008
        }
        usleep(20_000)
        #expect(writers.backend.figures.appendsBegun == 0, "less than half: it waits for its age")
        while bytes < 45_000 {
            #expect(try process(writers, bytes: 1_000))
            bytes += 1_008
        }
        #expect(eventually { writers.backend.figures.batches.count >= 1 }, "more than half")
        writers.finish()
    }

    /// Many laps, callers that wait for room, nobody who waits for the disk.
    /// Until the commit is durable the ring is all that a kill leaves of it.
    @Test func spaceOfACommitUnderWayIsNotGivenOut() throws {
        let writers = try Writers(limits(ageMax: Self.never), outlives: true)
        writers.backend.shutGate()
        var answered = 0
        while try process(writers, bytes: 500) { answered += 1 }
        #expect(answered > 90 && answered < 130, "\(answered) records of 512 bytes in 64 KiB")
        // The ring was half full when it began, so half of the space is that of its records.
        writers.backend.waitForAppend(1)
        #expect(try !process(writers, bytes: 500))
        writers.backend.openGate()
        #expect(eventually { (try? process(writers, bytes: 500)) == true })
        writers.finish()
    }

    @Test func ringThatIsOverrunLosesNothing() throws {
        let writers = try Writers(limits(ageMax: Self.never), outlives: true)
        let threads = Threads()
        for writer in 0..<4 {
            try threads.run {
                var random = SplitMix64(seed: UInt64(writer))
                for _ in 0..<400 {
                    let bytes = Int.random(in: 1...1_500, using: &random)
                    do {
                        while try writers.tryPublish(.process, bytes: bytes) == nil {
                            try writers.committer.waitForRoom(bytes + 1)
                        }
                    } catch { Issue.record("\(error)") }
                }
            }
        }
        threads.join()
        #expect(writers.backend.figures.batches.count > 5)
        writers.finish()
    }

    /// A backend that hangs: the tail fills, callers wait for room, and go on when it is over.
    @Test func stalledBackendHoldsCallersOnlyWhenTheTailIsFull() throws {
        let writers = try Writers(limits(), outlives: true)
        writers.backend.shutGate()
        var answered = 0
        while try process(writers, bytes: 500) { answered += 1 }
        #expect(answered > 90 && answered < 130, "\(answered) records of 512 bytes in 64 KiB")
        let isThrough = Shared(false)
        let threads = Threads()
        try threads.run {
            try? writers.committer.waitForRoom(501)
            isThrough.change { $0 = true }
        }
        usleep(20_000)
        #expect(!isThrough.value)
        writers.backend.openGate()
        threads.join()
        #expect(isThrough.value)
        #expect(try process(writers, bytes: 500))
        writers.finish()
    }

    /// A full disk: `.power` is refused at once, `.process` until the ring is full; everything comes when there is room.
    @Test func fullDiskLetsProcessInUntilTheRingIsFull() throws {
        let writers = try Writers(limits(), outlives: true)
        writers.backend.onAppend { _ in FakeBackend.full }
        #expect(try process(writers, bytes: 500))
        #expect(eventually { writers.committer.figures.stalled != nil })
        let refused = failure { try writers.appendAndWait(.power) }
        #expect(refused?.code == .diskFull && refused?.outcome == .rejected)
        var answered = 1
        var last: StoreError?
        while last == nil && answered < 1_000 {
            last = failure(unless: { if try process(writers, bytes: 500) { answered += 1 } })
        }
        #expect(last?.code == .diskFull && last?.outcome == .rejected)
        #expect(answered > 90 && answered < 130, "\(answered)")
        let alone = failure { _ = try writers.tryPublish(.process, bytes: 40_000) }
        #expect(alone?.code == .diskFull && alone?.outcome == .rejected, "one that does not fit into the ring")
        writers.backend.onAppend { _ in nil }
        #expect(eventually { writers.committer.lastDurable.value == UInt64(answered) })
        #expect(try process(writers, bytes: 500))
        writers.finish()
    }

    /// The journal is poisoned while `.process` callers go on: from then on they are refused; what was answered before
    /// stays in the tail for the next start.
    @Test func poisonRefusesProcessCallersToo() throws {
        let writers = try Writers(limits(ageMax: 5_000_000), outlives: true)
        writers.backend.onAppend { $0 < 3 ? nil : FakeBackend.broken }
        let threads = Threads()
        let outcomes = Shared<[Bool]>([])
        for _ in 0..<3 {
            try threads.run {
                while true {
                    do {
                        guard try writers.tryPublish(.process) != nil else {
                            try writers.committer.waitForRoom(11)
                            continue
                        }
                    } catch {
                        let error = error as? StoreError
                        outcomes.change { $0.append(error?.code == .poisoned && error?.outcome == .rejected) }
                        return
                    }
                    usleep(200)
                }
            }
        }
        threads.join()
        #expect(outcomes.value == [true, true, true])
        #expect(writers.backend.figures.appendsBegun == 3, "nothing is tried again")
        #expect(writers.committer.figures.pendingRecords > 0)
        writers.finish(expecting: .ioError)
    }

    @Test func stoppingCommitsWhatIsInTheRing() throws {
        let writers = try Writers(limits(ageMax: Self.never), outlives: true)
        for _ in 0..<100 { #expect(try process(writers)) }
        #expect(writers.backend.figures.appendsBegun == 0)
        #expect(writers.committer.stop() == nil)
        #expect(writers.committer.lastDurable == LSN(100) && writers.backend.figures.batches.count == 1)
        #expect(failure { _ = try writers.tryPublish(.process) }?.code == .closed)
        writers.finish()
    }

    /// Records that do not fit go by themselves, between small ones of other callers, threads and tasks: order and chain
    /// hold, and no small one overtakes.
    @Test func oversizeRecordsBetweenSmallOnes() async throws {
        let writers = try Writers(limits(), outlives: true)
        let threads = Threads()
        for writer in 0..<3 {
            try threads.run {
                for number in 0..<60 {
                    let bytes = number % 10 == writer ? 31_000 + number * 700 : number * 9
                    do {
                        if number % 2 == 0 {
                            try writers.appendAndWait(.power, bytes: bytes)
                        } else {
                            while try writers.tryPublish(.process, bytes: bytes) == nil {
                                try writers.committer.waitForRoom(bytes + 1)
                            }
                        }
                    } catch { Issue.record("\(error)") }
                }
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<6 {
                group.addTask {
                    for number in 0..<30 {
                        let bytes = number % 15 == task ? 50_000 : 40
                        do { try await writers.append(.power, bytes: bytes) } catch { Issue.record("\(error)") }
                    }
                }
            }
        }
        threads.join()
        writers.finish()
        #expect(writers.backend.figures.lsns.count == 3 * 60 + 6 * 30)
        let largest = writers.backend.figures.batches.map(\.count).max() ?? 0
        #expect(largest > 64 << 10)
    }

    /// Behind a record that goes by itself the ring has a gap: a change that was answered there would be lost by a kill.
    @Test func nothingIsAdmittedBehindARecordThatGoesByItself() throws {
        let writers = try Writers(limits(), outlives: true)
        writers.backend.shutGate()
        // Falling asleep the thread takes back what was handed out.
        #expect(eventually { writers.committer.lock.withLock { writers.committer.isIdle } })
        // Up to a segment's end: the next segment is handed out, and room alone would let the next change in.
        #expect(try process(writers, bytes: (64 << 10) / TailFormat.stripes - RecordFormat.recordHeaderSize - 1))
        #expect(try writers.tryPublish(.process, bytes: 40_000) == LSN(2))
        writers.backend.waitForAppend(1)
        for level in [Durability.process, .power] {
            for bytes in [1, 500, 40_000] { #expect(try writers.tryPublish(level, bytes: bytes) == nil, "\(bytes)") }
        }
        writers.backend.openGate()
        #expect(eventually { writers.committer.lastDurable == LSN(2) })
        #expect(try process(writers))
        writers.finish()
    }

    /// The mark says only what is synced, and the ring gives up only what the mark says.
    @Test func markAndRingFollowTheCommit() throws {
        let folder = try TemporaryFolder()
        let page = try RunPage(
            folder: folder.path, storeID: "committer", epoch: Writers.origin.epoch, started: 1, syncMark: .zero)
        func mark() throws -> LSN? { try RunPage.read(folder: folder.path, storeID: "committer")?.syncMark }
        let writers = try Writers(limits(ageMax: 1_000_000), page: page, outlives: true)
        writers.backend.shutGate()
        for _ in 0..<20 { #expect(try process(writers)) }
        writers.backend.waitForAppend(1)
        usleep(5_000)
        #expect(try mark() == .zero, "the commit has begun, no more")
        writers.backend.openGate()
        #expect(eventually { writers.committer.lastDurable == LSN(20) })
        #expect(try mark() == LSN(20))
        writers.backend.onAppend { _ in FakeBackend.broken }
        #expect(try process(writers))
        #expect(eventually { writers.committer.figures.poisoned != nil })
        #expect(try mark() == LSN(20))
        #expect(try RunPage.read(folder: folder.path, storeID: "committer")?.poisoned == true)
        writers.finish(expecting: .ioError)
    }
}

/// The StoreError that the body throws, if any.
private func failure(unless body: () throws -> Void) -> StoreError? {
    do { try body() } catch { return error as? StoreError }
    return nil
}

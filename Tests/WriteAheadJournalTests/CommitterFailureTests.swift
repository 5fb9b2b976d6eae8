import TestSupport
import Testing
import WriteAheadJournal

@Suite(.timeLimit(.minutes(15))) struct CommitterFailureTests {
    private func limits(patience: UInt64 = 50_000_000, tailBytes: Int = 4 << 20) -> Committer.Limits {
        var limits = Committer.Limits()
        limits.patience = patience
        limits.retryInterval = 2_000_000
        limits.tailBytes = tailBytes
        return limits
    }

    // MARK: No space

    @Test(arguments: [StoreError.Code.diskFull, .busy])
    func callerInBetweenGetsNotYetDurableAfterPatience(code: StoreError.Code) async throws {
        let writers = try Writers(limits())
        let hasRoom = Shared(false)
        writers.backend.onAppend { _ in hasRoom.value ? nil : StoreError(code, "none left") }
        let start = Clock.monotonicNanoseconds()
        let late = failure { try writers.appendAndWait() }
        #expect(late?.code == .notYetDurable && late?.outcome == .unknown)
        let waited = Clock.monotonicNanoseconds() - start
        #expect(waited >= 50_000_000, "\(waited) ns")
        // The same for an async caller whose record is published already.
        do throws(StoreError) {
            try await writers.committer.waitDurable(LSN(1))
            Issue.record("it is not durable")
        } catch {
            #expect(error.code == .notYetDurable && error.outcome == .unknown)
        }
        hasRoom.change { $0 = true }
        #expect(await eventually { writers.committer.lastDurable == LSN(1) })
        try writers.appendAndWait()
        let figures = writers.backend.figures
        #expect(figures.lsns.map(\.value) == [1, 2])
        #expect(figures.attempts.count > 3, "it was tried again meanwhile")
        #expect(figures.attempts.dropLast().allSatisfy { $0 == figures.batches[0] }, "always the very same batch")
        writers.finish()
    }

    @Test func whileTheDiskIsFullPowerIsRejectedAndProcessUntilTheTailIsFull() throws {
        let writers = try Writers(limits(tailBytes: 1_000))
        let hasRoom = Shared(false)
        writers.backend.onAppend { _ in hasRoom.value ? nil : FakeBackend.full }
        _ = failure { try writers.appendAndWait(bytes: 100) }
        let start = Clock.monotonicNanoseconds()
        for _ in 0..<3 {
            let refused = failure { _ = try writers.tryPublish(.power) }
            #expect(refused?.code == .diskFull && refused?.outcome == .rejected)
        }
        #expect(Clock.monotonicNanoseconds() - start < 1_000_000_000, "at once")
        #expect(writers.committer.last == LSN(1), "no LSN was given")
        var admitted = 0
        var refused: StoreError?
        while refused == nil && admitted < 100 {
            do throws(StoreError) {
                #expect(try writers.tryPublish(.process, bytes: 100) != nil, "nobody waits for a disk that is full")
                admitted += 1
            } catch {
                refused = error
            }
        }
        #expect(refused?.code == .diskFull && refused?.outcome == .rejected)
        #expect(admitted >= 6 && admitted <= 9)
        let last = writers.committer.last
        #expect(last == LSN(UInt64(1 + admitted)))
        hasRoom.change { $0 = true }
        #expect(eventually { writers.committer.lastDurable == last })
        #expect(try writers.appendAndWait() == last.next)
        writers.finish()
    }

    /// The committer's thread sleeps until a record is old; a shortage that somebody else's commit finds wakes it.
    @Test func shortageWakesAThreadThatWaitsForAnOldRecord() throws {
        var limits = limits()
        limits.ageMax = 3_600_000_000_000
        let writers = try Writers(limits, outlives: true)
        #expect(try writers.tryPublish(.process) != nil)
        // The thread has seen the record and sleeps again: once the first commit is done nothing else wakes it.
        Clock.sleep(nanoseconds: 20_000_000)
        writers.backend.failReservation(FakeBackend.full)
        try writers.appendAndWait()
        #expect(try writers.tryPublish(.process) != nil)
        #expect(failure { _ = try writers.tryPublish(.power) }?.code == .diskFull)
        writers.backend.failReservation(nil)
        #expect(eventually { (try? writers.tryPublish(.power)) != nil })
        writers.finish()
    }

    @Test func callerIsAnsweredWhenRoomComesWithinItsPatience() async throws {
        let writers = try Writers(limits(patience: 200_000_000_000))
        let hasRoom = Shared(false)
        writers.backend.onAppend { _ in hasRoom.value ? nil : FakeBackend.full }
        let threads = Threads()
        let answered = Shared<[LSN]>([])
        try threads.run {
            if let lsn: LSN = try? writers.appendAndWait() { answered.change { $0.append(lsn) } }
        }
        #expect(await eventually { writers.committer.figures.stalled != nil })
        let waiter = Task { try await writers.committer.waitDurable(LSN(1)) }
        hasRoom.change { $0 = true }
        threads.join()
        try await waiter.value
        #expect(answered.value == [LSN(1)])
        #expect(writers.committer.figures.stalled == nil)
        writers.finish()
    }

    /// A commit that takes long before it finds no space is none of the waiting that patience is for.
    @Test func patienceOfATaskBeginsWithTheShortage() async throws {
        let writers = try Writers(limits(patience: 400_000_000))
        writers.backend.onAppend { $0 == 1 ? FakeBackend.full : nil }
        writers.backend.shutGate()
        let waiter = Task { try await writers.append() }
        await writers.backend.waitForAppend(1)
        try await Task.sleep(for: .milliseconds(500))
        writers.backend.openGate()
        #expect(try await waiter.value == LSN(1))
        #expect(writers.backend.figures.appendsBegun == 2)
        writers.finish()
    }

    /// A long use of the backend (a trim, a compaction) while the disk is full must not put an end to the trying.
    @Test func tryingGoesOnAfterTheBackendWasUsedForSomethingElse() throws {
        let writers = try Writers(limits(patience: 5_000_000))
        let hasRoom = Shared(false)
        writers.backend.onAppend { _ in hasRoom.value ? nil : FakeBackend.full }
        _ = failure { try writers.appendAndWait() }
        let attempts = writers.backend.figures.appendsBegun
        try writers.committer.withBackend { (_) throws(StoreError) in
            // Longer than the retry interval, so that the committer's thread finds the backend taken.
            _ = waited(50_000_000)
        }
        hasRoom.change { $0 = true }
        #expect(eventually { writers.committer.lastDurable == LSN(1) }, "\(attempts) attempts, then none")
        writers.finish()
    }

    private func waited(_ nanoseconds: UInt64) -> Bool {
        let end = Clock.monotonicNanoseconds() + nanoseconds
        while Clock.monotonicNanoseconds() < end {}
        return true
    }

    @Test func stopTriesOnceMoreAndTellsWhatIsNotDurable() throws {
        let writers = try Writers(limits())
        writers.backend.onAppend { _ in FakeBackend.full }
        _ = failure { try writers.appendAndWait() }
        let reason = writers.committer.stop()
        #expect(reason?.code == .notYetDurable && reason?.outcome == .unknown)
        try writers.committer.close(marking: RunEnd(.clean, evidence: "test"))
        #expect(writers.backend.figures.ends.isEmpty, "this end was not clean")
        #expect(writers.backend.figures.lsns.isEmpty)
    }

    @Test func stopCommitsWhenRoomCameAtTheLastMoment() throws {
        let writers = try Writers(limits())
        let hasRoom = Shared(false)
        writers.backend.onAppend { _ in hasRoom.value ? nil : FakeBackend.full }
        _ = failure { try writers.appendAndWait() }
        _ = try writers.tryPublish(.process)
        hasRoom.change { $0 = true }
        #expect(writers.committer.stop() == nil)
        #expect(writers.backend.figures.lsns.map(\.value) == [1, 2])
        writers.finish()
    }

    /// Only the room for the next commit is missing: nothing that was published waits for it.
    @Test func stopSaysNothingOfAShortageThatKeepsNothingFromTheDisk() throws {
        let writers = try Writers(limits())
        writers.backend.failReservation(FakeBackend.full)
        try writers.appendAndWait()
        #expect(writers.committer.figures.stalled != nil)
        #expect(writers.committer.stop() == nil)
        try writers.committer.close(marking: RunEnd(.clean, evidence: "test"))
        #expect(writers.backend.figures.ends.map(\.kind) == [.clean])
    }

    /// Its body needs more than was made sure of, and the tail has no room for that: nothing was published yet.
    @Test func transactionThatOutgrowsAFullTailOnAFullDiskIsRejected() throws {
        let writers = try Writers(limits(tailBytes: 1_024))
        writers.backend.onAppend { _ in FakeBackend.full }
        _ = failure { try writers.appendAndWait(bytes: 300) }
        #expect(try writers.tryPublish(.process, bytes: 300) != nil)
        let last = writers.committer.last
        guard case .admitted = try writers.committer.admit(.process, content: 1) else {
            Issue.record("there is room for a small one")
            return
        }
        let refused = failure {
            _ = try writers.committer.publish(.bytes, content: 401) {
                $0.initializeMemory(as: UInt8.self, repeating: 7)
            }
        }
        #expect(refused?.code == .diskFull && refused?.outcome == .rejected)
        #expect(writers.committer.last == last)
        // Others are not kept out by it.
        #expect(try writers.tryPublish(.process, bytes: 10) == last.next)
        writers.backend.onAppend { _ in nil }
        #expect(eventually { writers.committer.lastDurable == last.next })
        writers.finish()
    }

    // MARK: A failure nobody understands

    /// A failed fsync is never tried again: the kernel may have dropped the pages and call the next one a success.
    @Test func ioErrorIsUnknownAndNothingIsEverAppendedAgain() async throws {
        let folder = try TemporaryFolder()
        let page = try RunPage(folder: folder.path, storeID: "s", epoch: 1, started: 0, syncMark: .zero)
        let writers = try Writers(limits(), page: page)
        try writers.appendAndWait()
        writers.backend.onAppend { _ in FakeBackend.broken }
        let lost = failure { try writers.appendAndWait() }
        #expect(lost?.code == .ioError && lost?.outcome == .unknown && lost?.cause == 5)
        #expect(try RunPage.read(folder: folder.path, storeID: "s")?.poisoned == true)
        #expect(try RunPage.read(folder: folder.path, storeID: "s")?.syncMark == LSN(1))
        for durability in Durability.allCases {
            let refused = failure { _ = try writers.tryPublish(durability) }
            #expect(refused?.code == .poisoned && refused?.outcome == .rejected)
        }
        #expect(failure { try writers.committer.withBackend { (_) throws(StoreError) in } }?.code == .poisoned)
        #expect(writers.committer.drain()?.outcome == .unknown)
        await #expect(throws: StoreError.self) { try await writers.committer.waitDurable(LSN(2)) }
        try writers.waitDurable(LSN(1))
        #expect(writers.committer.stop()?.outcome == .unknown)
        try writers.committer.close(marking: RunEnd(.clean, evidence: "test"))
        let figures = writers.backend.figures
        #expect(figures.appendsBegun == 2 && figures.ends.isEmpty && figures.maintained == 0)
        #expect(figures.closed == 1)
        withExtendedLifetime(page) {}
    }

    @Test func everyoneBehindAFailedCommitGetsUnknown() async throws {
        let writers = try Writers(limits())
        writers.backend.shutGate()
        writers.backend.onAppend { _ in FakeBackend.broken }
        let threads = Threads()
        let outcomes = Shared<[StoreError]>([])
        for count in 1...6 {
            try threads.run {
                do throws(StoreError) { try writers.appendAndWait() } catch { outcomes.change { $0.append(error) } }
            }
            #expect(await eventually { writers.committer.figures.pendingRecords == count })
        }
        let waiting = Task {
            do throws(StoreError) { try await writers.committer.waitDurable(LSN(6)) } catch {
                outcomes.change { $0.append(error) }
            }
        }
        writers.backend.openGate()
        threads.join()
        await waiting.value
        #expect(outcomes.value.count == 7)
        #expect(outcomes.value.allSatisfy { $0.code == .ioError && $0.outcome == .unknown })
        #expect(writers.backend.figures.appendsBegun == 1)
        writers.finish(expecting: .ioError)
    }

    @Test func waitingForRoomEndsWithTheFailure() async throws {
        let writers = try Writers(limits(tailBytes: 1_024))
        writers.backend.shutGate()
        writers.backend.onAppend { _ in FakeBackend.broken }
        let threads = Threads()
        let codes = Shared<[StoreError.Code]>([])
        try threads.run { _ = try? writers.appendAndWait(bytes: 440) }
        await writers.backend.waitForAppend(1)
        #expect(try writers.tryPublish(bytes: 440) != nil)
        try threads.run {
            do throws(StoreError) { try writers.appendAndWait(bytes: 440) } catch {
                codes.change { $0.append(error.code) }
            }
        }
        let task = Task {
            do throws(StoreError) { try await writers.append(bytes: 440) } catch {
                codes.change { $0.append(error.code) }
            }
        }
        writers.backend.openGate()
        threads.join()
        await task.value
        #expect(codes.value == [.poisoned, .poisoned])
        writers.finish(expecting: .ioError)
    }

    @Test func failureElsewherePoisonsAsWell() throws {
        let writers = try Writers(limits())
        try writers.appendAndWait()
        writers.committer.poison(StoreError(.damaged, "the table", cause: 11))
        let refused = failure { _ = try writers.tryPublish() }
        #expect(refused?.code == .poisoned && refused?.cause == 11)
        #expect(writers.committer.stop()?.outcome == .unknown)
    }

    /// The table's sync fails while a commit is under way, which then finds no space: what is poisoned stays so.
    @Test(arguments: [true, false]) func fullDiskBehindAFailureDoesNotLiftThePoison(isReservation: Bool) throws {
        let writers = try Writers(limits())
        writers.backend.shutGate()
        if isReservation {
            writers.backend.failReservation(FakeBackend.full)
        } else {
            writers.backend.onAppend { _ in FakeBackend.full }
        }
        let threads = Threads()
        try threads.run { _ = try? writers.appendAndWait() }
        writers.backend.waitForAppend(1)
        writers.committer.poison(FakeBackend.broken)
        writers.backend.openGate()
        threads.join()
        writers.backend.failReservation(nil)
        writers.backend.onAppend { _ in nil }
        Clock.sleep(nanoseconds: 30_000_000)
        #expect(writers.committer.figures.poisoned != nil)
        #expect(failure { _ = try writers.tryPublish() }?.code == .poisoned)
        #expect(failure { try writers.committer.checkSound() }?.code == .poisoned)
        #expect(writers.backend.figures.appendsBegun == 1, "nothing is tried again")
        #expect(writers.committer.stop()?.outcome == .unknown)
    }

    // MARK: Using the backend

    @Test func fullDiskInUpkeepLeavesTheJournalSound() throws {
        let writers = try Writers(limits())
        for code in [StoreError.Code.diskFull, .busy] {
            let thrown = failure {
                try writers.committer.withBackend { (_) throws(StoreError) in throw StoreError(code, "upkeep") }
            }
            #expect(thrown?.code == code)
            try writers.appendAndWait()
        }
        writers.finish()
    }

    @Test func failedUpkeepPoisons() throws {
        let writers = try Writers(limits())
        let thrown = failure {
            try writers.committer.withBackend { (_) throws(StoreError) in throw FakeBackend.broken }
        }
        #expect(thrown?.code == .ioError)
        #expect(failure { _ = try writers.tryPublish() }?.code == .poisoned)
        #expect(writers.backend.figures.appendsBegun == 0)
    }

    @Test func upkeepWaitsForTheCommitThatIsUnderWay() throws {
        let writers = try Writers(limits())
        writers.backend.shutGate()
        let threads = Threads()
        try threads.run { _ = try? writers.appendAndWait() }
        writers.backend.waitForAppend(1)
        let calls = Shared(0)
        try threads.run {
            calls.change { $0 += 1 }
            // The fake notes a call that comes beside another one.
            _ = try? writers.committer.withBackend { (backend) throws(StoreError) in try backend.trim(through: .zero) }
        }
        #expect(eventually { calls.value == 1 })
        _ = waited(5_000_000)
        writers.backend.openGate()
        threads.join()
        writers.finish()
    }

    @Test func upkeepAndCommitsTakeTurns() throws {
        let writers = try Writers(limits())
        let threads = Threads()
        let inside = Shared(0)
        for _ in 0..<3 {
            try threads.run {
                for _ in 0..<200 {
                    try? writers.committer.withBackend { (backend) throws(StoreError) in
                        inside.change { $0 += 1 }
                        // The fake notes every call that comes beside another.
                        _ = try backend.trim(through: .zero)
                    }
                }
            }
            try threads.run { for _ in 0..<200 { _ = try? writers.appendAndWait() } }
        }
        threads.join()
        #expect(inside.value == 600)
        #expect(writers.committer.lastDurable == LSN(600))
        writers.finish()
    }
}

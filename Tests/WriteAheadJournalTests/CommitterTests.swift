import TestSupport
import Testing

@testable import WriteAheadJournal

@Suite(.timeLimit(.minutes(15))) struct CommitterTests {
    @Test func callersBehindOneCommitShareTheNext() throws {
        let writers = try Writers()
        writers.backend.shutGate()
        let threads = Threads()
        let answered = Shared<[LSN]>([])
        try threads.run { _ = try? writers.appendAndWait() }
        writers.backend.waitForAppend(1)
        for _ in 0..<8 {
            try threads.run {
                let lsn: LSN? = try? writers.appendAndWait()
                answered.change { if let lsn { $0.append(lsn) } }
            }
        }
        #expect(eventually { writers.committer.figures.pendingRecords == 9 })
        #expect(answered.value.isEmpty)
        writers.backend.openGate()
        threads.join()
        #expect(writers.backend.figures.batches.count == 2)
        #expect(answered.value.sorted().map(\.value) == Array(2...9))
        #expect(writers.committer.figures.commits == 2)
        writers.finish()
    }

    /// Two hand-offs to another thread would cost a lone caller 10 to 30 µs.
    @Test func loneCallerCommitsOnItsOwnThread() throws {
        let writers = try Writers()
        for _ in 0..<20 { try writers.appendAndWait() }
        let here = Machine.threadIdentity
        #expect(writers.backend.figures.threads == [UInt](repeating: here, count: 20))
        writers.finish()
    }

    /// An async caller never waits for the disk on a pool thread.
    @Test func asyncCallerNeverCommitsOnItsThread() async throws {
        let writers = try Writers()
        writers.backend.shutGate()
        let task = Task { try await writers.append() }
        await writers.backend.waitForAppend(1)
        // This pool thread is free although the commit is stuck, even where the pool has a single one.
        let another = Task { 42 }
        #expect(await another.value == 42)
        writers.backend.openGate()
        #expect(try await task.value == LSN(1))
        let threads = Set(writers.backend.figures.threads)
        for _ in 0..<20 { try await writers.append() }
        #expect(threads == Set(writers.backend.figures.threads), "one thread commits for all of them")
        writers.finish()
    }

    @Test func manyAsyncCallersAreAnsweredByFewCommits() async throws {
        let writers = try Writers()
        writers.backend.shutGate()
        try await withThrowingTaskGroup(of: LSN.self) { group in
            group.addTask { try await writers.append() }
            await writers.backend.waitForAppend(1)
            for _ in 0..<100 { group.addTask { try await writers.append() } }
            #expect(await eventually { writers.committer.figures.pendingRecords == 101 })
            writers.backend.openGate()
            var answered: Set<LSN> = []
            for try await lsn in group { answered.insert(lsn) }
            #expect(answered.count == 101)
        }
        #expect(writers.backend.figures.batches.count == 2)
        writers.finish()
    }

    @Test func noAnswerComesBeforeTheCommit() throws {
        let writers = try Writers()
        writers.backend.shutGate()
        let threads = Threads()
        let isAnswered = Shared(false)
        try threads.run {
            _ = try? writers.appendAndWait()
            isAnswered.change { $0 = true }
        }
        writers.backend.waitForAppend(1)
        #expect(!isAnswered.value)
        #expect(writers.committer.lastDurable == .zero && writers.committer.last == LSN(1))
        writers.backend.openGate()
        threads.join()
        #expect(isAnswered.value && writers.committer.lastDurable == LSN(1))
        writers.finish()
    }

    /// A task whose record came too late for a commit hears of its own commit, not of that one.
    @Test func waiterBehindACommitGetsTheAnswerOfItsOwn() async throws {
        let writers = try Writers()
        writers.backend.shutGate()
        writers.backend.onAppend { $0 == 1 ? nil : FakeBackend.broken }
        let threads = Threads()
        try threads.run { _ = try? writers.appendAndWait() }
        await writers.backend.waitForAppend(1)
        #expect(try writers.tryPublish() == LSN(2))
        let late = Task { () -> StoreError? in
            do throws(StoreError) { try await writers.committer.waitDurable(LSN(2)) } catch { return error }
            return nil
        }
        #expect(await eventually { writers.committer.lock.withLock { writers.committer.waiters.count == 1 } })
        writers.backend.openGate()
        threads.join()
        #expect(await late.value?.outcome == .unknown)
        #expect(writers.committer.lastDurable == LSN(1))
        writers.finish(expecting: .ioError)
    }

    /// A ring in private memory ends with the process: there `.process` is answered by the commit.
    @Test func processWaitsForTheCommitWhereNothingOutlivesTheProcess() throws {
        let writers = try Writers()
        writers.backend.onAppend { _ in FakeBackend.broken }
        guard case .admitted = try writers.committer.admit(.process, content: 11) else {
            Issue.record("an empty tail has room")
            return
        }
        let published = try writers.committer.publish(.bytes, content: 11) {
            $0.initializeMemory(as: UInt8.self, repeating: 7)
        }
        let error = failure { _ = try writers.committer.acknowledge(published, .process) }
        #expect(error?.code == .ioError && error?.outcome == .unknown)
        writers.finish(expecting: .ioError)
    }

    @Test func syncMarkFollowsTheCommit() throws {
        let folder = try TemporaryFolder()
        let page = try RunPage(folder: folder.path, storeID: "s", epoch: 1, started: 0, syncMark: .zero)
        let writers = try Writers(page: page)
        try writers.appendAndWait()
        try writers.appendAndWait()
        #expect(try RunPage.read(folder: folder.path, storeID: "s")?.syncMark == LSN(2))
        writers.backend.shutGate()
        let threads = Threads()
        try threads.run { _ = try? writers.appendAndWait() }
        writers.backend.waitForAppend(3)
        #expect(try RunPage.read(folder: folder.path, storeID: "s")?.syncMark == LSN(2))
        writers.backend.openGate()
        threads.join()
        #expect(try RunPage.read(folder: folder.path, storeID: "s")?.syncMark == LSN(3))
        writers.finish()
    }

    @Test func fullTailMakesWritersWaitAndWakesThem() async throws {
        var limits = Committer.Limits()
        limits.tailBytes = 4_096
        let writers = try Writers(limits)
        writers.backend.shutGate()
        let threads = Threads()
        try threads.run { _ = try? writers.appendAndWait(bytes: 1_800) }
        await writers.backend.waitForAppend(1)
        #expect(try writers.tryPublish(bytes: 1_800) != nil)
        #expect(try writers.tryPublish(bytes: 1_800) == nil, "3,632 of 4,096 bytes are on their way")
        let done = Shared(0)
        for _ in 0..<4 {
            try threads.run {
                if (try? writers.appendAndWait(bytes: 1_800)) != nil { done.change { $0 += 1 } }
            }
        }
        let task = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await writers.append(bytes: 1_800) } }
                try await group.waitForAll()
            }
        }
        #expect(writers.committer.last == LSN(2) && done.value == 0)
        writers.backend.openGate()
        threads.join()
        try await task.value
        #expect(done.value == 4)
        #expect(writers.committer.lastDurable == LSN(10))
        // A record and the one beside it, never the whole queue.
        #expect(writers.backend.figures.batches.allSatisfy { $0.count < 4_096 })
        writers.finish()
    }

    @Test func recordLargerThanTheTailGoesThrough() throws {
        var limits = Committer.Limits()
        limits.tailBytes = 1_000
        let writers = try Writers(limits)
        for _ in 0..<3 { try writers.appendAndWait(bytes: 50_000) }
        writers.finish()
    }

    @Test func logAtItsBoundMakesWritersWaitUntilItIsTrimmed() async throws {
        let writers = try Writers()
        let pressed = Shared(0)
        writers.committer.boundLog(1_000) { pressed.change { $0 += 1 } }
        while try writers.tryPublish(bytes: 200) != nil { _ = writers.committer.drain() }
        #expect(writers.committer.figures.logBytes >= 1_000)
        #expect(pressed.value >= 1, "half of it was reached long ago")
        let threads = Threads()
        let done = Shared(0)
        for _ in 0..<3 {
            try threads.run {
                if (try? writers.appendAndWait(bytes: 200)) != nil { done.change { $0 += 1 } }
            }
        }
        let task = Task { try await writers.append(bytes: 200) }
        #expect(done.value == 0)
        _ = try writers.committer.withBackend { (backend) throws(StoreError) in try backend.trim(through: LSN(1)) }
        threads.join()
        _ = try await task.value
        #expect(done.value == 3)
        writers.finish()
    }

    @Test func raisedBoundWakesWritersToo() throws {
        let writers = try Writers()
        writers.committer.boundLog(100) {}
        try writers.appendAndWait(bytes: 200)
        #expect(try writers.tryPublish() == nil)
        let threads = Threads()
        try threads.run { _ = try? writers.appendAndWait() }
        writers.committer.boundLog(10_000) {}
        threads.join()
        #expect(writers.committer.lastDurable == LSN(2))
        writers.finish()
    }

    /// A log at its bound that cannot be shortened for want of space: nobody waits for room that does not come.
    @Test func boundThatCannotBeHeldRefusesWriters() throws {
        let writers = try Writers()
        writers.committer.boundLog(100) {}
        try writers.appendAndWait(bytes: 200)
        let refused = Shared<StoreError.Code?>(nil)
        let threads = Threads()
        try threads.run {
            let error = failure { _ = try writers.appendAndWait() }
            refused.change { $0 = error?.code }
        }
        writers.committer.noteFold(StoreError(.diskFull, "no space left: free some"))
        threads.join()
        #expect(refused.value == .diskFull)
        let error = failure { _ = try writers.tryPublish() }
        #expect(error?.code == .diskFull && error?.outcome == .rejected)
        // The next fold found room: it is waited for again, and the trim lets writers in.
        writers.committer.noteFold(nil)
        #expect(try writers.tryPublish() == nil)
        _ = try writers.committer.withBackend { (backend) throws(StoreError) in try backend.trim(through: LSN(1)) }
        try writers.appendAndWait()
        #expect(writers.committer.lastDurable == LSN(2))
        writers.finish()
    }

    /// `.process` changes have nobody waiting for the disk: their age commits them.
    @Test func recordsNobodyWaitsForAreCommittedWhenTheyAreOld() throws {
        let writers = try Writers()
        #expect(try writers.tryPublish(.process) == LSN(1))
        #expect(eventually { writers.committer.lastDurable == LSN(1) })
        #expect(try writers.tryPublish(.process) == LSN(2))
        #expect(eventually { writers.committer.lastDurable == LSN(2) })
        writers.finish()
    }

    @Test func recordsPublishedDuringACommitAreCommittedWhenTheyAreOld() throws {
        let writers = try Writers()
        writers.backend.shutGate()
        let threads = Threads()
        try threads.run { _ = try? writers.appendAndWait() }
        writers.backend.waitForAppend(1)
        #expect(try writers.tryPublish(.process) == LSN(2))
        writers.backend.openGate()
        threads.join()
        #expect(eventually { writers.committer.lastDurable == LSN(2) })
        writers.finish()
    }

    // MARK: The end

    @Test func stopCommitsWhatIsPending() throws {
        let writers = try Writers()
        for _ in 0..<5 { _ = try writers.tryPublish() }
        #expect(writers.committer.stop() == nil)
        #expect(writers.backend.figures.lsns.count == 5)
        #expect(failure { _ = try writers.tryPublish() }?.code == .closed)
        try writers.committer.close(marking: RunEnd(.clean, evidence: "test"))
        #expect(writers.backend.figures.ends == [RunEnd(.clean, evidence: "test")])
        #expect(writers.backend.figures.closed == 1)
        writers.finish()
    }

    @Test func closeRefusesLaterCalls() async throws {
        let writers = try Writers()
        try writers.appendAndWait()
        _ = writers.committer.stop()
        try writers.committer.close(marking: nil)
        let refused = failure { _ = try writers.tryPublish() }
        #expect(refused?.code == .closed && refused?.outcome == .rejected)
        #expect(failure { try writers.committer.withBackend { (_) throws(StoreError) in } }?.code == .closed)
        try writers.waitDurable(LSN(1))
        let late = failure { try writers.waitDurable(LSN(2)) }
        #expect(late?.code == .closed && late?.outcome == .unknown)
        await #expect(throws: StoreError.self) { try await writers.committer.waitDurable(LSN(2)) }
        try await writers.committer.waitDurable(LSN(1))
        #expect(writers.backend.figures.ends.isEmpty)
    }

    @Test func writersThatWaitForTheLogAreWokenByTheEnd() async throws {
        let writers = try Writers()
        writers.committer.boundLog(100) {}
        try writers.appendAndWait(bytes: 200)
        let threads = Threads()
        let codes = Shared<[StoreError.Code]>([])
        for _ in 0..<3 {
            try threads.run {
                do throws(StoreError) { try writers.appendAndWait() } catch { codes.change { $0.append(error.code) } }
            }
        }
        let task = Task { try await writers.append() }
        _ = writers.committer.stop()
        try writers.committer.close(marking: nil)
        threads.join()
        #expect(codes.value == [.closed, .closed, .closed])
        await #expect(throws: StoreError.self) { try await task.value }
        writers.finish()
    }

    /// Upkeep that found no room costs time at the next start; the run ended cleanly all the same.
    @Test func endIsMarkedWhereUpkeepFindsNoRoom() throws {
        for code in [StoreError.Code.diskFull, .busy] {
            let writers = try Writers()
            try writers.appendAndWait()
            writers.backend.failMaintenance(StoreError(code, "upkeep"))
            #expect(writers.committer.stop() == nil)
            try writers.committer.close(marking: RunEnd(.clean, evidence: "test"))
            #expect(writers.backend.figures.ends.count == 1, "\(code.rawValue)")
        }
    }

    @Test func endIsNotMarkedWhereUpkeepFails() throws {
        let writers = try Writers()
        writers.backend.failMaintenance(FakeBackend.broken)
        _ = writers.committer.stop()
        #expect(
            failure { try writers.committer.close(marking: RunEnd(.clean, evidence: "test")) }?.code == .ioError)
        #expect(writers.backend.figures.ends.isEmpty && writers.backend.figures.closed == 1)
    }
}

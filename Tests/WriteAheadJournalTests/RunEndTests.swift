import Testing

@testable import WriteAheadJournal

import SystemC

@Suite struct RunEndTests {
    private enum Boots: CaseIterable { case same, other, unknownThen, unknownNow }
    private enum Kills: CaseIterable { case unknown, none, some, someInAnotherGroup }

    /// Every combination of traces against the table of the verdicts, strongest evidence first.
    @Test func everyCombinationOfTracesHasItsVerdict() {
        var verdicts: [RunEnd.Kind: Int] = [:]
        var combinations = 0
        for bits in 0..<128 {
            for boots in Boots.allCases {
                for kills in Kills.allCases {
                    combinations += 1
                    var traces = RunTraces()
                    traces.pageIsItsOwn = bits & 1 != 0
                    traces.fatalSignal = bits & 2 != 0 ? 11 : 0
                    traces.fatalCode = 1
                    traces.handledSignal = bits & 4 != 0 ? 15 : 0
                    traces.marksArmed = bits & 8 != 0
                    traces.poisoned = bits & 16 != 0
                    traces.kernelKilledForMemory = bits & 32 != 0
                    traces.pidIsTheKernels = bits & 64 == 0
                    traces.bootThen = boots == .unknownThen ? "" : "a"
                    traces.bootNow = boots == .unknownNow ? "" : boots == .other ? "b" : "a"
                    traces.sameMemoryGroup = kills == .none || kills == .some
                    traces.memoryKillsThen = kills == .unknown ? nil : 3
                    traces.memoryKillsNow = kills == .unknown ? nil : kills == .none ? 3 : 4
                    let own = traces.pageIsItsOwn
                    let table: [(holds: Bool, kind: RunEnd.Kind, confidence: RunEnd.Confidence, status: Int32?)] = [
                        (own && traces.fatalSignal != 0, .crash, .certain, 11),
                        (boots == .other, .machineDown, .likely, nil),
                        (traces.kernelKilledForMemory && traces.pidIsTheKernels, .outOfMemory, .certain, nil),
                        (traces.kernelKilledForMemory, .outOfMemory, .likely, nil),
                        (kills == .some, .outOfMemory, .likely, nil),
                        (own && traces.handledSignal != 0, .signal, .likely, 15),
                        (boots == .unknownThen || boots == .unknownNow, .killed, .possible, nil),
                        (own && traces.poisoned, .killed, .possible, nil),
                        (own && traces.marksArmed, .killed, .likely, nil),
                        (true, .killed, .possible, nil),
                    ]
                    guard let expected = table.first(where: \.holds) else { continue }
                    let end = traces.judge()
                    verdicts[end.kind, default: 0] += 1
                    #expect(end.kind == expected.kind, "\(traces)")
                    #expect(end.confidence == expected.confidence, "\(traces)")
                    #expect(end.status == expected.status, "\(traces)")
                    #expect(!end.evidence.isEmpty)
                }
            }
        }
        #expect(combinations == 2_048)
        #expect(Set(verdicts.keys) == [.crash, .machineDown, .outOfMemory, .signal, .killed])
    }

    @Test func anotherRunsPageIsNoEvidence() {
        let page = RunPage.Image(
            epoch: 2, boot: "b", pid: 1, marksArmed: true, fatalSignal: 11, fatalCode: 0, handledSignal: 15,
            syncMark: .zero, poisoned: true, keepsTail: false)
        var run = RunRow(
            id: 1, epoch: 1, started: 0, pid: 1, host: "h", boot: Machine.bootIdentity(), ended: nil, end: nil)
        #expect(run.traces(page: page).pageIsItsOwn == false)
        #expect(run.traces(page: page).fatalSignal == 0 && run.traces(page: page).handledSignal == 0)
        run.epoch = 2
        #expect(run.traces(page: page).fatalSignal == 11)
        #expect(run.traces(page: page).judge().kind == .crash)
    }

    /// The mark has no checksum: one altered bit must not be a crash that the process itself is said to have marked.
    @Test func alteredBitOfTheCrashMarkIsNoCrash() throws {
        let folder = try TemporaryFolder()
        for isArmed in [false, true] {
            let page = try RunPage(folder: folder(""), storeID: "s", epoch: 1, started: 0, syncMark: .zero)
            page.crashMark.storeBytes(of: isArmed ? 1 : 0, as: UInt64.self)
            let bytes = try #require(try Files.contentsIfThere(folder("run"), limit: RunPage.size))
            for bit in 128 * 8..<192 * 8 {
                var altered = bytes
                altered[bit / 8] ^= 1 << (bit % 8)
                let image = try #require(RunPage.image(altered, storeID: "s"))
                #expect(image.fatalSignal == 0, "bit \(bit) is taken for signal \(image.fatalSignal)")
            }
        }
        for signal in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS] {
            let page = try RunPage(folder: folder(""), storeID: "s", epoch: 1, started: 0, syncMark: .zero)
            page.crashMark.storeBytes(of: 1, as: UInt64.self)
            page.crashMark.storeBytes(of: UInt64(signal), toByteOffset: 8, as: UInt64.self)
            page.crashMark.storeBytes(of: 4711, toByteOffset: 32, as: UInt64.self)
            #expect(try RunPage.read(folder: folder(""), storeID: "s")?.fatalSignal == signal)
        }
    }

    /// In a PID namespace, or on another machine's run, the number in the kernel's log is another process's.
    @Test func numberOfAnotherMachinesProcessIsNotTheKernels() {
        var run = RunRow(
            id: 1, epoch: 1, started: 0, pid: 1, host: Machine.hostName(), boot: Machine.bootIdentity(), ended: nil,
            end: nil)
        #expect(run.traces(page: nil).pidIsTheKernels == KernelLog.knowsOurNumbers)
        run.host += ".container"
        #expect(!run.traces(page: nil).pidIsTheKernels)
    }

    @Test func kernelsWordsAreRecognized() {
        let line =
            "3,1234,5678,-;Out of memory: Killed process 4711 (worker) total-vm:1kB, anon-rss:1kB\n SUBSYSTEM=x"
        #expect(KernelLog.saysKilled(line, 4711))
        #expect(!KernelLog.saysKilled(line, 471))
        #expect(!KernelLog.saysKilled(line, 711))
        #expect(KernelLog.saysKilled("6,1,2,-;Memory cgroup out of memory: Killed process 9 (x) total-vm", 9))
        #expect(!KernelLog.saysKilled("6,1,2,-;systemd: Killed process 9 (x)", 9))
        // Ids are reused: what was said before the run began was said of another process.
        let old = "6,1,5000000,-;Memory cgroup out of memory: Killed process 9 (x) total-vm"
        #expect(KernelLog.saysKilled(old, 9, since: 4_999_999) && KernelLog.saysKilled(old, 9, since: 5_000_000))
        #expect(!KernelLog.saysKilled(old, 9, since: 5_000_001))
    }

    @Test func verdictsReadWell() {
        #expect(
            RunEnd(.signal, status: 15, evidence: "e", confidence: .likely).description == "signal SIGTERM (likely): e")
        #expect(RunEnd(.exit, status: 3, evidence: "e").description == "exit(3) (certain): e")
        #expect(RunEnd(.clean, evidence: "e").description == "clean (certain): e")
        #expect(SignalName.of(99) == "signal 99")
    }
}

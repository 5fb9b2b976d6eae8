// Every example, run as a user runs it: what it prints, how it ends, and what is left after signals and `kill -9`.

import Foundation
import Testing

import SystemC

/// Runs the body with a path for a store, in a folder of its own that is gone afterwards.
private func withStorePath(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("backstay-example-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.appendingPathComponent("app.backstay").path)
}

/// The ways to ask a program to end.
enum Request: CaseIterable {
    case controlC, terminate, hangup

    var signal: Int32 {
        switch self {
        case .controlC: SIGINT
        case .terminate: SIGTERM
        case .hangup: SIGHUP
        }
    }

    var name: String {
        switch self {
        case .controlC: "SIGINT"
        case .terminate: "SIGTERM"
        case .hangup: "SIGHUP"
        }
    }

    func make(of child: Child) {
        if self == .controlC { child.pressControlC() } else { child.send(signal) }
    }
}

/// One after the other: they are real processes that wait for the disk, beside other suites.
@Suite(.serialized) struct ExamplesTests {
    static let endingByThemselves = [
        "example-all-layers", "example-application-state", "example-hook-arguments", "example-hook-at-exit",
        "example-hook-order", "example-scoped-cleanup",
    ]
    static let waitingForTheUser = ["example-no-handler", "example-signal-loop"]

    @Test func everyExampleIsRunHere() throws {
        #expect(try ExampleSource.names() == (Self.endingByThemselves + Self.waitingForTheUser).sorted())
    }

    @Test(arguments: endingByThemselves)
    func examplePrintsWhatItsHeadSays(_ example: String) throws {
        let promises = try ExampleSource.promises(example)
        #expect(promises.count == 1)
        let promise = try #require(promises.first)
        #expect(promise.count >= 2)
        try withStorePath { store in
            let outcome = try Child(example, [store]).finish()
            #expect(ExampleSource.keeps(promise, outcome.lines), "promised \(promise), printed \(outcome.lines)")
            #expect(outcome.errors == "")
            #expect(outcome.end == .exit(0))
        }
    }

    // MARK: example-signal-loop

    @Test(arguments: Request.allCases)
    func signalLoopNamesTheSignalAndEndsWithStatusZero(_ request: Request) throws {
        let child = try Child("example-signal-loop")
        try child.wait(for: "working; press Ctrl+C to stop")
        request.make(of: child)
        let outcome = try child.finish()
        let promise = try #require(try ExampleSource.promises("example-signal-loop").first)
        #expect(promise.last == "stopped by SIGINT")
        #expect(outcome.lines == promise.dropLast() + ["stopped by \(request.name)"])
        #expect(outcome.errors == "")
        #expect(outcome.end == .exit(0))
    }

    // MARK: example-no-handler

    @Test func controlCSkipsTheHookAndTheStoreKeepsTheData() throws {
        let promises = try ExampleSource.promises("example-no-handler")
        try #require(promises.count == 2)
        try withStorePath { store in
            let first = try Child("example-no-handler", [store])
            first.pressReturn()
            try first.wait(for: "count is 1")
            first.pressReturn()
            try first.wait(for: "count is 2")
            first.pressControlC()
            let stopped = try first.finish()
            #expect(stopped.end == .signal(SIGINT))
            #expect(stopped.lines == promises[0])
            #expect(!stopped.lines.contains { $0.hasPrefix("hook") })

            let second = try Child("example-no-handler", [store])
            second.pressReturn()
            try second.wait(for: "count is 3")
            second.pressControlD()
            let ended = try second.finish()
            #expect(ended.end == .exit(0))
            #expect(ended.lines == promises[1])
        }
    }

    @Test(arguments: [SIGTERM, SIGHUP, SIGKILL])
    func unhandledSignalSkipsTheHookAndTheStoreKeepsTheData(_ signal: Int32) throws {
        try withStorePath { store in
            let first = try Child("example-no-handler", [store])
            first.pressReturn()
            try first.wait(for: "count is 1")
            first.send(signal)
            let stopped = try first.finish()
            #expect(stopped.end == .signal(signal))
            #expect(stopped.lines == ["count is 0; last run: none", "count is 1"])

            let second = try Child("example-no-handler", [store])
            second.pressControlD()
            #expect(try second.finish().lines.first == "count is 1; last run: killed")
        }
    }

    // MARK: example-scoped-cleanup

    @Test func whatAThrownErrorInterruptedIsInTheStore() throws {
        try withStorePath { store in
            for number in 1...3 {
                let outcome = try Child("example-scoped-cleanup", [store]).finish()
                #expect(outcome.lines.first == "payment \(number) begins")
                #expect(outcome.lines.last == "main goes on after: declined")
                #expect(outcome.end == .exit(0))
            }
        }
    }

    // MARK: example-application-state

    @Test(arguments: Request.allCases)
    func hookSavesTheStateAtASignal(_ request: Request) throws {
        try withStorePath { store in
            let first = try Child("example-application-state", [store])
            try first.wait(for: "task 1 is done")
            request.make(of: first)
            let stopped = try first.finish()
            #expect(stopped.end == .signal(request.signal))
            #expect(stopped.lines.last == "hook: the state is saved (\(request.name))")
            let tasks = stopped.lines.filter { $0.hasSuffix("is done") }.count

            let second = try Child("example-application-state", [store])
            try second.wait(for: "launch ")
            second.send(SIGKILL)
            #expect(try second.finish().lines.first == "launch 2; tasks done before: \(tasks)")
        }
    }

    @Test func whatOnlyTheHookSavesIsLostAtKillNine() throws {
        try withStorePath { store in
            for launch in 1...2 {
                let child = try Child("example-application-state", [store])
                try child.wait(for: "task 1 is done")
                child.send(SIGKILL)
                let killed = try child.finish()
                #expect(killed.end == .signal(SIGKILL))
                #expect(killed.lines.first == "launch \(launch); tasks done before: 0")
            }
        }
    }

    // MARK: example-all-layers

    @Test func jobGoesOnAfterEveryKindOfEndWithNoItemLostOrDoubled() throws {
        try withStorePath { store in
            var job = Job(store: store)
            // Killed before it can have opened the store, then with the store open.
            for _ in 1...3 { try job.run(until: nil) { $0.send(SIGKILL) } }
            try job.run(until: "last run: ") { $0.send(SIGKILL) }
            for item in [1, 2, 23, 24, 61] {
                try job.run(until: "item \(item)") { $0.send(SIGKILL) }
                #expect(job.verdict == "killed")
            }
            try job.run(until: "item 80") { $0.pressControlC() }
            #expect(job.lastEnd == .signal(SIGINT))
            #expect(job.lastLine == "hook: \(job.done) of 200 items done (SIGINT)")
            try job.run(until: "item 100") { $0.send(SIGTERM) }
            #expect(job.verdict == "signal")
            #expect(job.lastEnd == .signal(SIGTERM))
            #expect(job.lastLine == "hook: \(job.done) of 200 items done (SIGTERM)")
            try job.run(until: "item 130") { $0.send(SIGKILL) }
            #expect(job.verdict == "signal")
            // Killed while it closes the store.
            try job.run(until: "hook: 200 of 200 items done (normal)") { $0.send(SIGKILL) }
            try job.run(until: "done: the sum is 20100") { _ in }
            #expect(job.lastEnd == .exit(0))
            #expect(job.lastLine == "hook: 200 of 200 items done (normal)")
            #expect(job.done == 200)
        }
    }
}

/// The job of example-all-layers over several runs on one store.
struct Job {
    let store: String
    /// Items that the last run answered for.
    private(set) var done = 0
    private(set) var lastEnd = End.exit(0)
    private(set) var lastLine = ""
    /// What the last run said about the end of the run before.
    private(set) var verdict = ""

    init(store: String) { self.store = store }

    /// Starts the job, waits for a line that begins so, acts, and checks that the run went on where the one before ended.
    mutating func run(until start: String?, _ act: (Child) -> Void) throws {
        let child = try Child("example-all-layers", [store])
        if let start { try child.wait(for: start) }
        act(child)
        let outcome = try child.finish()
        #expect(outcome.errors == "")
        lastLine = outcome.lines.last ?? ""
        // What the run before told is what this one finds, and nothing else but the end of the run before.
        if let first = outcome.lines.first {
            let words = first.split { " ;".contains($0) }
            try #require(words.count == 8, "\(first)")
            verdict = String(words[2])
            let before = try #require(Int(words[3]), "\(first)")
            // An item can be in the store and not yet printed when the process is killed.
            let slack = lastEnd == .signal(SIGKILL) ? 1 : 0
            #expect((done...done + slack).contains(before), "\(done) items were answered: \(first)")
            let items = outcome.lines.compactMap { $0.hasPrefix("item ") ? Int($0.dropFirst(5)) : nil }
            #expect(items == Array(before..<before + items.count).map { $0 + 1 })
            done = before + items.count
        }
        lastEnd = outcome.end
    }
}

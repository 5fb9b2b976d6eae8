// Scenarios: `run` and `scope`.

import ExitHooks

import SystemC

extension Probe {
    static let runs: [String: Scenario] = [
        "run-returns": {
            register("a")
            await ExitHooks.run { register("b") }
        },
        "run-throws": {
            register("a")
            await ExitHooks.run {
                defer { note("defer") }
                throw Trouble(description: "no route")
            }
        },
        "run-exit": {
            register("a")
            await ExitHooks.run {
                defer { note("defer") }
                try await ExitHooks.scope {
                    register("scope")
                    throw ExitHooks.Exit(3)
                }
            }
        },
        "run-refused": {
            await ExitHooks.run(signals: [Signal(rawValue: SIGQUIT)]) { note("body") }
        },
        "run-signal": {
            register("a")
            await ExitHooks.run(onSignal: argument == "exit" ? .exit(0) : .reraise) {
                defer { note("defer") }
                try await ExitHooks.scope {
                    register("scope")
                    note("ready")
                    try await sleepForever()
                }
            }
        },
        "run-answers-exit": {
            register("a")
            await ExitHooks.run {
                note("ready")
                do { try await sleepForever() } catch { throw ExitHooks.Exit(7) }
            }
        },
        "run-deaf": {
            register("a")
            await ExitHooks.run(unwindBudget: .milliseconds(300)) {
                ExitHooks.register("b") { note("b \($0)") }
                note("ready")
                while true { try? await Task.sleep(for: .milliseconds(5)) }
            }
        },
        // Blocks the thread, so that even the main thread never answers.
        "run-blocked": {
            register("a")
            await ExitHooks.run(unwindBudget: .milliseconds(300)) {
                note("ready")
                hang()
            }
        },
        "run-exit-after-signal": {
            register("a")
            await ExitHooks.run(unwindBudget: .seconds(4)) {
                note("ready")
                try? await sleepForever()
                exit(9)
            }
        },
        "run-cancel-handler-hangs": {
            register("a")
            await ExitHooks.run(unwindBudget: .milliseconds(300)) {
                await withTaskCancellationHandler {
                    note("ready")
                    try? await sleepForever()
                } onCancel: {
                    hang()
                }
            }
        },
        "run-main-actor": { await isolatedRun() },
        "run-buffered": {
            await ExitHooks.run {
                print("buffered", terminator: "")
                note("ready")
                try await sleepForever()
            }
        },
        // Nobody reads stdout: it is full, and stdio holds more.
        "run-stdout-full": {
            await ExitHooks.run {
                note("ready")
                print("more", terminator: "")
                onThread {
                    let chunk = [UInt8](repeating: 65, count: 4096)
                    while true { _ = write(1, chunk, chunk.count) }
                }
                try await sleepForever()
            }
        },
    ]

    @MainActor
    static func isolatedRun() async {
        var steps: [String] = []
        await ExitHooks.run {
            steps.append("run")
            let fromScope = try await ExitHooks.scope {
                MainActor.preconditionIsolated()
                return 42
            }
            steps.append("scope \(fromScope)")
            MainActor.preconditionIsolated()
            note(steps.joined(separator: " "))
        }
    }

    static let scopes: [String: Scenario] = [
        "scope": {
            register("process")
            let value = try? await ExitHooks.scope {
                register("a", "b")
                await withTaskGroup { group in group.addTask { register("child") } }
                return 42
            }
            note("value \(value ?? 0)")
        },
        "scope-throws": {
            do {
                try await ExitHooks.scope {
                    register("a")
                    throw Trouble(description: "no route")
                }
            } catch {
                note("caught \(error)")
            }
        },
        "scope-nested": {
            try? await ExitHooks.scope {
                register("outer")
                try await ExitHooks.scope { register("inner") }
                note("between")
            }
        },
        "scope-signal": {
            register("process")
            do {
                try await ExitHooks.scope {
                    register("a")
                    note("ready")
                    try await sleepForever()
                }
            } catch {
                note("caught \(error is CancellationError)")
            }
            note("cancelled \(Task.isCancelled)")
            note("after")
            hang()
        },
        "scope-hook-exits": {
            try? await ExitHooks.scope {
                register("a")
                ExitHooks.register("b") { _ in
                    note("b")
                    exit(4)
                }
            }
            note("after")
        },
        "scope-hook-hangs": {
            try? await ExitHooks.scope(deadline: .milliseconds(600)) {
                register("a")
                ExitHooks.register("b", budget: .milliseconds(200)) { _ in hang() }
            }
            note("after")
        },
        "scope-under-handled": {
            _ = try? ExitHooks.handleSignals([.terminate])
            register("process")
            try? await ExitHooks.scope {
                register("a")
                note("ready")
                try await sleepForever()
            }
            note("after")
            hang()
        },
        "scope-during-exit": {
            ExitHooks.register("process") { _ in
                note("process")
                pauseThread(milliseconds: 100)
            }
            try? await ExitHooks.scope {
                ExitHooks.register("a") { _ in
                    note("a begins")
                    pauseThread(milliseconds: 200)
                    note("a ends")
                }
                ExitHooks.register("b") { _ in onThread { exit(2) } }
            }
            note("after")
        },
    ]

    typealias Signal = ExitHooks.Signal
}

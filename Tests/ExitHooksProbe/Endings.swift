// Scenarios: normal end and `exit()`, and what hooks may do to each other.

import ExitHooks

import SystemC

extension Probe {
    static let endings: [String: Scenario] = [
        "normal": { register("a", "b", "c") },
        "nothing": { exit(5) },
        "exit-main": {
            register("a", "b")
            exit(3)
        },
        "exit-thread": {
            register("a", "b")
            onThread { exit(4) }
            hang()
        },
        "exit-task": {
            register("a", "b")
            Task.detached { exit(5) }
            try? await sleepForever()
        },
        "exit-many": {
            for name in ["a", "b", "c"] {
                ExitHooks.register(name) { _ in
                    note("\(name) begins")
                    pauseThread(milliseconds: 50)
                    note("\(name) ends")
                }
            }
            for _ in 0..<8 { onThread { exit(6) } }
            exit(6)
        },
        "exit-during-hooks": {
            register("a")
            ExitHooks.register("b") { _ in
                onThread { exit(9) }
                pauseThread(milliseconds: 300)
                note("b ends")
            }
            exit(3)
        },
        "exit-in-hook": {
            register("a")
            ExitHooks.register("b") { _ in
                note("b")
                exit(9)
            }
            register("c")
            exit(3)
        },
        "exit-in-atexit": {
            atexit {
                note("atexit")
                exit(8)
            }
            register("a")
            exit(3)
        },
        "throw-in-hook": {
            register("a")
            ExitHooks.register("save") { _ in throw Trouble(description: "no space") }
            register("c")
        },
        "hang-in-hook": {
            register("a")
            ExitHooks.register("b", budget: .milliseconds(300)) { _ in
                note("b")
                hang()
            }
            register("c")
            exit(3)
        },
        "hang-in-all": {
            ExitHooks.deadline = .seconds(2)
            ExitHooks.registerFinalizer("close") { _ in note("close") }
            for name in ["a", "b", "c"] {
                ExitHooks.register(name, budget: .seconds(1)) { _ in
                    note(name)
                    hang()
                }
            }
            exit(3)
        },
        // The hook holds a lock that an exit handler of somebody else wants.
        "hang-with-lock": {
            atexit { hang() }
            ExitHooks.deadline = .milliseconds(500)
            ExitHooks.register("a") { _ in hang() }
            exit(3)
        },
        // The first hook keeps its thread and leaves no memory for another one, so the second is called on the exit thread.
        "hang-on-the-exit-thread": {
            ExitHooks.deadline = .milliseconds(500)
            register("a")
            ExitHooks.register("b") { _ in
                note("b")
                hang()
            }
            ExitHooks.register("c", budget: .milliseconds(100)) { _ in
                limitMemory()
                note("c")
                hang()
            }
            exit(3)
        },
        "register-in-hook": {
            register("a")
            ExitHooks.register("b") { _ in
                note("b")
                register("late")
            }
        },
        "register-for-ever": {
            ExitHooks.deadline = .seconds(2)
            @Sendable func again() { ExitHooks.register("again") { _ in again() } }
            again()
            ExitHooks.registerFinalizer("close") { _ in note("close") }
        },
        "arguments": {
            var data: [UInt8] = [1, 2, 3]
            @Sendable func save(_ file: String, _ data: [UInt8]) throws {
                note("\(file) \(data)")
                throw Trouble(description: "disk full")
            }
            ExitHooks.register("save", save, "backup.json", data)
            ExitHooks.register("none") { note("none") }
            data.append(4)
        },
        "cancel": {
            register("a")
            let token = ExitHooks.register("b") { _ in note("b") }
            register("c")
            note("\(token.cancel()) \(token.cancel())")
        },
        "lengthen-in-hook": {
            ExitHooks.registerFinalizer("close") { _ in note("close") }
            register("a")
            ExitHooks.register("b") { _ in
                note("b")
                ExitHooks.deadline = .seconds(3_600)
            }
        },
        "finalizers": {
            ExitHooks.registerFinalizer("close 1") { note("close 1 \($0)") }
            register("a")
            ExitHooks.registerFinalizer("close 2") { note("close 2 \($0)") }
            ExitHooks.register("b") { _ in
                note("b")
                ExitHooks.registerFinalizer("close 3") { _ in note("close 3") }
            }
            exit(2)
        },
        "current-reason": {
            note("\(ExitHooks.currentReason.map(\.description) ?? "none")")
            ExitHooks.register("a") { _ in note("\(ExitHooks.currentReason.map(\.description) ?? "none")") }
            exit(2)
        },
    ]
}

// An application's state in one type, saved by a hook, inside a scope that closes the store.
//
//     swift run example-application-state [STORE]
//
// Prints, the first time:
//     launch 1; tasks done before: 0
//     task 1 is done
//     task 2 is done
//     task 3 is done
//     hook: the state is saved (normal)
//
// Each further launch counts on. Ctrl+C, SIGTERM and SIGHUP save too. `kill -9` does not: no hook runs then, and the tasks
// of that launch are forgotten. Hence the rule: what must not be lost goes into the store when it changes, as the launch
// counter does here; a hook is for what may be lost. example-all-layers loses nothing.

import Backstay
import ExitHooks
import Synchronization

/// What the application knows. Its tasks change it, and the hook, on a thread of its own, saves it: hence the lock.
final class ApplicationState: Sendable {
    struct Values: Codable {
        var tasksDone = 0
        var lastTask: Int?
    }

    private let values: Mutex<Values>

    init(from store: StateStore) throws {
        values = Mutex(try store.get("state", default: Values()))
    }

    var current: Values { values.withLock { $0 } }

    func change(_ body: (inout Values) -> Void) { values.withLock { body(&$0) } }

    func save(to store: StateStore) throws { try store.set("state", current) }
}

let path = CommandLine.arguments.dropFirst().first ?? "application-state.backstay"

await ExitHooks.run {
    // The scopes nest as one needs the other: the hook saves into the store, so the store is closed after it.
    try await withStateStore(path) { store in
        let state = try ApplicationState(from: store)
        let launch = try await store.update("launches", default: 0) { $0 += 1 }.value
        print("launch \(launch); tasks done before: \(state.current.tasksDone)")

        try await ExitHooks.scope {
            ExitHooks.register("save the state") { reason in
                try state.save(to: store)
                print("hook: the state is saved (\(reason))")
            }
            for task in 1...3 {
                try await Task.sleep(for: .milliseconds(500))
                state.change {
                    $0.tasksDone += 1
                    $0.lastTask = task
                }
                print("task \(task) is done")
            }
        }
    }
}

// All layers together: a job that goes on where it stopped, however it was stopped.
//
//     swift run example-all-layers [STORE]          then stop it with Ctrl+C or `kill -9`, and run it again
//
// Prints, the first time, if nobody stops it:
//     last run: none; 0 of 200 items done
//     item 1
//     …
//     item 200
//     done: the sum is 20100
//     hook: 200 of 200 items done (normal)
//
// The layers, each for what the one before can't do:
//   1. `withStateStore` and `scope` tidy up on return, on a thrown error and on cancellation.
//   2. `run` turns Ctrl+C, SIGTERM and SIGHUP into cancellation.
//   3. The hook runs at every end in order, also where nothing unwinds: `exit()`, or a body that ignores cancellation.
//   4. The store needs none of them: after `kill -9` or a power cut every item that was answered is there, none twice.

import Backstay
import ExitHooks

extension StateKey where Value == Int {
    static let done = StateKey("done")
    static let sum = StateKey("sum")
}

let path = CommandLine.arguments.dropFirst().first ?? "all-layers.backstay"
let items = 1...200

func work(through store: StateStore) async throws {
    for item in items.dropFirst(try store.get(.done, default: 0)) {
        // Stands for whatever the job does. After a signal it throws: between two items is the place to stop.
        try await Task.sleep(for: .milliseconds(10))
        // The result and the position change together: no item is lost, none counts twice.
        try await store.transaction { tx in
            try tx.set(.sum, try tx.get(.sum, default: 0) + item)
            try tx.set(.done, item)
        }
        print("item \(item)")
    }
    print("done: the sum is \(try store.get(.sum, default: 0))")
}

await ExitHooks.run {
    try await withStateStore(path) { store in
        let lastRun = store.recovery.lastEnd.kind.rawValue
        print("last run: \(lastRun); \(try store.get(.done, default: 0)) of \(items.count) items done")

        // The hook reads the store, so it belongs to a scope inside the store's.
        try await ExitHooks.scope {
            ExitHooks.register("report") { reason in
                print("hook: \(try store.get(.done, default: 0)) of \(items.count) items done (\(reason))")
            }
            try await work(through: store)
        }
    }
}

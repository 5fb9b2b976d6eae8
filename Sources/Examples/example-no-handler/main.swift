// The common mistake: a hook, but nobody handles signals. Ctrl+C skips the hook, and the store kept the data all the same.
//
//     swift run example-no-handler [STORE]
//
// Prints, the first time, with Return pressed twice and then Ctrl+C:
//     count is 0; last run: none
//     count is 1
//     count is 2
//
// Prints, the second time, with Return pressed once and then Ctrl+D, the end of the input:
//     count is 2; last run: killed
//     count is 3
//     hook: the program ends (normal)

import Backstay
import ExitHooks

let path = CommandLine.arguments.dropFirst().first ?? "no-handler.backstay"
let store = try StateStore.open(path)
var count = try store.get("count", default: 0)
print("count is \(count); last run: \(store.recovery.lastEnd.kind.rawValue)")

// Runs when main returns or someone calls `exit()`. Ctrl+C does neither: by default SIGINT ends the process on the spot.
// For the hook to run then too: `try ExitHooks.handleSignals([.interrupt, .terminate, .hangup])`.
ExitHooks.register("goodbye") { reason in
    print("hook: the program ends (\(reason))")
}

while readLine() != nil {
    count += 1
    // Once this returns the count survives anything: Ctrl+C, `kill -9`, a power cut. So there is nothing left that the
    // hook would have to save.
    try store.set("count", count)
    print("count is \(count)")
}

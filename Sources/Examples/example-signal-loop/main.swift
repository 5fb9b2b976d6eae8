// A loop that a signal ends: it prints the signal's name, and the program ends with status 0.
//
//     swift run example-signal-loop          then press Ctrl+C, or send SIGTERM or SIGHUP
//
// Prints, after Ctrl+C:
//     working; press Ctrl+C to stop
//     the loop unwinds
//     stopped by SIGINT

import ExitHooks

ExitHooks.register("stopped") { reason in
    print("stopped by \(reason.name)")
}

// `.exit(0)`: here a signal is the ordinary way to stop. By default the process ends by the signal itself, so that a shell
// or a service manager sees the true cause.
await ExitHooks.run(onSignal: .exit(0)) {
    defer { print("the loop unwinds") }
    print("working; press Ctrl+C to stop")
    while true {
        // The first signal cancels this task, and the sleep throws. A second one, a quarter of a second later or more,
        // ends the process at once, should anything hang.
        try await Task.sleep(for: .seconds(1))
    }
}

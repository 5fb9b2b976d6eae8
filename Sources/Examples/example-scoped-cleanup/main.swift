// Scoped cleanup: what a part of the program has begun is tidied up when that part ends, here by a thrown error.
//
//     swift run example-scoped-cleanup [STORE]
//
// Prints, the first time:
//     payment 1 begins
//     defer: the form is cleared
//     the store is closed
//     hook: the terminal is given back (error: declined)
//     main goes on after: declined

import Backstay
import ExitHooks

enum PaymentError: Error {
    case declined
}

let path = CommandLine.arguments.dropFirst().first ?? "scoped-cleanup.backstay"
var options = StoreOptions()
options.onEvent = { event in
    if case .closed = event { print("the store is closed") }
}

do {
    // Inner scopes end first. Hooks registered inside `scope` belong to it; the process lives on.
    try await ExitHooks.scope {
        ExitHooks.register("terminal") { reason in
            print("hook: the terminal is given back (\(reason))")
        }
        try await withStateStore(path, options: options) { store in
            let number = try await store.update("payments", default: 0) { $0 += 1 }.value
            print("payment \(number) begins")
            defer { print("defer: the form is cleared") }
            throw PaymentError.declined
        }
    }
} catch {
    print("main goes on after: \(error)")
}

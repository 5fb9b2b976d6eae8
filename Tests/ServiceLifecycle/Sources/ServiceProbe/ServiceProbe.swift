// A service with a store, under a ServiceGroup that takes SIGTERM for itself, in both orders.
//
//   ServiceProbe hooks-outside STORE    ExitHooks.run(signals: []) around the group
//   ServiceProbe hooks-inside STORE     the group outside, ExitHooks.scope(signals: []) in the service
//
// Each says "ready" once it may be signalled, and then what runs, in order.

import Backstay
import ExitHooks
import Logging
import ServiceLifecycle

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

struct Counter: Service {
    let store: StateStore
    let isScoped: Bool

    func run() async throws {
        if isScoped {
            try await ExitHooks.scope(signals: []) { try await work() }
        } else {
            try await work()
        }
    }

    private func work() async throws {
        ExitHooks.register("hook") { reason in say("hook: \(reason)") }
        try await store.set("count", 1)
        say("ready")
        try? await gracefulShutdown()
        try await store.update("count", default: 0) { $0 += 1 }
        say("service: shut down gracefully")
    }
}

func say(_ line: String) {
    print(line)
    // The check reads a pipe.
    fflush(nil)
}

@main
struct ServiceProbe {
    static func main() async throws {
        let path = CommandLine.arguments[2]
        switch CommandLine.arguments[1] {
        case "hooks-outside": await ExitHooks.run(signals: []) { try await serve(path, isScoped: false) }
        default: try await serve(path, isScoped: true)
        }
    }

    private static func serve(_ path: String, isScoped: Bool) async throws {
        try await withStateStore(path) { store in
            let group = ServiceGroup(
                services: [Counter(store: store, isScoped: isScoped)], gracefulShutdownSignals: [.sigterm],
                logger: Logger(label: "probe") { _ in SwiftLogNoOpLogHandler() })
            try await group.run()
            say("group: ended")
        }
        say("store: closed")
    }
}

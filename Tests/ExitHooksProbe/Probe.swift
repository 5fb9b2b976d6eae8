// The program whose ends ExitHooksTests judges. `ExitHooksProbe SCENARIO [ARGUMENT…]` acts out one scenario and notes what
// happens on stdout, a line each, written at once.

import ExitHooks

import SystemC

@main
struct Probe {
    static func main() async {
        let name = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : ""
        guard let scenario = all[name] else {
            note("no scenario '\(name)'")
            _exit(99)
        }
        await scenario()
    }

    typealias Scenario = @Sendable () async -> Void

    static let all: [String: Scenario] = [endings, runs, signals, scopes, forks, crashes].reduce(into: [:]) {
        $0.merge($1) { first, _ in first }
    }

    static var argument: String { CommandLine.arguments.count > 2 ? CommandLine.arguments[2] : "" }
    static var number: Int32 { Int32(argument) ?? 0 }
}

func note(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}

/// Hooks that note their name and the reason.
func register(_ names: String...) {
    for name in names { ExitHooks.register(name) { reason in note("\(name) \(reason)") } }
}

func pauseThread(milliseconds: UInt32) {
    usleep(milliseconds * 1000)
}

func hang() -> Never {
    while true { pause() }
}

#if os(Linux)
/// From here on there is memory for little things, and none for another thread.
func limitMemory() {
    var text = [UInt8](repeating: 0, count: 64)
    let file = open("/proc/self/statm", O_RDONLY)
    let count = read(file, &text, text.count)
    close(file)
    let pages = String(decoding: text[..<max(0, count)], as: UTF8.self).split(separator: " ").first.flatMap { UInt($0) }
    guard let pages else { fatalError("the size of the process is not told") }
    var limit = rlimit(rlim_cur: rlim_t(pages * UInt(getpagesize()) + (4 << 20)), rlim_max: .max)
    #if canImport(Glibc)
    let isSet = setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0
    #else
    let isSet = setrlimit(RLIMIT_AS, &limit) == 0
    #endif
    if !isSet { fatalError("the limit is refused") }
}
#else
func limitMemory() {}
#endif

func onThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let box = Unmanaged.passRetained(Box(body))
    #if canImport(Darwin)
    var thread: pthread_t?
    pthread_create(
        &thread, nil,
        {
            Unmanaged<Box>.fromOpaque($0).takeRetainedValue().body(); return nil
        }, box.toOpaque())
    #else
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    #endif
}

func block(_ signal: Int32) {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, signal)
    pthread_sigmask(SIG_BLOCK, &set, nil)
}

func sleepForever() async throws {
    while true { try await Task.sleep(for: .seconds(3600)) }
}

struct Trouble: Error, CustomStringConvertible {
    let description: String
}

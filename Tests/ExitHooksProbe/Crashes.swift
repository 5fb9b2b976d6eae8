// Scenarios: fatal signals and the mark they leave. The argument names a file that holds the mark, mapped shared as a store
// would do it.

import CExitHooks
import ExitHooks

import SystemC

extension Probe {
    static let crashes: [String: Scenario] = [
        "crash-segv": {
            crash { UnsafeMutablePointer<UInt8>(bitPattern: 0x10)?.pointee = 1 }
        },
        "crash-bus": {
            // A page beyond the end of its file.
            let page = mapped(file: argument, length: 8192) + 4096
            crash { page.storeBytes(of: 1, as: UInt8.self) }
        },
        "crash-trap": {
            crash { fatalError("on purpose") }
        },
        "crash-abort": { crash { abort() } },
        "crash-raise": {
            let fatal = Int32(CommandLine.arguments[3]) ?? 0
            crash { raise(fatal) }
        },
        "crash-overflow": {
            crash { note("\(depth(0))") }
        },
        "crash-thread": {
            crash {
                onThread { UnsafeMutablePointer<UInt8>(bitPattern: 0x10)?.pointee = 1 }
                hang()
            }
        },
        "crash-in-run": {
            _ = ExitHooks.registerCrashMark(mapped(file: argument, length: 4096))
            register("a")
            await ExitHooks.run { fatalError("on purpose") }
        },
        "crash-unmarked": {
            _ = ExitHooks.registerCrashMark(mapped(file: argument, length: 4096))
            abort()
        },
        "crash-unregistered": {
            ExitHooks.markCrashes()
            let mark = mapped(file: argument, length: 4096)
            note("\(ExitHooks.registerCrashMark(mark))")
            ExitHooks.unregisterCrashMark(mark)
            munmap(mark, 4096)
            abort()
        },
        // The mark itself can't be stored.
        "crash-mark-faults": {
            ExitHooks.markCrashes()
            _ = ExitHooks.registerCrashMark(mapped(file: argument, length: 4096))
            truncate(argument, 0)
            abort()
        },
        "crash-repaired": {
            signal(SIGTRAP) { _ in note("repaired") }
            crash { raise(SIGTRAP) }
            note("goes on")
        },
        "crash-ignored": {
            signal(SIGTRAP, SIG_IGN)
            crash { raise(SIGTRAP) }
            note("goes on")
        },
        "crash-in-fork": {
            crash {
                let child = forkProcess()
                if child == 0 { abort() }
                note("child \(waitFor(child))")
            }
        },
        "crash-in-clone": {
            crash { note("child \(waitFor(cloneProcess { abort() }))") }
        },
        "marks-limit": {
            let pages = mapped(file: argument, length: 4096)
            var accepted = 0
            for index in 0..<64 where ExitHooks.registerCrashMark(pages + index * 64) { accepted += 1 }
            var extra = backstay_crash_mark()
            let refused = withUnsafeMutableBytes(of: &extra) { bytes in
                bytes.baseAddress.map { ExitHooks.registerCrashMark($0) } == false
            }
            ExitHooks.unregisterCrashMark(pages)
            let again = ExitHooks.registerCrashMark(pages)
            note("\(accepted) \(refused) \(again) \(ExitHooks.marksCrashes)")
            ExitHooks.markCrashes()
            note("\(ExitHooks.marksCrashes)")
        },
        "mark-handled": {
            _ = ExitHooks.registerCrashMark(mapped(file: argument, length: 4096))
            _ = try? ExitHooks.handleSignals([.terminate])
            note("ready")
            hang()
        },
    ]

    static func crash(_ body: () -> Void) {
        ExitHooks.markCrashes()
        _ = ExitHooks.registerCrashMark(mapped(file: argument, length: 4096))
        register("a")
        body()
    }

    static func mapped(file: String, length: Int) -> UnsafeMutableRawPointer {
        let descriptor = open(file, O_RDWR)
        guard let page = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), page != MAP_FAILED else {
            note("no mapping of '\(file)'")
            _exit(99)
        }
        close(descriptor)
        return page
    }

    @inline(never)
    static func depth(_ level: Int) -> Int {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { buffer in
            buffer[0] = UInt8(truncatingIfNeeded: level)
            return depth(level + 1) + Int(buffer[0])
        }
    }
}

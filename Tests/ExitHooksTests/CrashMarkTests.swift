// Fatal signals: the mark that a process leaves in a shared page, read by its parent, and how it goes on from there.

import CExitHooks
import ExitHooks
import Testing

import SystemC

/// A file for one mark, gone with the object.
private final class MarkFile {
    let path: String
    private let descriptor: Int32

    init() throws {
        var template = Array("/tmp/exit-hooks-mark-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw HarnessError(message: "mkstemp: \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        ftruncate(descriptor, 4096)
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    func mark(_ index: Int = 0) -> backstay_crash_mark {
        var mark = backstay_crash_mark()
        _ = withUnsafeMutableBytes(of: &mark) { pread(descriptor, $0.baseAddress, $0.count, off_t(index * 64)) }
        return mark
    }
}

@Suite struct CrashMarkTests {
    #if arch(x86_64)
    static let trap = SIGILL
    #else
    static let trap = SIGTRAP
    #endif

    @Test(arguments: [
        ("crash-segv", SIGSEGV), ("crash-bus", SIGBUS), ("crash-trap", CrashMarkTests.trap), ("crash-abort", SIGABRT),
    ])
    func crashMarksItsSignalAndDiesByIt(scenario: String, signal: Int32) throws {
        let file = try MarkFile()
        let trial = try trial(scenario, file.path)
        #expect(trial.end == .signalled(signal))
        #expect(trial.lines.isEmpty)
        let mark = file.mark()
        #expect(mark.armed == 1)
        #expect(mark.signal == UInt64(signal))
        #expect(mark.thread != 0)
        #expect(mark.handled_signal == 0)
    }

    @Test func faultMarksItsAddressAndCode() throws {
        let file = try MarkFile()
        _ = try trial("crash-segv", file.path)
        #expect(file.mark().address == 0x10)
        #expect(file.mark().code == 1)  // SEGV_MAPERR
    }

    @Test(arguments: [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS])
    func fatalSignalThatWasSentIsMarkedWithoutAnAddress(signal: Int32) throws {
        let file = try MarkFile()
        let trial = try trial("crash-raise", file.path, "\(signal)")
        #expect(trial.end == .signalled(signal))
        #expect(file.mark().signal == UInt64(signal))
        #expect(file.mark().address == 0)
    }

    @Test func stackOverflowIsMarked() throws {
        let file = try MarkFile()
        let trial = try trial("crash-overflow", file.path)
        #expect(trial.end == .signalled(SIGSEGV))
        #expect(file.mark().signal == UInt64(SIGSEGV))
    }

    @Test func crashOnAnotherThreadIsMarked() throws {
        let file = try MarkFile()
        let trial = try trial("crash-thread", file.path)
        #expect(trial.end == .signalled(SIGSEGV))
        #expect(file.mark().signal == UInt64(SIGSEGV))
    }

    @Test func runMarksCrashesAndRunsNoHook() throws {
        let file = try MarkFile()
        let trial = try trial("crash-in-run", file.path)
        #expect(trial.end == .signalled(CrashMarkTests.trap))
        #expect(trial.lines.isEmpty)
        #expect(file.mark().signal == UInt64(CrashMarkTests.trap))
    }

    @Test func withoutMarkCrashesNothingIsMarked() throws {
        let file = try MarkFile()
        let trial = try trial("crash-unmarked", file.path)
        #expect(trial.end == .signalled(SIGABRT))
        #expect(file.mark().armed == 0)
        #expect(file.mark().signal == 0)
    }

    @Test func unregisteredMarkIsNotTouched() throws {
        let file = try MarkFile()
        let trial = try trial("crash-unregistered", file.path)
        #expect(trial.lines == ["true"])
        #expect(trial.end == .signalled(SIGABRT))
        #expect(file.mark().armed == 1)
        #expect(file.mark().signal == 0)
    }

    @Test func markThatCannotBeStoredEndsTheProcessByTheFirstSignal() throws {
        let file = try MarkFile()
        let trial = try trial("crash-mark-faults", file.path)
        // The sanitizer blocks all signals in handlers: the kernel then ends the process by the second.
        #expect(trial.end == .signalled(RunningProbe.isSanitized ? SIGBUS : SIGABRT))
    }

    @Test(.disabled(if: RunningProbe.isSanitized, "the sanitizer holds up the backtracer's own signals"))
    func swiftBacktracerStillRuns() throws {
        let file = try MarkFile()
        let probe = try RunningProbe("crash-trap", [file.path], backtrace: true)
        let trial = try probe.finish()
        #expect(trial.stderr.contains("Fatal error: on purpose"))
        #expect(trial.stderr.contains("crashed"))
        #expect(trial.end == .signalled(CrashMarkTests.trap))
        #expect(file.mark().signal == UInt64(CrashMarkTests.trap))
    }

    /// Its helper reads the crashed memory and may fault on its own: that must not end the process half-way through.
    @Test(.disabled(if: RunningProbe.isSanitized, "the sanitizer holds up the backtracer's own signals"))
    func swiftBacktracerFinishesAfterABadAccess() throws {
        let file = try MarkFile()
        let probe = try RunningProbe("crash-segv", [file.path], backtrace: true)
        let trial = try probe.finish()
        #expect(trial.stderr.contains("Backtrace took"))
        #expect(trial.end == .signalled(SIGSEGV))
        #expect(file.mark().signal == UInt64(SIGSEGV))
    }

    @Test func causeThatThePreviousHandlerRepairsIsUnmarked() throws {
        let file = try MarkFile()
        let trial = try trial("crash-repaired", file.path)
        #expect(trial.lines == ["repaired", "goes on", "a normal"])
        #expect(trial.end == .exited(0))
        #expect(file.mark().signal == 0)
    }

    /// A signal that was sent and does not end the process, as in process 1, must not interrupt what its threads wait in.
    @Test func systemCallsGoOnAfterAFatalSignalThatEndsNothing() async {
        await #expect(processExitsWith: .success) {
            ExitHooks.markCrashes()
            for signal in [SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS] {
                var action = sigaction()
                guard sigaction(signal, nil, &action) == 0 else { exit(2) }
                #expect(action.sa_flags & Int32(SA_RESTART) != 0, "signal \(signal)")
            }
        }
    }

    @Test func ignoredFatalSignalStaysIgnored() throws {
        let file = try MarkFile()
        let trial = try trial("crash-ignored", file.path)
        #expect(trial.lines == ["goes on", "a normal"])
        #expect(file.mark().signal == 0)
    }

    @Test(arguments: ["crash-in-fork", "crash-in-clone"])
    func childThatCrashesDoesNotMarkTheParentsPage(scenario: String) throws {
        let file = try MarkFile()
        let trial = try trial(scenario, file.path)
        #expect(trial.lines == ["child signal \(SIGABRT)", "a normal"])
        #expect(file.mark().signal == 0)
    }

    @Test func sixtyFourMarksFitAndAllAreArmedLater() throws {
        let file = try MarkFile()
        let trial = try trial("marks-limit", file.path)
        #expect(trial.lines == ["64 true true false", "true"])
        #expect((0..<64).allSatisfy { file.mark($0).armed == 1 })
    }

    @Test func handledSignalIsNotedInTheMark() throws {
        let file = try MarkFile()
        let trial = try trial("mark-handled", file.path, signal: SIGTERM)
        #expect(trial.end == .signalled(SIGTERM))
        #expect(file.mark().handled_signal == UInt64(SIGTERM))
        #expect(file.mark().signal == 0)
        #expect(file.mark().armed == 1)
    }
}

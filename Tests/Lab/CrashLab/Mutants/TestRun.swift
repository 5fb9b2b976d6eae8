// One run of some command, tests mostly, with a time limit; and what a run of tests says about a mutant.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

struct TestRun {
    /// Nil where the time was up and the command was killed.
    let end: ProcessEnd?
    /// What it wrote to stdout and stderr.
    let output: String

    /// Runs a command in a process group of its own; output goes to the end of the file `log`, which
    /// stays.
    ///
    /// - Parameter mutant: the name of the mutant that is on, and the file that is written to once its place is reached.
    init(_ words: [String], mutant: (name: String, reached: String)? = nil, log: String, secondsMax: Double) throws {
        guard let name = words.first, let executable = SystemCommand.path(of: name) else {
            throw Trouble(description: "\(words.first ?? "a command") is not there")
        }
        var run = Spawn(executable: executable, arguments: Array(words.dropFirst()), output: .file(log))
        run.environment.removeAll { $0.hasPrefix(MutantCopy.variable + "=") }
        run.environment.append("NO_COLOR=1")
        if let mutant { run.environment.append("\(MutantCopy.variable)=\(mutant.name):\(mutant.reached)") }
        let child = try run.start()
        end = Self.wait(child, secondsMax)
        // A test that was killed, or that crashed, has not removed its folders.
        for base in Set(["/dev/shm", ScratchFiles.temporary]) {
            for name in Files.names(in: base) where name.hasPrefix("backstay-test-\(child)-") {
                Files.removeFolder("\(base)/\(name)")
            }
        }
        output = String(decoding: Files.contents(log, limit: 64 << 20) ?? [], as: UTF8.self)
    }

    private static func wait(_ child: pid_t, _ secondsMax: Double) -> ProcessEnd? {
        let deadline = Clock.monotonicNanoseconds() + UInt64(secondsMax * 1e9)
        var status: Int32 = 0
        while true {
            let waited = waitpid(child, &status, WNOHANG)
            if waited == child { break }
            guard waited == 0 || errno == EINTR, Clock.monotonicNanoseconds() < deadline else {
                kill(-child, SIGKILL)
                while waitpid(child, &status, 0) < 0 && errno == EINTR {}
                return nil
            }
            Clock.sleep(nanoseconds: 10_000_000)
        }
        // What its tests have started and left behind.
        kill(-child, SIGKILL)
        return ProcessEnd(status: status)
    }
}

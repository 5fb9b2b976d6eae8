// The scenarios of the drill: every way a process can end, and what must be seen of it.
//
// A control is a scenario with one option changed that must make it lose. The same scenario without that option is among
// the others and must lose nothing: so neither the scenario nor the oracle is blind.

internal import SystemC

struct Scenario: Sendable {
    /// What the parent does once enough changes are acknowledged.
    package enum Blow: Sendable {
        /// Nothing: the child ends by itself.
        case none
        case signal(Int32)
        /// The signal, and once the hook runs and 300 ms have gone by, the same again.
        case signalTwice(Int32)
        /// SIGKILL, a random moment later.
        case kill
        /// SIGKILL, a random moment later, while a checkpoint is under way.
        case killInCheckpoint
    }

    /// What happens between the writer's end and the next start.
    enum Aftermath: Sendable {
        case nothing
        /// Openings that are killed at a random writing call.
        case killedRecoveries(Int)
    }

    /// What is done to the power.
    package enum Power: Sendable {
        case stays
        /// It goes: what was not synced is gone.
        case goes
        /// It goes, and some of what was not synced is there.
        case goesTearing
    }

    /// The one thing that is wrong in a control.
    enum Flaw: String, Sendable {
        case acknowledgesEarly = "acknowledges before the commit"
        case syncLies = "syncs nothing, and says it did"
    }

    package var name: String
    package var ending: Ending
    package var blow = Blow.none
    /// What is expected: whether hooks run, the scope's cleanup runs, a handler runs.
    package var hooks = false
    var scope = false
    var handler = false
    /// The ends that the kernel may report, and those that the next start may name.
    package var ends: [ChildProcess.End]
    var endedAs: [String]
    package var rounds = 1
    var aftermath = Aftermath.nothing
    package var power = Power.stays
    var usesMemoryGroup = false
    package var flaw: Flaw?

    var isControl: Bool { flaw != nil }
    package var survival: Survival {
        if case .stays = power { .process } else { .power }
    }

    func with(_ flaw: Flaw, name: String) -> Scenario {
        var control = self
        control.flaw = flaw
        control.name = name
        control.rounds = 1
        return control
    }

    /// In the order of the table.
    package static let all: [Scenario] = orderly + signals + crashes + kills + powerCuts + controls

    private static let orderly: [Scenario] = [
        Scenario(
            name: "return from main", ending: .returns, hooks: true, scope: true, ends: [.exited(0)], endedAs: ["clean"]
        ),
        Scenario(name: "exit(3) in main", ending: .exits, hooks: true, ends: [.exited(3)], endedAs: ["exit(3)"]),
        Scenario(
            name: "exit(4) on another thread", ending: .exitsOnThread, hooks: true, ends: [.exited(4)],
            endedAs: ["exit(4)"]),
        Scenario(
            name: "exit(5) in a task", ending: .exitsInTask, hooks: true, ends: [.exited(5)], endedAs: ["exit(5)"]),
        Scenario(
            name: "throw Exit(3) in run", ending: .throwsExit, hooks: true, scope: true, ends: [.exited(3)],
            endedAs: ["exit(3)"]),
        Scenario(
            name: "error out of run", ending: .throwsError, hooks: true, scope: true, ends: [.exited(1)],
            endedAs: ["error"]),
        Scenario(
            name: "error out of main", ending: .throwsFromMain, scope: true, handler: true, ends: trap,
            endedAs: trapNames),
    ]

    private static let signals: [Scenario] =
        [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")].flatMap { signal, name in
            [
                Scenario(
                    name: "\(name), handled", ending: .waits, blow: .signal(signal), hooks: true, scope: true,
                    handler: true, ends: [.signalled(signal)], endedAs: ["signal \(name)"]),
                Scenario(
                    name: "\(name), no handler", ending: .waitsUnhandled, blow: .signal(signal),
                    ends: [.signalled(signal)], endedAs: ["killed"]),
            ]
        } + [
            Scenario(
                name: "SIGTERM, body does not answer", ending: .ignoresCancellation, blow: .signal(SIGTERM),
                hooks: true,
                handler: true, ends: [.signalled(SIGTERM)], endedAs: ["signal SIGTERM"]),
            Scenario(
                name: "SIGTERM again in a slow hook", ending: .hookIsSlow, blow: .signalTwice(SIGTERM), hooks: false,
                scope: true, handler: true, ends: [.signalled(SIGTERM)], endedAs: ["signal SIGTERM"]),
        ]

    private static let crashes: [Scenario] = [
        Scenario(name: "fatalError", ending: .traps, handler: true, ends: trap, endedAs: trapNames),
        Scenario(
            name: "SIGSEGV", ending: .faults, handler: true, ends: [.signalled(SIGSEGV)], endedAs: ["crash SIGSEGV"]),
        Scenario(
            name: "abort", ending: .aborts, handler: true, ends: [.signalled(SIGABRT)], endedAs: ["crash SIGABRT"]),
        Scenario(
            name: "SIGSEGV, marks not asked for", ending: .faultsUnmarked, ends: [.signalled(SIGSEGV)],
            endedAs: ["killed"]),
    ]

    private static let appending = Scenario(
        name: "kill -9 appending", ending: .waits, blow: .kill, ends: killed, endedAs: ["killed"], rounds: 3)

    private static let kills: [Scenario] = [
        appending,
        Scenario(
            name: "kill -9 in a commit", ending: .diesCommitting, ends: killed, endedAs: ["killed"], rounds: 3),
        Scenario(
            name: "kill -9 checkpointing", ending: .checkpoints, blow: .killInCheckpoint, ends: killed,
            endedAs: ["killed"], rounds: 3),
        Scenario(
            name: "kill -9 recovering", ending: .waits, blow: .kill, ends: killed, endedAs: ["killed"],
            aftermath: .killedRecoveries(6)),
        Scenario(name: "kill -9 closing", ending: .diesClosing, ends: killed, endedAs: ["killed"], rounds: 3),
        Scenario(
            name: "OOM kill", ending: .eatsMemory, ends: killed, endedAs: ["outOfMemory"], usesMemoryGroup: true),
    ]

    private static let powerLoss = Scenario(
        name: "power loss", ending: .waits, blow: .kill, ends: killed, endedAs: ["killed"], rounds: 2, power: .goes)

    private static let powerCuts: [Scenario] = [
        powerLoss,
        Scenario(
            name: "power loss, torn writes", ending: .waits, blow: .kill, ends: killed, endedAs: ["killed"], rounds: 2,
            power: .goesTearing),
        Scenario(
            name: "power loss checkpointing", ending: .checkpoints, blow: .killInCheckpoint, ends: killed,
            endedAs: ["killed"], rounds: 2, power: .goesTearing),
        Scenario(
            name: "power loss recovering", ending: .waits, blow: .kill, ends: killed, endedAs: ["killed"],
            aftermath: .killedRecoveries(4), power: .goesTearing),
    ]

    private static let controls: [Scenario] = [
        appending.with(.acknowledgesEarly, name: "control: early answers, kill -9"),
        powerLoss.with(.acknowledgesEarly, name: "control: early answers, power loss"),
        powerLoss.with(.syncLies, name: "control: sync lies, power loss"),
    ]

    private static let killed: [ChildProcess.End] = [.signalled(SIGKILL)]
    /// A Swift trap is SIGILL on x86-64, SIGTRAP on arm64.
    private static let trap: [ChildProcess.End] = [.signalled(SIGILL), .signalled(SIGTRAP)]
    private static let trapNames = ["crash SIGILL", "crash SIGTRAP"]
}

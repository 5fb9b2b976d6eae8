// The command `backstay`: its subcommands, and the way from the arguments to the exit status.
//
// Exit status: 0 done · 1 failed · 2 usage · 3 no such key or store · 4 damaged or not a store · 5 busy (Failure.swift).
// Results go to stdout, everything else to stderr. With --json stdout holds JSON alone: one object, or one object a line
// where a command lists things; a failure is an object {"error":{"code":…,"message":…}} as the last line.

#if CommandLine
import ArgumentParser

struct Tool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backstay",
        abstract: "Reads, changes and examines a crash-resilient state store.",
        discussion: """
            Exit status: 0 done, 1 failed, 2 usage, 3 no such key or store, 4 damaged or not a store, 5 busy.
            Every command takes --json. Reading commands never create or write anything and may run beside the \
            program that holds the store.
            """,
        version: version,
        subcommands: commands
    )

    static let version = "0.1.0"

    static let commands: [any ParsableCommand.Type] = [
        SetCommand.self,
        GetCommand.self,
        RemoveCommand.self,
        ListCommand.self,
        ImportCommand.self,
        ExportCommand.self,
        LogCommand.self,
        InfoCommand.self,
        StatsCommand.self,
        RunsCommand.self,
        VerifyCommand.self,
        SalvageCommand.self,
        CheckpointCommand.self,
        CompactCommand.self,
        BackupCommand.self,
        DoctorCommand.self,
        DrillCommand.self,
        BenchCommand.self,
    ]

    /// Runs the command that the arguments name, and ends the process.
    static func start() async -> Never {
        holdStandardStreams()
        let json = Arguments.askForJSON
        let command: any ParsableCommand
        do {
            command = try parseAsRoot(Arguments.prepared())
        } catch let failure as Failure {
            failure.end(json: json)
        } catch {
            if exitCode(for: error) == .success { exit(withError: error) }
            Failure(usage: fullMessage(for: error)).end(json: json)
        }
        do {
            try await run(command)
        } catch {
            if let status = error as? ExitCode { endProcess(status.rawValue) }
            // A command that has said all there is to say.
            if let code = error as? ExitCode { endProcess(code.rawValue) }
            // `backstay help` and the like.
            if error is CleanExit || exitCode(for: error) == .success { exit(withError: error) }
            Failure(error).end(json: json)
        }
        endProcess(0)
    }

    private static func run(_ command: sending any ParsableCommand) async throws {
        if var command = command as? any AsyncParsableCommand {
            try await command.run()
        } else {
            var command = command
            try command.run()
        }
    }
}
#endif

// `lab calls`: death and errors at every system call.

#if CommandLine
import ArgumentParser
import CrashLab

struct CallsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calls", abstract: "SIGKILL, and errors, at every system call of ten pieces of work.",
        discussion: "Linux on x86-64, without any tool: the lab traces its own children.")

    @OptionGroup var options: LabOptions

    func run() throws {
        try options.finish(CallsAttack.run(options.plan) { number, all in options.progress("calls", of: all)(number) })
    }
}
#endif

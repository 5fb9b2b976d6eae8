// What is the same in attacks that mount file systems: they are played on a thread with mounts of its own, and their folder goes
// also where the run is stopped. Mounts and loop devices go by themselves.

internal import Drill
internal import ExitHooks
internal import WriteAheadJournal

enum MountedAttack {
    /// Plays an attack, or says what this machine lacks.
    ///
    /// - Parameters:
    ///   - withoutMounts: what can be played where the system permits none of one's own; nil for nothing.
    ///   - play: on the thread whose mounts nobody else sees.
    static func run(
        _ attack: String, _ plan: LabPlan, missing: [String], withoutMounts: ((LabRun) throws -> LabReport)? = nil,
        _ play: @escaping @Sendable (LabRun) throws -> LabReport
    ) throws -> LabReport {
        guard missing.isEmpty else {
            var report = LabReport(attack, plan)
            for what in missing { report.skip(what) }
            return report
        }
        let run = try LabRun(attack, plan)
        let cleanup = ExitHooks.register("remove the lab's folder") { _ in Files.removeFolder(run.place) }
        defer { cleanup.cancel() }
        let report: LabReport
        do {
            report = try OwnMounts.run { try play(run) }
        } catch let refusal as OwnMounts.Refusal {
            guard let withoutMounts else {
                Files.removeFolder(run.place)
                throw Trouble(description: refusal.description)
            }
            report = try withoutMounts(run)
        } catch {
            Files.removeFolder(run.place)
            throw error
        }
        // Not before: what was mounted in it is gone now.
        run.removePlace(report)
        return report
    }
}

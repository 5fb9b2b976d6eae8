// `lab signals`: every signal at every moment, for programs started in every way: 8 × 13 × 7 cells.
//
// What must hold in each: the process ends within the hooks' deadline, by the signal, or goes on where the signal cannot
// reach it (ignored or blocked on entry; process 1 without a handler), and then ends by SIGKILL; and the next start finds
// everything that was answered.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct SignalsAttack {
    static let signals: [Int32] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGUSR1]
    static let handled: Set<Int32> = [SIGHUP, SIGINT, SIGTERM]
    package static let cells = signals.count * SignalMoment.allCases.count * 7

    struct Cell {
        var signal: Int32
        var moment: SignalMoment
        var launch: Launch

        var name: String { "\(SignalName.of(signal)), \(moment.rawValue), \(launch.name)" }

        /// Whether the signal may leave the process as it is.
        var mayPass: Bool {
            if signal == SIGKILL { return false }
            switch launch {
            case .ignored, .blocked: return true
            case .nohup: return signal == SIGHUP
            case .firstProcess: return !(moment.isHandled && SignalsAttack.handled.contains(signal))
            default: return false
            }
        }

        /// Whether the signal must leave the process as it is: ignored on entry stays ignored. While the process is made, the
        /// shell that ignores it may not have come to that.
        var mustPass: Bool {
            guard signal != SIGKILL, moment != .creating else { return false }
            return launch == .ignored(signal) || launch == .nohup && signal == SIGHUP
        }
    }

    private var run: LabRun

    package static func run(_ plan: LabPlan, progress: (Int) -> Void) throws -> LabReport {
        var attack = SignalsAttack(run: try LabRun("signals", plan))
        // A case that is played again alone needs none.
        if plan.cases != 1 { attack.run.report.control("answers before the commit", fails: try attack.controlLoses()) }
        let next = try plan.play(progress: progress) { try attack.play($0) }
        return attack.run.end(next: next)
    }

    private static func cell(_ number: Int) -> Cell {
        // Neighbours differ in all three; 257 shares no factor with 8 × 13 × 7.
        let mixed = number * 257 % cells
        let signal = signals[mixed % 8]
        let moment = SignalMoment.allCases[mixed / 8 % 13]
        return Cell(signal: signal, moment: moment, launch: Launch.all(signal)[mixed / 104])
    }

    /// One process after the other, each killed among its changes, with answers that come too early: one of them loses.
    private func controlLoses() throws -> Bool {
        let cell = Cell(signal: SIGKILL, moment: .appending, launch: .foreground)
        for attempt in 1...10 {
            let folder = "\(run.place)/control"
            try ScratchFiles.make(folder: folder)
            defer { Files.removeFolder(folder) }
            var round = SignalRound(cell: cell, plan: run.plan, number: -attempt, folder: folder, isEarly: true)
            try round.play()
            if round.record.lost > 0 { return true }
        }
        return false
    }

    // MARK: One case

    private mutating func play(_ number: Int) throws {
        let cell = Self.cell(number)
        if cell.launch == .firstProcess && getuid() != 0 {
            run.report.skip("process 1: needs root for a PID namespace")
            run.report.note(.skipped)
            return
        }
        let folder = try run.makeFolder(number)
        var round = SignalRound(cell: cell, plan: run.plan, number: number, folder: folder)
        try round.play()
        run.report.count(round.isPassed ? "not reached by the signal" : "ended by the signal")
        run.close(number, folder, cell.name, round.record)
    }
}

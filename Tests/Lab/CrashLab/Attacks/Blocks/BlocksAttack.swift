// The attack `blocks`: crash states of a block device under the real ext4, XFS and Btrfs.
//
// A hundred cases share a recording (BlockRecording.swift), in turn on each file system: 98 disks that a power cut at some
// moment of it may leave (BlockState.swift), a quarter of them with a second cut while the store is opened after the
// first, and two in which the device itself fails while a process writes. The oracle judges by the rules of power loss.

package enum BlocksAttack {
    static let casesOfARecording = 100
    /// The last cases of each recording are not states of it: in them the device fails.
    private static let failing = 2
    private static var statesBeforeFailures: Int { casesOfARecording - failing }

    package static func run(
        _ plan: LabPlan, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> LabReport {
        let missing = BlockFileSystem.missingForAll.map { [$0] } ?? []
        return try MountedAttack.run("blocks", plan, missing: missing) { run in
            try BlockRun(run, .processes).play(progress)
        }
    }

    /// Who writes to the device that is recorded.
    enum Source {
        /// Processes of this machine, on each file system.
        case processes
        /// The program of an emulated machine, which has ext4.
        case machine(MachineRecorder)

        var systems: [BlockFileSystem] {
            switch self {
            case .processes: BlockFileSystem.allCases
            case .machine: [.ext4]
            }
        }

        var statesOfARecording: Int {
            switch self {
            case .processes: statesBeforeFailures
            case .machine: casesOfARecording
            }
        }

        func `case`(_ number: Int) -> Case {
            switch self {
            case .processes: Case(number)
            // A machine's drive does not fail.
            case .machine: Case(state: number % casesOfARecording)
            }
        }
    }

    /// What a case does.
    enum Case: Equatable {
        case state(BlockState.Shape, isTwice: Bool)
        case failure(writes: Bool, flushes: Bool)

        init(_ number: Int) {
            let recording = number / casesOfARecording
            let place = number % casesOfARecording
            guard place < statesBeforeFailures else {
                // Flushes and writes in the one, either of them in the other.
                self =
                    place == casesOfARecording - 1
                    ? .failure(writes: true, flushes: true)
                    : .failure(writes: recording % 2 == 0, flushes: recording % 2 == 1)
                return
            }
            self.init(state: place)
        }

        init(state place: Int) {
            let shapes = BlockState.Shape.allCases
            self = .state(shapes[place % shapes.count], isTwice: place % 16 < shapes.count)
        }
    }
}

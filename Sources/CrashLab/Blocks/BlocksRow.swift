// The row `blocks`: crash states of a block device under the real ext4, XFS and Btrfs.
//
// A hundred cases share a recording (BlockRecording.swift), in turn on each file system: 98 disks that a power cut at some
// moment of it may leave (BlockState.swift), a quarter of them with a second cut while the store is opened after the
// first, and two in which the device itself fails while a process writes. The oracle judges by the rules of power loss.

package enum BlocksRow {
    static let casesOfARecording = 100
    /// The last cases of each recording are not states of it: in them the device fails.
    private static let failing = 2
    static var statesOfARecording: Int { casesOfARecording - failing }

    package static func run(
        _ plan: LabPlan, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> LabReport {
        let missing = BlockFileSystem.missingForAll.map { [$0] } ?? []
        return try MountedRow.run("blocks", plan, missing: missing) { run in
            try BlockRun(run).play(progress)
        }
    }

    /// What a case does.
    enum Case: Equatable {
        case state(BlockState.Shape, isTwice: Bool)
        case failure(writes: Bool, flushes: Bool)

        init(_ number: Int) {
            let recording = number / casesOfARecording
            let place = number % casesOfARecording
            guard place < statesOfARecording else {
                // Flushes and writes in the one, either of them in the other.
                self =
                    place == casesOfARecording - 1
                    ? .failure(writes: true, flushes: true)
                    : .failure(writes: recording % 2 == 0, flushes: recording % 2 == 1)
                return
            }
            let shapes = BlockState.Shape.allCases
            self = .state(shapes[place % shapes.count], isTwice: place % 16 < shapes.count)
        }
    }
}

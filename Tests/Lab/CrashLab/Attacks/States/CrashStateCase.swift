// One case of the attack: a workload that was recorded, and everything needed to judge what a start finds after a crash in
// the middle of it.

internal import Backstay
internal import Drill
internal import WriteAheadJournal

struct CrashStateCase {
    let number: Int
    let workload: CrashStateWorkload
    /// The files before the first event.
    let base: DiskImage
    let recording: Recording
    let oracle: CrashStateOracle
    let answers: Answers

    /// Makes the store of the case at `path`, where nothing is, plays the workload on it, and removes it.
    init(
        seed: UInt64, number: Int, at path: String, isSmall: Bool = false, early: Bool = false
    ) throws {
        self.number = number
        let workload = CrashStateWorkload(seed: seed, number: number, isSmall: isSmall)
        self.workload = workload
        var oracle = CrashStateOracle()
        let folder = try CrashStateFolder(path)
        defer { Files.removeFolder(path) }
        try workload.begin(path, &oracle)
        for case .change(let changes, _) in workload.steps { oracle.add(changes) }
        self.oracle = oracle
        base = folder.read()
        recording = try Recording.of(path) { try workload.play(path, early: early) }.1
        answers = Answers(recording)
        // The model and the files must agree, or no state below is one that ever was.
        var after = base
        for event in recording.events { after.apply(event, of: recording) }
        guard after == folder.read() else {
            throw StoreError(.ioError, "the recording of case \(number) does not lead to the files that are there")
        }
    }

    /// What the disk of this case may do.
    func rules(_ random: inout SeededRandom) -> DiskRules {
        DiskRules(
            namesAreStrict: Bool.random(using: &random), damagesWholeSectors: workload.paranoidSectors)
    }
}

// `lab full`: disks without room. A file takes the space up to some remainder at some moment, the work goes on, and then
// there is room again, or the process is killed and the next start finds the disk as full as it was.
//
// In each: changes are refused, or their fate is said not to be known, for want of space and for no other reason; nothing
// that was answered is gone and nothing that was refused is there; a store that could not be made is not there; a process
// goes on as soon as there is room, and so does the next one.

internal import Drill
internal import WriteAheadJournal

/// When the space is gone.
enum FullMoment: String, CaseIterable, Sendable {
    case creating, opening, openingUnclosed, appending, draining, checkpointing, compacting, closing

    var work: FullChild.Work {
        switch self {
        case .draining: .fillsTail
        case .checkpointing: .checkpoints
        case .compacting: .compacts
        default: .appends
        }
    }

    /// Whether the space is gone before the process is there.
    var isBefore: Bool { self == .creating || self == .opening || self == .openingUnclosed }
}

package enum FullAttack {
    /// Plays the attack.
    package static func run(_ plan: LabPlan, progress: @escaping @Sendable (Int) -> Void) throws -> LabReport {
        try MountedAttack.run(
            "full", plan, missing: [],
            // What needs no mount can be played in any case.
            withoutMounts: { try FullRun($0, hasMounts: false).play(progress) },
            { try FullRun($0, hasMounts: true).play(progress) })
    }

    /// The cell of a case: places in turn, so that any range has some of each.
    static func cell(_ number: Int) -> (place: FullPlace, moment: FullMoment, comesBack: Bool) {
        let places = FullPlace.allCases
        let moments = FullMoment.allCases
        let rest = number / places.count
        return (places[number % places.count], moments[rest % moments.count], rest / moments.count % 2 == 0)
    }
}

/// One run of the attack, on the thread whose mounts nobody else sees.
private final class FullRun {
    private var run: LabRun
    private let hasMounts: Bool
    private var disks: [FullPlace: FullDisk] = [:]

    private var plan: LabPlan { run.plan }
    private var place: String { run.place }

    init(_ run: LabRun, hasMounts: Bool) { (self.run, self.hasMounts) = (run, hasMounts) }

    func play(_ progress: (Int) -> Void) throws -> LabReport {
        if plan.cases != 1 { try playControl() }
        let next = try plan.play(progress: progress) { try play($0) }
        for disk in disks.values { try disk.remove() }
        return run.concluded(next: next)
    }

    /// Nil, with the reason in the report, where there can be no such disk.
    private func disk(_ kind: FullPlace) throws -> FullDisk? {
        if let disk = disks[kind] { return disk }
        if let missing = kind.missing ?? (hasMounts || kind == .fileSize ? nil : "\(kind.rawValue): no mounts") {
            run.report.skip(missing)
            return nil
        }
        let disk = try FullDisk(kind, folder: "\(place)/\(kind.rawValue)", log: place + "/log")
        disks[kind] = disk
        return disk
    }

    private func play(_ number: Int) throws {
        let cell = FullAttack.cell(number)
        guard let disk = try disk(cell.place) else { return run.report.note(.skipped) }
        disk.clear()
        var story = FullStory(
            plan: plan, disk: disk, moment: cell.moment, comesBack: cell.comesBack,
            random: SeededRandom(seed: plan.seed, name: "full \(number)"), errors: place + "/stderr")
        try story.play()
        run.report.count(cell.place.rawValue)
        run.report.count("changes acknowledged", story.record.answers)
        for (name, count) in story.counts.sorted(by: { $0.key < $1.key }) { run.report.count(name, count) }
        guard !story.record.problems.isEmpty else { return run.report.note(.whole) }
        run.report.note(story.record.lost > 0 ? .lost : .wrong)
        let after = cell.comesBack ? "room comes back" : "killed"
        let what = story.record.problems.prefix(3).joined(separator: "; ")
        let files = keep(number, disk)
        run.report.fail(
            number, "\(cell.place.rawValue), \(cell.moment.rawValue), \(after), \(story.remainder) bytes left: \(what)",
            artefacts: files)
    }

    /// The store as it is now, beside the mounts.
    private func keep(_ number: Int, _ disk: FullDisk) -> String? {
        guard run.report.failures.count < 3 else { return nil }
        let copy = "\(place)/\(number)"
        do throws(StoreError) {
            try ScratchFiles.copy(store: disk.path + "/" + FullStory.storeName, to: copy)
            return copy
        } catch {
            run.report.skip("keeping the store of case \(number): \(error)")
            return nil
        }
    }

    /// Answers before the commit, on a disk that fills up.
    private func playControl() throws {
        let folder = place + "/control"
        let disk = try FullDisk(.fileSize, folder: folder, log: place + "/log")
        var story = FullStory(
            plan: plan, disk: disk, moment: .appending, comesBack: false,
            random: SeededRandom(seed: plan.seed, name: "full control"), errors: place + "/stderr")
        story.isEarly = true
        try story.play()
        run.report.control("answers before the commit", fails: story.record.lost > 0)
        Platform.removeFolder(disk.path + "/" + FullStory.storeName)
        Platform.removeFolder(folder)
    }
}

// `lab full`: disks without room. A file takes the space up to some remainder at some moment, the work goes on, and then
// there is room again, or the process is killed and the next start finds the disk as full as it was.
//
// In each: changes are refused, or their fate is said not to be known, for want of space and for no other reason; nothing
// that was answered is gone and nothing that was refused is there; a store that could not be made is not there; a process
// goes on as soon as there is room, and so does the next one.

internal import Backstay
internal import ExitHooks
internal import WriteAheadJournal
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

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

package enum FullRow {
    /// Plays the row.
    package static func run(_ plan: LabPlan, progress: @escaping @Sendable (Int) -> Void) throws -> LabReport {
        let place = try plan.makePlace("full")
        // For a run that is stopped: mounts and devices go by themselves.
        let cleanup = ExitHooks.register("remove the lab's folder") { _ in Platform.removeFolder(place) }
        defer { cleanup.cancel() }
        let report: LabReport
        do {
            report = try OwnMounts.run { try FullRun(plan, place: place, hasMounts: true).play(progress) }
        } catch is OwnMounts.Refusal {
            // What needs no mount can be played in any case.
            report = try FullRun(plan, place: place, hasMounts: false).play(progress)
        }
        if report.failed == 0 { Platform.removeFolder(place) }
        return report
    }

    /// The cell of a case: places in turn, so that any range has some of each.
    static func cell(_ number: Int) -> (place: FullPlace, moment: FullMoment, comesBack: Bool) {
        let places = FullPlace.allCases
        let moments = FullMoment.allCases
        let rest = number / places.count
        return (places[number % places.count], moments[rest % moments.count], rest / moments.count % 2 == 0)
    }
}

/// One run of the row, on the thread whose mounts nobody else sees.
private final class FullRun {
    private let plan: LabPlan
    private let place: String
    private let hasMounts: Bool
    private var report: LabReport
    private var disks: [FullPlace: FullDisk] = [:]

    init(_ plan: LabPlan, place: String, hasMounts: Bool) {
        (self.plan, self.place, self.hasMounts) = (plan, place, hasMounts)
        report = LabReport("full", plan)
    }

    func play(_ progress: (Int) -> Void) throws -> LabReport {
        if plan.cases != 1 { try playControl() }
        var number = plan.from
        while plan.includes(number) {
            try play(number)
            number += 1
            progress(number)
        }
        report.next = number
        for disk in disks.values { try disk.remove() }
        report.end()
        return report
    }

    /// Nil, with the reason in the report, where there can be no such disk.
    private func disk(_ kind: FullPlace) throws -> FullDisk? {
        if let disk = disks[kind] { return disk }
        if let missing = kind.missing ?? (hasMounts || kind == .fileSize ? nil : "\(kind.rawValue): no mounts") {
            report.skip(missing)
            return nil
        }
        let disk = try FullDisk(kind, folder: "\(place)/\(kind.rawValue)", log: place + "/log")
        disks[kind] = disk
        return disk
    }

    private func play(_ number: Int) throws {
        let cell = FullRow.cell(number)
        guard let disk = try disk(cell.place) else { return report.note(.skipped) }
        disk.clear()
        var story = FullStory(
            plan: plan, disk: disk, moment: cell.moment, comesBack: cell.comesBack,
            random: SeededRandom(seed: plan.seed, name: "full \(number)"), errors: place + "/stderr")
        try story.play()
        report.count(cell.place.rawValue)
        report.count("changes acknowledged", story.acknowledged)
        for (name, count) in story.counts.sorted(by: { $0.key < $1.key }) { report.count(name, count) }
        guard !story.problems.isEmpty else { return report.note(.whole) }
        report.note(story.lost > 0 ? .lost : .wrong)
        let after = cell.comesBack ? "room comes back" : "killed"
        let what = story.problems.prefix(3).joined(separator: "; ")
        let files = keep(number, disk)
        report.fail(
            number, "\(cell.place.rawValue), \(cell.moment.rawValue), \(after), \(story.remainder) bytes left: \(what)",
            artefacts: files)
    }

    /// The store as it is now, beside the mounts.
    private func keep(_ number: Int, _ disk: FullDisk) -> String? {
        guard report.failures.count < 3 else { return nil }
        let copy = "\(place)/\(number)"
        let store = disk.path + "/" + FullStory.storeName
        guard mkdir(copy, 0o700) == 0 else { return nil }
        for name in Platform.names(in: store) { try? Platform.copyFile(store + "/" + name, to: copy + "/" + name) }
        return copy
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
        report.control("answers before the commit", fails: story.lost > 0)
        Platform.removeFolder(disk.path + "/" + FullStory.storeName)
        Platform.removeFolder(folder)
    }
}

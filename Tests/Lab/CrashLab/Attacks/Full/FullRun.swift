internal import Drill
internal import WriteAheadJournal

/// One run of the attack, on the thread whose mounts nobody else sees.
final class FullRun {
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
        Files.removeFolder(disk.path + "/" + FullStory.storeName)
        Files.removeFolder(folder)
    }
}

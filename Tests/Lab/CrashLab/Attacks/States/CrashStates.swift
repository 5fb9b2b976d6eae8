// Every disk that a crash in the middle of a recording may leave.
//
// After power loss, between two syncs: what was synced is there. Of the writes, truncations and names that were not, any
// subset is, in their order; a write that is there may be torn at sectors; a mapped page is any of its versions. Whole
// operations are played exhaustively up to a bound, drawn beyond it.
// After a process's death: everything so far is there, the last write perhaps in part, mapped pages as they were.
//
// Which answers bind in a state: it can be met at any moment between its newest operation and the next sync that would
// make more of it durable. So whatever was answered before that sync must be in it, and nothing that was only begun after
// its newest operation may be.

internal import Drill

struct CrashStates {
    let base: DiskImage
    let recording: Recording
    /// States are built from this event on.
    var first = 0
    var rules = DiskRules()
    var effort = CrashStateEffort()

    /// Builds them one after the other, until `visit` returns false.
    func afterPowerLoss(_ random: inout SeededRandom, _ visit: (CrashState) throws -> Bool) rethrows {
        var disk = PowerlessDisk(base, recording, rules)
        var hasNews = false
        var goesOn = true
        for (number, event) in recording.events.enumerated() {
            switch event {
            case .sync, .folderSync:
                if hasNews && number >= first {
                    try visitAll(disk, through: number, &random, &goesOn, visit)
                    guard goesOn else { return }
                    hasNews = false
                }
            case .mark: break
            default: hasNews = true
            }
            disk.take(event, number: number)
        }
        try visitAll(disk, through: recording.events.count, &random, &goesOn, visit)
    }

    private func visitAll(
        _ disk: PowerlessDisk, through end: Int, _ random: inout SeededRandom, _ goesOn: inout Bool,
        _ visit: (CrashState) throws -> Bool
    ) rethrows {
        func show(_ choice: PowerlessDisk.Choice) throws {
            let (image, newest) = disk.image(choice, &random)
            goesOn = try visit(
                CrashState(
                    image: image, survival: .power, acknowledged: end, submitted: newest + 1, events: end, cut: nil,
                    isTorn: !choice.torn.isEmpty, what: { disk.words(choice, end) }))
        }
        let count = disk.pending.count
        if count <= effort.exhaustiveMax {
            for subset in 0..<(1 << count) {
                var choice = PowerlessDisk.Choice(
                    pages: MappedFile.Style.allCases.randomElement(using: &random) ?? .mixed)
                choice.done = disk.pending.indices.filter { subset >> $0 & 1 == 1 }.map { disk.pending[$0] }
                try show(choice)
                guard goesOn else { return }
            }
        } else {
            for _ in 0..<effort.sampled {
                try show(disk.draw(&random))
                guard goesOn else { return }
            }
        }
        guard disk.hasPendingWrites else { return }
        for _ in 0..<effort.torn {
            try show(disk.drawTorn(&random))
            guard goesOn else { return }
        }
    }

    /// Builds them one after the other, until `visit` returns false.
    func afterProcessDeath(_ random: inout SeededRandom, _ visit: (CrashState) throws -> Bool) rethrows {
        var image = base
        var reached = 0
        var hasNews = false
        var wasPage = false
        for (number, event) in recording.events.enumerated() {
            var isPage = false
            switch event {
            case .mark, .sync, .folderSync: continue
            case .page, .replace: isPage = true
            default: break
            }
            // Pages that were seen to have changed together are no order of stores: only all of them are a state.
            if hasNews && number >= first && !(isPage && wasPage) {
                let state = CrashState(
                    image: image, survival: .process, acknowledged: number, submitted: reached, events: number,
                    what: { "the process died before event \(number)" })
                guard try visit(state) else { return }
                hasNews = false
            }
            if case .write(let file, let offset, let at, let count) = event, number >= first, count > 1 {
                for _ in 0..<effort.cuts {
                    let cut = Self.cut(count, &random)
                    var torn = image
                    recording.bytes.withUnsafeBytes {
                        torn.write(file, offset, UnsafeRawBufferPointer(rebasing: $0[at..<(at + cut)]))
                    }
                    let state = CrashState(
                        image: torn, survival: .process, acknowledged: number, submitted: number, events: number + 1,
                        cut: cut, isTorn: true,
                        what: {
                            "the process died in event \(number), \(cut) of \(count) bytes into \(file.name) at \(offset)"
                        })
                    guard try visit(state) else { return }
                }
            }
            if !(rules.mappingsDie && isPage) { image.apply(event, of: recording) }
            reached = number + 1
            hasNews = true
            wasPage = isPage
        }
        guard hasNews else { return }
        let count = recording.events.count
        _ = try visit(
            CrashState(
                image: image, survival: .process, acknowledged: count, submitted: reached, events: count,
                what: { "the process died after the last event" }))
    }

    /// Kernels copy page by page, mostly; nobody promises more than bytes.
    private static func cut(_ count: Int, _ random: inout SeededRandom) -> Int {
        let cut = Int.random(in: 1..<count, using: &random)
        guard Bool.random(using: &random), cut > Tearing.sector else { return cut }
        return cut / Tearing.sector * Tearing.sector
    }
}

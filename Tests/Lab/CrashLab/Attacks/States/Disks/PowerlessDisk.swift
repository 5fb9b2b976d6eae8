// The disk at one moment of a recording: what is durable, and what is not yet.

internal import Drill

struct PowerlessDisk {
    /// One way in which the power can take what is pending.
    struct Choice {
        /// Events that reached the disk, in order.
        var done: [Int] = []
        /// Those among them of which only sectors did.
        var torn: Set<Int> = []
        /// A file has its new size before the bytes: they are zeros.
        var sizesComeFirst = false
        var pages: MappedFile.Style
    }

    private let recording: Recording
    private let rules: DiskRules
    /// Bytes that are surely there, by file, whether or not it has a name yet.
    private var durable: DiskImage
    private var hasName: [Bool]
    private var mapped: [StoreFile: MappedFile] = [:]
    /// Events that are not durable yet, in order.
    private(set) var pending: [Int] = []
    /// The number of the newest event that made something durable.
    private var settled = -1

    init(_ base: DiskImage, _ recording: Recording, _ rules: DiskRules) {
        self.recording = recording
        self.rules = rules
        durable = base
        hasName = StoreFile.allCases.map { base[$0] != nil }
        for file in StoreFile.allCases where file.isMapped {
            mapped[file] = MappedFile(base[file])
            durable[file] = nil
        }
    }

    // MARK: What happens to it

    mutating func take(_ event: Recording.Event, number: Int) {
        switch event {
        case .write(let file, _, _, _), .truncate(let file, _), .create(let file), .delete(let file),
            .page(let file, _, _, _), .replace(let file, _, _):
            if file.isMapped { mapped[file]?.note(event, number: number) } else { pending.append(number) }
        case .sync(let file):
            guard !rules.flushesLie else { return }
            settled = number
            if file.isMapped { mapped[file]?.sync(recording) } else { settle(bytesOf: file) }
            if !rules.namesAreStrict { settleNames() }
        case .folderSync:
            guard !rules.flushesLie else { return }
            settled = number
            settleNames()
        case .mark: break
        }
    }

    private mutating func settle(bytesOf file: StoreFile) {
        for number in pending where Self.bytes(recording.events[number]) == file {
            durable.apply(recording.events[number], of: recording)
        }
        pending.removeAll { Self.bytes(recording.events[$0]) == file }
    }

    private mutating func settleNames() {
        for number in pending {
            switch recording.events[number] {
            case .create(let file):
                hasName[file.rawValue] = true
                if durable[file] == nil { durable[file] = [] }
            case .delete(let file):
                hasName[file.rawValue] = false
                durable[file] = nil
            default: break
            }
        }
        pending.removeAll { Self.bytes(recording.events[$0]) == nil }
        for file in mapped.keys { mapped[file]?.syncName() }
    }

    /// The file whose bytes an event changes.
    private static func bytes(_ event: Recording.Event) -> StoreFile? {
        switch event {
        case .write(let file, _, _, _), .truncate(let file, _): file
        default: nil
        }
    }

    private func write(_ number: Int) -> (file: StoreFile, offset: Int, at: Int, count: Int)? {
        guard case .write(let file, let offset, let at, let count) = recording.events[number] else { return nil }
        return (file, offset, at, count)
    }

    var hasPendingWrites: Bool { pending.contains { write($0) != nil } }

    // MARK: What the power leaves

    /// Any subset, with those that are more likely to hurt drawn more often.
    func draw(_ random: inout SeededRandom) -> Choice {
        var choice = Choice(pages: MappedFile.Style.allCases.randomElement(using: &random) ?? .mixed)
        choice.sizesComeFirst = Int.random(in: 0..<4, using: &random) == 0
        guard !pending.isEmpty else { return choice }
        switch Int.random(in: 0..<5, using: &random) {
        case 0: choice.done = Array(pending[..<Int.random(in: 0...pending.count, using: &random)])
        case 1:
            let missing = Int.random(in: 0..<pending.count, using: &random)
            choice.done = pending.indices.filter { $0 != missing }.map { pending[$0] }
        case 2:
            let only = Set((0..<2).map { _ in Int.random(in: 0..<pending.count, using: &random) })
            choice.done = pending.indices.filter { only.contains($0) }.map { pending[$0] }
        case 3: choice.done = pending.filter { _ in Int.random(in: 0..<10, using: &random) > 0 }
        default: choice.done = pending.filter { _ in Bool.random(using: &random) }
        }
        return choice
    }

    /// The same, with one to three of the writes torn.
    func drawTorn(_ random: inout SeededRandom) -> Choice {
        var choice = draw(&random)
        let writes = pending.filter { write($0) != nil }
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            if let number = writes.randomElement(using: &random) { choice.torn.insert(number) }
        }
        choice.done = Set(choice.done).union(choice.torn).sorted()
        return choice
    }

    /// - Returns: the files, and the number of the newest event they have anything of.
    func image(_ choice: Choice, _ random: inout SeededRandom) -> (DiskImage, newest: Int) {
        var image = durable
        var hasName = hasName
        var newest = max(settled, choice.done.last ?? -1)
        let tearing = Tearing(damagesWholeSectors: rules.damagesWholeSectors)
        for number in choice.done {
            switch recording.events[number] {
            case .create(let file):
                hasName[file.rawValue] = true
                if image[file] == nil { image[file] = [] }
            case .delete(let file): hasName[file.rawValue] = false
            default:
                if choice.torn.contains(number), let (file, offset, at, count) = write(number) {
                    recording.bytes.withUnsafeBytes {
                        tearing.write(
                            UnsafeRawBufferPointer(rebasing: $0[at..<(at + count)]), to: file, at: offset, of: &image,
                            &random)
                    }
                } else {
                    image.apply(recording.events[number], of: recording)
                }
            }
        }
        if choice.sizesComeFirst {
            for number in pending {
                guard let (file, offset, _, count) = write(number), offset + count > image.size(file) else { continue }
                image.grow(file, to: offset + count)
                newest = max(newest, number)
            }
        }
        for file in StoreFile.allCases where !hasName[file.rawValue] { image[file] = nil }
        for file in StoreFile.allCases {
            guard let mapped = mapped[file] else { continue }
            let (bytes, event) = mapped.choose(choice.pages, recording, &random)
            image[file] = bytes
            newest = max(newest, event)
        }
        return (image, newest)
    }

    /// What the power left of what was pending, for a person.
    func words(_ choice: Choice, _ end: Int) -> String {
        let events = pending.map { number -> String in
            let fate = choice.torn.contains(number) ? "torn" : choice.done.contains(number) ? "done" : "not done"
            return "\(number) \(Self.words(recording.events[number])) \(fate)"
        }
        let more = events.count > 40 ? ", … \(events.count - 40) more" : ""
        return "the power went before event \(end); pending: " + events.prefix(40).joined(separator: ", ") + more
            + (choice.sizesComeFirst ? "; sizes came first" : "") + "; mapped pages: \(choice.pages)"
    }

    private static func words(_ event: Recording.Event) -> String {
        switch event {
        case .write(let file, let offset, _, let count): "\(file.name) \(offset)+\(count)"
        case .truncate(let file, let size): "\(file.name) cut to \(size)"
        case .create(let file): "new name \(file.name)"
        case .delete(let file): "\(file.name) deleted"
        default: "\(event)"
        }
    }
}

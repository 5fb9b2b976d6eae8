// The child that does a piece of work for the attack `calls`.

internal import Backstay
internal import Drill
internal import WriteAheadJournal
internal import SystemC

/// The child's side. One caller; each answer is told before the next call.
struct CallsChild {
    let store: String
    let seed: UInt64
    var isEarly = false

    static func open(_ path: String) throws(StoreError) -> StateStore {
        var options = StoreOptions()
        options.closesAtExit = false
        options.tailBytes = Writers.leastTail
        options.lockPatience = 200_000_000
        options.diskFullPatience = .milliseconds(200)
        options.retryInterval = 10_000_000
        return try StateStore.open(path, options: options)
    }

    func run(_ work: CallsWork) throws {
        Message.began(writer: CallsWork.writer).send()
        let open = try Self.open(store)
        Message.recovered(fromTail: open.recovery.recordsFromTail).send()
        switch work {
        case .create: try set(open, 1...10)
        case .open, .recover: try set(open, 1...2)
        case .power: try set(open, 1...12) { _ in .power }
        case .process: try set(open, 1...40) { _ in .process }
        case .transactions: try transactions(open, 1...12)
        case .oversize: try oversize(open)
        case .checkpoint:
            try set(open, 1...6)
            try open.checkpoint()
            try set(open, 7...12)
            try open.checkpoint()
            try set(open, 13...14)
        case .compact:
            try set(open, 1...6)
            try open.compact()
            try set(open, 7...8)
        case .backup:
            try set(open, 1...4)
            try open.backup(to: store + ".backup")
            try set(open, 5...6)
        }
        Message.phase(.closing).send()
        try open.close()
        Message.phase(.closed).send()
    }

    private func set(
        _ open: StateStore, _ numbers: ClosedRange<Int>, _ level: (Change) -> Durability = { $0.durability }
    ) throws {
        for number in numbers {
            let change = Change(writer: CallsWork.writer, number: number)
            try answer([change]) { () throws(StoreError) in try open.put(change, seed: seed, level(change)) }
        }
    }

    /// Three changes each, all or nothing.
    private func transactions(_ open: StateStore, _ numbers: ClosedRange<Int>) throws {
        for first in stride(from: numbers.lowerBound, through: numbers.upperBound, by: 3) {
            let changes = (first..<first + 3).map { Change(writer: CallsWork.writer, number: $0) }
            try answer(changes) { () throws(StoreError) in try put(changes, open) }
        }
    }

    private func oversize(_ open: StateStore) throws {
        try set(open, 1...2)
        let changes = Self.oversized.map { Change(writer: CallsWork.writer, number: $0) }
        try answer(changes) { () throws(StoreError) in try put(changes, open) }
        try set(open, 1_501...1_502)
    }

    /// Changes that together are more than the least tail takes.
    static let oversized = 3...1_500

    private func put(_ changes: [Change], _ open: StateStore) throws(StoreError) -> StateStore.Receipt {
        do {
            return try open.transaction { tx in
                for change in changes { try tx.put(change, seed: seed) }
            }.receipt
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.ioError, "\(error)")
        }
    }

    /// Tells what became of the changes, and goes on, as an application does that looks at `outcome`, only where they were
    /// answered.
    private func answer(
        _ changes: [Change], _ body: () throws(StoreError) -> StateStore.Receipt
    ) throws(StoreError) {
        if isEarly {
            for change in changes { Message.acknowledged(change, lsn: 0).send() }
            usleep(Writers.earlyBy)
        }
        do throws(StoreError) {
            let receipt = try body()
            if isEarly { return }
            for change in changes { Message.acknowledged(change, lsn: receipt.lsn.value).send() }
        } catch {
            for change in changes {
                (error.outcome == .rejected ? Message.refused(change) : .unknown(change)).send()
            }
            throw error
        }
    }
}

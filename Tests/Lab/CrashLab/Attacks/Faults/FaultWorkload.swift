// What is done to a store while a call fails: twelve short programs, the same in every run.
//
// Nothing in them depends on time: records are committed by whoever waits for them, never for their age, and the log is
// folded on request only. So the N-th call is the same call in every run.

struct FaultWorkload: Sendable {
    /// What is there before.
    enum Before: Sendable {
        case nothing
        /// A store that was closed.
        case closed
        /// A store whose owner was killed, with records in the tail alone.
        case killed
    }

    var name: String
    var before = Before.closed
    /// The store is opened before calls are counted.
    var isOpen = true
    var steps: [FaultStep]

    static let all: [FaultWorkload] = [
        FaultWorkload(name: "create", before: .nothing, isOpen: false, steps: [.open, .power]),
        FaultWorkload(name: "open", isOpen: false, steps: [.open, .power]),
        FaultWorkload(name: "open after a kill", before: .killed, isOpen: false, steps: [.open, .power]),
        FaultWorkload(name: "power", steps: [.power, .power, .power, .power]),
        FaultWorkload(name: "process", steps: [.process, .process, .process, .power, .process, .process]),
        FaultWorkload(name: "transactions", steps: [.transaction, .transaction, .process, .transaction]),
        FaultWorkload(name: "large", steps: [.process, .large, .process, .large]),
        FaultWorkload(
            name: "checkpoint", steps: [.transaction, .checkpoint, .power, .checkpoint, .power, .checkpoint]),
        FaultWorkload(name: "compact", before: .killed, steps: [.transaction, .compact, .power]),
        FaultWorkload(name: "backup", steps: [.process, .backup, .power]),
        FaultWorkload(name: "close", steps: [.process, .transaction, .close]),
        FaultWorkload(name: "sync", steps: [.process, .process, .sync, .process, .sync]),
    ]
}

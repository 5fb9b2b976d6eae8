// Many callers at once: 16 threads, and 64 callers that are tasks where an engine has calls that hold no thread.
//
// Each caller has keys of its own, and its changes lie ready before the start.

import Foundation
import Synchronization

extension Workload {
    static let concurrency = Workload(
        name: "callers", summary: "16 threads, 64 callers: synced changes at once; 16 threads not synced"
    ) { contest in
        var rows: [ReportRow] = []
        for (callers, guarantee) in [(16, Guarantee.power), (64, .power), (16, .process)] {
            rows.append(try await row(contest, callers, guarantee))
        }
        return rows
    }

    private static let keysEach = 64

    private static func row(_ contest: Contest, _ callers: Int, _ guarantee: Guarantee) async throws -> ReportRow {
        let name = callers == 16 ? "16 threads" : "\(callers) callers"
        let each = guarantee == .power ? contest.plan.changesCaller : contest.plan.changesCallerUnsynced
        let players = try contest.players(
            name + guarantee.rawValue, Contestants.with(guarantee, .callers), keys: callers * keysEach)
        for player in players {
            // The files of the log, past their growing, as in `power`.
            let engine = try player.engine()
            let warming = guarantee == .power ? contest.plan.changesWarming / 4 : contest.plan.changesWarming
            for index in 0..<warming { try engine.put(player.model.write(index % (callers * keysEach))) }
            try contest.settle(player)
        }
        try await contest.rounds(name, players) { player in
            let changes = (0..<callers).map { caller in
                (0..<each).map { _ in player.model.write(caller * keysEach + player.random.below(keysEach)) }
            }
            let engine = try player.engine()
            let byTasks = callers > 16 && player.contestant.abilities.contains(.tasks)
            let crowd = byTasks ? try await tasks(engine, changes) : try threads(engine, changes)
            player.tally.add(nanoseconds: crowd.nanoseconds, units: callers * each)
            for latency in crowd.latencies { player.tally.add(latency: latency) }
        }
        try contest.end(players)
        let how =
            callers == 16
            ? "keys of their own, \(each) puts each"
            : "\(each) puts each; tasks where the engine has async calls (Backstay, Journal, GRDB), threads elsewhere"
        return contest.row(Title(workload: "callers", name: name, guarantee: guarantee, how: how), players)
    }

    private struct Crowd {
        var nanoseconds = 0.0
        var latencies: [Double] = []
    }

    private static func threads(_ engine: any Engine, _ changes: [[Entry]]) throws -> Crowd {
        let gate = DispatchSemaphore(value: 0)
        let ready = DispatchGroup()
        let done = DispatchGroup()
        let shared = Shared()
        for own in changes {
            ready.enter()
            done.enter()
            Thread.detachNewThread {
                ready.leave()
                gate.wait()
                shared.add(Result { try run(engine, own) })
                done.leave()
            }
        }
        ready.wait()
        let start = Clock.now()
        for _ in changes { gate.signal() }
        done.wait()
        let nanoseconds = Double(Clock.now() - start)
        return Crowd(nanoseconds: nanoseconds, latencies: try shared.result.get())
    }

    private static func tasks(_ engine: any Engine, _ changes: [[Entry]]) async throws -> Crowd {
        var crowd = Crowd()
        let start = Clock.now()
        try await withThrowingTaskGroup(of: [Double].self) { group in
            for own in changes {
                group.addTask {
                    var latencies: [Double] = []
                    latencies.reserveCapacity(own.count)
                    for entry in own {
                        let start = Clock.now()
                        try await engine.putFromTask(entry)
                        latencies.append(Double(Clock.now() - start) - Clock.cost)
                    }
                    return latencies
                }
            }
            for try await latencies in group { crowd.latencies += latencies }
        }
        crowd.nanoseconds = Double(Clock.now() - start)
        return crowd
    }

    private static func run(_ engine: any Engine, _ own: [Entry]) throws -> [Double] {
        var latencies: [Double] = []
        latencies.reserveCapacity(own.count)
        for entry in own {
            let start = Clock.now()
            try engine.put(entry)
            latencies.append(Double(Clock.now() - start) - Clock.cost)
        }
        return latencies
    }
}

/// What the threads found, put together.
private final class Shared: Sendable {
    private let latencies = Mutex<Result<[Double], any Error>>(.success([]))

    var result: Result<[Double], any Error> { latencies.withLock { $0 } }

    /// The first error stays.
    func add(_ more: Result<[Double], any Error>) {
        latencies.withLock { all in all = all.flatMap { all in more.map { all + $0 } } }
    }
}

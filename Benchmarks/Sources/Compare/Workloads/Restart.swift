// Starting after `kill -9`: a child of this very program writes, is killed by SIGKILL, and the parent opens what it left.
//
// Everything the child was answered must be there: that is the guarantee the row is about.

import Foundation

extension Workload {
    static let restart = Workload(
        name: "restart", summary: "opening after kill -9, alone and with reading everything"
    ) { contest in
        let keys = contest.plan.keysRestart
        let contestants = contest.chosen(Contestants.with(.process, .restart))
        let opening = contestants.map { _ in Tally() }
        let reading = contestants.map { _ in Tally() }
        for round in 0..<contest.plan.rounds {
            for offset in contestants.indices {
                let index = (round + offset) % contestants.count
                let contestant = contestants[index]
                contest.progress.turn(
                    "restart · \(contestant.id) · round \(round + 1)", done: round * contestants.count + offset,
                    of: contest.plan.rounds * contestants.count)
                let player = try Player(
                    contestant, contest.folder + "/restart", Model(keys: keys, values: Values(size: 100)), seed: 0)
                try KilledChild.write(contestant, player.folder, keys, program: contest.program)
                KilledChild.entries(keys, player.model) { _ in }
                try contest.syncFiles(player.folder)
                let start = Clock.now()
                _ = try player.engine()
                let opened = Clock.now()
                try player.verify()
                let read = Clock.now()
                for (tally, end) in [(opening[index], opened), (reading[index], read)] {
                    tally.beginTurn()
                    tally.add(nanoseconds: Double(end - start), units: keys)
                    tally.add(latency: Double(end - start))
                    tally.endTurn()
                }
                try player.remove()
            }
        }
        let how = "\(keys.grouped) keys written in batches of 100 by a process that SIGKILL ended"
        return [("restart: open", opening, how), ("restart: open and read", reading, how + "; opened and all read")].map
        {
            name, tallies, how in
            ReportRow(
                Title(workload: "restart", name: name, guarantee: .process, how: how, unit: "key", step: "start"),
                zip(contestants, tallies).map { Figure($0, $1) })
        }
    }
}

/// The process that writes and is killed.
enum KilledChild {
    /// What it writes, in scattered order.
    static func entries(_ keys: Int, _ model: Model, _ batch: ([Entry]) throws -> Void) rethrows {
        let order = Scattered(keys)
        var next = 0
        while next < keys {
            let end = min(keys, next + 100)
            try batch((next..<end).map { model.write(order[$0]) })
            next = end
        }
    }

    /// Runs in the child: writes, says so, waits for its end.
    static func run(_ id: String, _ folder: String, _ keys: Int) throws {
        guard let contestant = Contestants.named(id, .process) else { throw Failure("no engine is called \(id)") }
        let engine = try contestant.open(folder)
        try entries(keys, Model(keys: keys, values: Values(size: 100))) { try engine.put($0) }
        FileHandle.standardOutput.write(Data("written\n".utf8))
        withExtendedLifetime(engine) { while true { pause() } }
    }

    /// Runs in the parent: returns when the child is dead.
    ///
    /// - Parameter program: the path of this very program.
    static func write(_ contestant: Contestant, _ folder: String, _ keys: Int, program: String) throws {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: program)
        child.arguments = ["killed-child", contestant.id, folder, String(keys)]
        let pipe = Pipe()
        child.standardOutput = pipe
        try child.run()
        let said = pipe.fileHandleForReading.availableData
        kill(child.processIdentifier, SIGKILL)
        child.waitUntilExit()
        guard String(decoding: said, as: UTF8.self) == "written\n" else {
            throw Failure("\(contestant.id): the child could not write")
        }
        guard child.terminationReason == .uncaughtSignal, child.terminationStatus == SIGKILL else {
            throw Failure("\(contestant.id): the child ended by itself")
        }
    }

    static let thisProgram = Bundle.main.executablePath ?? CommandLine.arguments[0]
}

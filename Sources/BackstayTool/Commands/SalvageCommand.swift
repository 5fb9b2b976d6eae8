// `backstay salvage`: a new store of everything in a damaged one that still checks.

#if CommandLine
import ArgumentParser
import Backstay
import WriteAheadJournal

struct SalvageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "salvage",
        abstract: "Makes a new store of everything in a damaged one that still checks.",
        discussion: """
            STORE is only read, and works even where nothing else opens it. Exit status 0 when nothing had to be dropped, \
            4 when something was: the new store is there all the same, and what is not in it is listed.
            With --json: {"path":…,"rows":…,"records":…,"lastLSN":…,"repaired":[…],"dropped":[{"check":…,"message":…, \
            "key":…,"firstLSN":…,"lastLSN":…,"file":…,"lsn":…,"bytes":[a,b]}]}: what is known of each place; with \
            something dropped also "error", as for every failure.
            """
    )

    @OptionGroup var store: StoreArgument
    @Option(help: ArgumentHelp("The new store: where nothing is, or an empty folder.", valueName: "path"))
    var to: String
    @OptionGroup var common: CommonOptions

    private func make() throws -> Salvage {
        // What is there need not look like a store any more, but something must be.
        if let missing = try? store.missing() { throw missing }
        do {
            return try Salvage(store.store, to: to)
        } catch let error as StoreError {
            var failure = Failure(error)
            // What is in the way at the new place says nothing about STORE; and status 4 says that the new store is there.
            let isOfStore = error.location?.file == (try? Files.resolved(store.store))
            let isOfPlace = error.location?.file == (try? Files.resolved(to))
            if failure.status != .busy, isOfPlace || !isOfStore { failure.status = .failed }
            throw failure
        }
    }

    func run() throws {
        let salvage = try make()
        let members: [(String, JSON)] = [
            ("path", .string(salvage.path)), ("rows", .count(salvage.rows)), ("records", .count(salvage.records)),
            ("lastLSN", .uint(salvage.lastLSN.value)), ("repaired", .array(salvage.repaired.map { .string($0) })),
            ("dropped", .array(salvage.dropped.map(\.json))),
        ]
        let found = TextForm.counted(salvage.rows, "key")
        try withOutput { out in
            if common.json && salvage.dropped.isEmpty { return try out.print(.object(members)) }
            if !common.json {
                for text in salvage.repaired { try out.print("repaired: \(text)") }
                for finding in salvage.dropped { try out.print("\(Terminal.red("dropped")): \(finding.text)") }
                try out.print("\(found) as of LSN \(salvage.lastLSN) are in \(salvage.path)")
            }
            guard !salvage.dropped.isEmpty else { return }
            var failure = Failure(
                .damaged, "damaged",
                "\(found) are in \(salvage.path); not all of the store could be read: look at what was dropped")
            failure.result = members
            throw failure
        }
    }
}

extension StoreSurvey.Finding {
    var text: String { "\(check): \(message)" + (location.map { " [\($0)]" } ?? "") }

    var json: JSON {
        var members: [(String, JSON)] = [("check", .string(check)), ("message", .string(message))]
        if let key { members.append(("key", .string(key))) }
        if let lsns { members += [("firstLSN", .uint(lsns.lowerBound)), ("lastLSN", .uint(lsns.upperBound))] }
        return .object(members + (location?.members ?? []))
    }
}
#endif

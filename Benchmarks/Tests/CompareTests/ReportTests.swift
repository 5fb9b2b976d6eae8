// Every workload runs in small, and every row of it is in every form of the report.

import Foundation
import Testing

@testable import Compare

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite struct ReportTests {
    @Test(arguments: Workload.all.map(\.name))
    func aWorkloadRunsAndIsShownInEveryForm(_ name: String) async throws {
        let folder = try TestFolder()
        let workload = try #require(Workload.all.first { $0.name == name })
        var contest = Contest(plan: .tiny, folder: folder.path, progress: Progress())
        contest.program = program
        let rows = try await workload.run(contest)
        #expect(!rows.isEmpty)
        for row in rows {
            #expect(row.workload == name)
            #expect(row.figures.first?.engine == "Backstay")
            #expect(row.figures.contains { $0.role == .peer })
            for figure in row.figures {
                #expect(figure.units > 0 && figure.nanoseconds.median > 0, "\(row.heading): \(figure.engine)")
                #expect((figure.ratio == nil) == (figure.role == .ours))
            }
        }
        // Stores are removed by their row.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        try check(report(rows))
    }

    @Test func aMissingEngineIsNamedWithItsPackage() throws {
        var report = report([])
        report.missing = [MissingPeer(name: "LMDB", package: "liblmdb-dev", reason: "liblmdb.so is not installed")]
        for text in [
            TerminalTable(report: report, isColoured: false).text(), MarkdownReport.text(report),
            HTMLPage(report).text(),
            try JSONReport.text(report),
        ] { #expect(text.contains("liblmdb-dev")) }
    }

    private func report(_ rows: [ReportRow]) -> Report {
        Report(
            machine: .here("/"), plan: .tiny, build: "debug",
            engines: Contestants.versions.map { EngineVersion(name: $0.name, version: $0.version) },
            missing: Contestants.missing, clockNanoseconds: 20, harnessNanoseconds: 10, seconds: 1, rows: rows)
    }

    private func check(_ report: Report) throws {
        let page = HTMLPage(report).text()
        let parser = XMLParser(data: Data(page.utf8))
        #expect(parser.parse(), "line \(parser.lineNumber): \(String(describing: parser.parserError))")
        // Nothing is fetched: the only addresses are names of XML's.
        let addresses = page.components(separatedBy: "http").dropFirst().filter {
            !$0.hasPrefix("://www.w3.org/2000/svg")
        }
        #expect(addresses.isEmpty)
        #expect(!page.contains("src=") && !page.contains("<script") && !page.contains("url("))

        let table = TerminalTable(report: report, isColoured: false).text()
        let markdown = MarkdownReport.text(report)
        for row in report.rows {
            #expect(page.contains("id=\"\(HTMLPage.anchor(row))\""))
            #expect(page.contains("<h2>\(row.heading)</h2>"))
            #expect(table.contains("\n\(row.heading)\n"))
            #expect(markdown.contains("\n### \(row.heading)\n"))
            for figure in row.figures {
                let time = figure.nanoseconds.median.asTime
                #expect(page.contains("\(figure.engine) <span class=\"quiet\">\(figure.setting)</span>"))
                #expect(table.contains("\(figure.engine) \(figure.setting)") && table.contains(time))
                #expect(markdown.contains("\(figure.engine) \(figure.setting)") && markdown.contains(time))
            }
        }
        #expect(Set(report.rows.map(HTMLPage.anchor)).count == report.rows.count)

        let again = try JSONReport.read(JSONReport.text(report))
        #expect(try JSONReport.text(again) == JSONReport.text(report))
    }

    @Test func plotsAreFilesThatStandAlone() async throws {
        let folder = try TestFolder()
        let contest = Contest(plan: .tiny, folder: folder.path, progress: Progress())
        let rows = try await #require(Workload.all.first { $0.name == "power" }).run(contest)
        try HTMLPage(report(rows)).writePlots(into: folder.path + "/plots")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/plots").sorted()
        #expect(files == ["put-synced-power-latency.svg", "put-synced-power.svg"])
        for file in files {
            let text = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/plots/" + file))
            #expect(XMLParser(data: text).parse())
        }
    }
}

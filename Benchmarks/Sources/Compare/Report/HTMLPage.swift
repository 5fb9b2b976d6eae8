// The report as one page: no script, no other file, light and dark.
//
// It is written as XML too, so that a parser can check it: every element is closed, every attribute quoted.

import Foundation

struct HTMLPage {
    let report: Report

    init(_ report: Report) { self.report = report }

    func text() -> String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <title>Backstay beside other engines</title>
        <style>\(SVG.style)\(Self.style)</style></head><body><main>
        <h1>Backstay beside other engines</h1>
        <p>The same work at the same guarantee: what a change has survived when the call that made it returns.</p>
        \(report.preamble.map { "<p class=\"quiet\">\(SVG.escaped($0))</p>" }.joined(separator: "\n"))
        \(warnings)
        \(summary)
        \(growth)
        \(report.rows.enumerated().map(section).joined(separator: "\n"))
        <h2>How to read it</h2>
        \(Report.notes.map { "<p>\(SVG.escaped($0))</p>" }.joined(separator: "\n"))
        <p>Bars and curves are on logarithmic scales. Rest the pointer on one for its figure.</p>
        </main></body></html>

        """
    }

    /// Each drawing as a file of its own, named after its row.
    func writePlots(into folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, svg) in drawings {
            try svg.text(alone: true).write(toFile: "\(folder)/\(name).svg", atomically: true, encoding: .utf8)
        }
    }

    private var drawings: [(String, SVG)] {
        var drawings: [(String, SVG)] = []
        for row in report.rows where row.keys == nil {
            let name = Self.anchor(row)
            drawings.append((name, BarChart(row: row).drawing()))
            if let chart = LineChart.percentiles(row) { drawings.append((name + "-latency", chart.drawing())) }
        }
        return drawings + growthCharts.map { ($0.name, $0.chart.drawing()) }
    }

    // MARK: Parts

    private var warnings: String {
        var lines = report.missingLines
        if report.build != "release" { lines.append("A debug build: these figures say nothing.") }
        return lines.map { "<p class=\"warning\">\(SVG.escaped($0))</p>" }.joined(separator: "\n")
    }

    private var summary: String {
        let lines = report.rows.compactMap { Summary(of: $0) }.map { summary in
            let cells = summary.cells.enumerated().map { column, cell in
                switch column {
                case 0: "<td><a href=\"#\(Self.anchor(summary.row))\">\(SVG.escaped(cell))</a></td>"
                case 2: "<td>\(SVG.escaped(cell))</td>"
                default: "<td class=\"number\">\(SVG.escaped(cell))</td>"
                }
            }
            let isQuicker = (summary.peer.ratio?.median ?? 0) >= 1
            return "<tr class=\"\(isQuicker ? "quicker" : "slower")\">\(cells.joined())</tr>"
        }
        return """
            <h2>Backstay beside the quickest engine with the same guarantee</h2>
            <div class="scroll"><table><thead><tr>\(Self.header(Summary.header, left: [0, 2]))</tr></thead>
            <tbody>\(lines.joined(separator: "\n"))</tbody></table></div>
            """
    }

    private func section(_ index: Int, _ row: ReportRow) -> String {
        let lines = row.figures.map { figure in
            let name =
                "<td><span class=\"key \(SVG.kind(figure))\"></span>\(SVG.escaped(figure.engine)) "
                + "<span class=\"quiet\">\(SVG.escaped(figure.setting))</span></td>"
            let cells = [
                figure.nanoseconds.median.asTime, figure.perSecond.asCount, time(figure, 50), time(figure, 99),
                time(figure, 99.9), figure.longest.asTime, figure.syncs?.shortened ?? "–",
                figure.ratioOfMedians?.asRatio ?? "", figure.ratio?.asRatio ?? "",
            ].map { "<td class=\"number\">\(SVG.escaped($0))</td>" }
            return "<tr class=\"\(figure.role.rawValue)\">\(name)\(cells.joined())</tr>"
        }
        let header = ["", row.oneUnit, "a second", "p50", "p99", "p99.9", "longest", "syncs", "of p50", "ratio"]
        let charts =
            row.keys == nil
            ? "<div class=\"charts\"><figure><figcaption>\(row.units) a second</figcaption>"
                + BarChart(row: row).drawing().text() + "</figure>"
                + (LineChart.percentiles(row).map {
                    "<figure><figcaption>latency of one \(row.step.prefix { $0 != " " })</figcaption>\($0.drawing().text())</figure>"
                } ?? "") + "</div>"
            : ""
        return """
            <section id="\(Self.anchor(row))"><h2>\(SVG.escaped(row.heading))</h2>
            <p>\(SVG.escaped(row.how.prefix(1).uppercased() + row.how.dropFirst())).</p>\(charts)
            <div class="scroll"><table><thead><tr>\(Self.header(header, left: [0]))</tr></thead>
            <tbody>\(lines.joined(separator: "\n"))</tbody></table></div>
            \(row.notes.map { "<p class=\"quiet\">\(SVG.escaped($0))</p>" }.joined())</section>
            """
    }

    private func time(_ figure: Figure, _ percent: Double) -> String { figure.latency(percent).asTime }

    private var growthCharts: [(name: String, caption: String, chart: LineChart)] {
        [
            ("growth-put", "one put", "growth: put", \Figure.nanoseconds.median),
            ("growth-get", "one get", "growth: get", \Figure.nanoseconds.median),
            ("growth-new-key", "one new key, in batches of 100", "growth: new key", \Figure.nanoseconds.median),
            (
                "growth-pause", "the longest batch of 100 new keys: the longest pause", "growth: new key",
                \Figure.longest
            ),
        ].compactMap { name, caption, row, value in
            LineChart.growth(row, report.rows, { $0[keyPath: value] }, title: "\(caption) by number of keys")
                .map { (name, caption, $0) }
        }
    }

    private var growth: String {
        let charts = growthCharts
        if charts.isEmpty { return "" }
        let figures = charts.map {
            "<figure><figcaption>\(SVG.escaped($0.caption))</figcaption>\($0.chart.drawing().text())</figure>"
        }
        return "<h2>Growth: cost by number of keys</h2><div class=\"charts\">\(figures.joined())</div>"
    }

    static func anchor(_ row: ReportRow) -> String {
        let words = [row.name, row.guarantee?.rawValue, row.keys.map(String.init)].compactMap(\.self)
        return words.joined(separator: "-").lowercased()
            .map { $0.isASCII && ($0.isLetter || $0.isNumber) ? String($0) : "-" }.joined()
            .split(separator: "-").joined(separator: "-")
    }

    private static func header(_ cells: [String], left: Set<Int>) -> String {
        cells.enumerated().map { index, cell in
            "<th\(left.contains(index) ? "" : " class=\"number\"")>\(SVG.escaped(cell))</th>"
        }.joined()
    }

    private static let style = """

        body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
        main{max-width:1380px;margin:0 auto;padding:24px}
        h1{font-size:26px;margin:0 0 8px}h2{font-size:19px;margin:40px 0 4px}p{margin:4px 0}
        .quiet{color:var(--quiet)}a{color:inherit;text-decoration-color:var(--quiet)}
        .warning{border-left:4px solid var(--lmdb);padding:6px 12px;margin:8px 0}
        .charts{display:flex;flex-wrap:wrap;gap:8px 24px;margin:10px 0}
        figure{margin:0;flex:1 1 480px;max-width:660px;min-width:0}
        figcaption{color:var(--quiet);font-size:13px;margin-bottom:2px}
        svg{max-width:100%;height:auto;display:block}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;font-size:14px;margin:6px 0}
        th,td{padding:3px 12px 3px 0;text-align:left;white-space:nowrap;border-bottom:1px solid var(--rule)}
        th{font-weight:600;color:var(--quiet)}.number{text-align:right;font-variant-numeric:tabular-nums;padding-left:8px}
        tr.ours td{font-weight:600}tr.limit td{color:var(--quiet)}
        tr.quicker td:last-child{color:var(--leveldb);font-weight:600}tr.slower td:last-child{color:var(--lmdb)}
        .key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:7px;background:var(--c)}
        """
}

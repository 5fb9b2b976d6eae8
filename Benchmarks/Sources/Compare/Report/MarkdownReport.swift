// The report as Markdown tables, for docs/benchmarks.md.

enum MarkdownReport {
    static func text(_ report: Report) -> String {
        var lines = report.preamble.map { $0 + "\n" }
        lines += report.missingLines.map { $0 + "\n" }
        lines += Report.notes.flatMap { [$0, ""] }
        lines.append("| \(Summary.header.joined(separator: " | ")) |")
        lines.append("|---|---:|---|---:|---:|---|")
        lines += report.rows.compactMap { Summary(of: $0)?.cells }.map { "| \($0.joined(separator: " | ")) |" }
        for row in report.rows {
            lines += ["", "### \(row.heading)", "", row.how.prefix(1).uppercased() + row.how.dropFirst() + ".", ""]
            lines.append("| | \(row.oneUnit) | a second | p50 | p99 | p99.9 | longest | syncs | of p50 | ratio |")
            lines.append("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
            for figure in row.figures {
                let name = "\(figure.engine) \(figure.setting)"
                let cells = [
                    figure.role == .ours ? "**\(name)**" : name, figure.nanoseconds.median.asTime,
                    figure.perSecond.asCount, figure.latency(50).asTime, figure.latency(99).asTime,
                    figure.latency(99.9).asTime, figure.longest.asTime, figure.syncs?.shortened ?? "–",
                    figure.ratioOfMedians?.median.asRatio ?? "", figure.ratio?.asRatio ?? "",
                ]
                lines.append("| " + cells.joined(separator: " | ") + " |")
            }
            for note in row.notes { lines += ["", note.prefix(1).uppercased() + note.dropFirst() + "."] }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

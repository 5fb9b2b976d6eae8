// The report as text for a terminal: one table a row, ours first.

struct TerminalTable {
    let report: Report
    /// Whether to use bold and dim letters.
    let isColoured: Bool

    func text() -> String {
        var lines = report.preamble.flatMap(wrapped).map(dim)
        lines += report.missingLines.map { bold($0) }
        if report.build != "release" { lines.append(bold("A debug build: these figures say nothing.")) }
        for row in report.rows { lines += [""] + table(row) }
        lines += ["", bold("Backstay beside the quickest engine with the same guarantee")]
        lines += columns(Summary.header, report.rows.compactMap { Summary(of: $0)?.cells }).map { "  " + $0 }
        lines += [""] + Report.notes.flatMap(wrapped).map(dim)
        return lines.joined(separator: "\n") + "\n"
    }

    private func table(_ row: ReportRow) -> [String] {
        var cells = [["", row.oneUnit, "a second", "p50", "p99", "p99.9", "longest", "syncs", "of p50", "ratio"]]
        for figure in row.figures {
            cells.append([
                "\(figure.engine) \(figure.setting)", figure.nanoseconds.median.asTime, figure.perSecond.asCount,
                figure.latency(50).asTime, figure.latency(99).asTime, figure.latency(99.9).asTime,
                figure.longest.asTime, figure.syncs?.shortened ?? "–",
                figure.ratioOfMedians?.median.asRatio ?? "", figure.ratio?.asRatio ?? "",
            ])
        }
        var lines = [bold(row.heading)] + wrapped(row.how).map { dim("  " + $0) }
        for (index, line) in columns(cells[0], Array(cells.dropFirst())).enumerated() {
            let text = "  " + line
            let figure = index > 0 ? row.figures[index - 1] : nil
            switch figure?.role {
            case nil, .limit: lines.append(dim(text))
            case .ours: lines.append(bold(text))
            case .peer: lines.append(text)
            }
        }
        return lines + row.notes.flatMap(wrapped).map { dim("  " + $0) }
    }

    /// The cells below each other: the first and the last column begin, the others end, at one place.
    private func columns(_ header: [String], _ rows: [[String]]) -> [String] {
        let cells = [header] + rows
        let widths = header.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { line in
            let padded = line.enumerated().map { column, cell in
                let space = String(repeating: " ", count: max(0, widths[column] - cell.count))
                return column == 0 || column == line.count - 1 ? cell + space : space + cell
            }
            var text = padded.joined(separator: "  ")
            while text.hasSuffix(" ") { text.removeLast() }
            return text
        }
    }

    /// Lines of at most 110 letters.
    private func wrapped(_ text: String) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            if lines[lines.count - 1].count + word.count > 110 { lines.append("") }
            lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
        }
        return lines
    }

    private func bold(_ text: String) -> String { isColoured ? "\u{1b}[1m\(text)\u{1b}[0m" : text }
    private func dim(_ text: String) -> String { isColoured ? "\u{1b}[2m\(text)\u{1b}[0m" : text }
}

extension ReportRow {
    /// What must be said below a row.
    var notes: [String] {
        var notes: [String] = []
        if step != unit { notes.append("percentiles: of one \(step)") }
        let early = figures.filter(\.endedEarly).map { "\($0.engine) \($0.setting)" }
        if !early.isEmpty {
            notes.append(
                "stopped when the turn's time was over, and measured by what was done: \(early.joined(separator: ", "))"
            )
        }
        let tenths = figures.compactMap { figure -> String? in
            guard let first = figure.firstTenth, let last = figure.lastTenth else { return nil }
            return "\(figure.engine) \((last / first).shortened)"
        }
        if !tenths.isEmpty {
            notes.append("time of the last tenth divided by the first's: \(tenths.joined(separator: ", "))")
        }
        return notes
    }
}

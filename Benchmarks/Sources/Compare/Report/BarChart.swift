// Throughput of one row as bars on a logarithmic scale.

struct BarChart {
    let row: ReportRow

    func drawing() -> SVG {
        let left = 228.0
        let right = 574.0
        let step = 24.0
        let top = 8.0
        let bottom = top + step * Double(row.figures.count)
        var svg = SVG(width: 660, height: bottom + 24, title: "\(row.heading): \(row.units) a second")
        // A little room below the slowest: a bar of no length would look like nothing done.
        let rates = row.figures.map(\.perSecond)
        let scale = LogScale(rates + rates.map { $0 / 1.5 }, from: left, to: right)
        for tick in scale.ticks {
            svg.line(scale.place(tick), top, scale.place(tick), bottom, kind: "grid")
            svg.text(tick.asTick, x: scale.place(tick), y: bottom + 16, anchor: "middle", kind: "axis")
        }
        for (index, figure) in row.figures.enumerated() {
            let y = top + step * Double(index)
            let end = scale.place(figure.perSecond)
            let name = "\(figure.engine) \(figure.setting)"
            svg.text(name, x: left - 10, y: y + 16, anchor: "end", kind: figure.role == .ours ? "strong" : "label")
            svg.add(
                "rect",
                [
                    ("x", left.plain), ("y", (y + 4).plain), ("width", max(1, end - left).plain),
                    ("height", (step - 8).plain), ("rx", "2"), ("class", "bar \(SVG.kind(figure))"),
                ],
                tip: "\(name): \(figure.nanoseconds.median.asTime) \(row.oneUnit), "
                    + "rounds \(figure.nanoseconds.low.asTime) to \(figure.nanoseconds.high.asTime)")
            svg.text(
                figure.perSecond.asCount, x: end + 6, y: y + 16, kind: figure.role == .ours ? "strong" : "label")
        }
        return svg
    }
}

extension Double {
    /// "1", "10", "1 k", "10 M" for powers of ten; "0.1" below.
    var asTick: String {
        switch self {
        case 1e9...: "\((self / 1e9).shortened) G"
        case 1e6...: "\((self / 1e6).shortened) M"
        case 1e3...: "\((self / 1e3).shortened) k"
        default: shortened
        }
    }
}

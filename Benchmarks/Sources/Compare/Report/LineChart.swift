// Curves with logarithmic axes: latency over percentiles, cost over the number of keys.

import Foundation

struct LineChart {
    struct Curve {
        let name: String
        /// Classes for colour and stroke.
        let kind: String
        let points: [(x: Double, y: Double)]
    }

    let title: String
    let curves: [Curve]
    /// Places on the x axis, from 0 to 1, with their labels.
    let ticks: [(x: Double, label: String)]
    let xName: String

    /// Latencies of one row: further right, rarer.
    static func percentiles(_ row: ReportRow) -> LineChart? {
        // 90 lies one step right of 0, 99 two, 99.9 three; the axis ends where the last curve does.
        func steps(_ percent: Double) -> Double { log10(100 / (100 - percent)) }
        let last = row.figures.compactMap { $0.percentiles.last?.percent }.max() ?? 99
        func place(_ percent: Double) -> Double { steps(percent) / steps(max(last, 90)) }
        let curves = named(row.figures) { figure in
            figure.percentiles.map { (x: place($0.percent), y: max(1, $0.nanoseconds)) }
        }
        let usable = curves.filter { $0.points.count > 1 }
        guard !usable.isEmpty else { return nil }
        return LineChart(
            title: "\(row.heading): latency by percentile", curves: usable,
            ticks: [50, 90, 99, 99.9, 99.99].filter { $0 <= last }.map { (place($0), "p\($0.shortenedPercent)") },
            xName: "percentile")
    }

    /// Cost over the number of keys, from several rows.
    static func growth(_ name: String, _ rows: [ReportRow], _ value: (Figure) -> Double, title: String) -> LineChart? {
        let rows = rows.filter { $0.name == name && $0.keys != nil }
        let sizes = rows.compactMap(\.keys).map(Double.init)
        guard let least = sizes.min(), let most = sizes.max(), least < most else { return nil }
        func place(_ keys: Double) -> Double { log10(keys / least) / log10(most / least) }
        var points: [String: [(x: Double, y: Double)]] = [:]
        for row in rows {
            for figure in row.figures {
                points["\(figure.engine) \(figure.setting)", default: []].append(
                    (place(Double(row.keys ?? 0)), max(1, value(figure))))
            }
        }
        return LineChart(
            title: title, curves: named(rows[0].figures) { points["\($0.engine) \($0.setting)"] ?? [] },
            ticks: sizes.map { (place($0), $0.asTick) }, xName: "keys")
    }

    /// One curve an engine; the second of one engine is dashed.
    private static func named(_ figures: [Figure], _ points: (Figure) -> [(x: Double, y: Double)]) -> [Curve] {
        var seen: Set<String> = []
        return figures.map { figure in
            let isFirst = seen.insert(figure.engine).inserted
            return Curve(
                name: "\(figure.engine) \(figure.setting)", kind: SVG.kind(figure) + (isFirst ? "" : " second"),
                points: points(figure))
        }
    }

    func drawing() -> SVG {
        let (left, right, top, bottom) = (64.0, 640.0, 12.0, 232.0)
        let columns = 2
        let legendRows = (curves.count + columns - 1) / columns
        var svg = SVG(width: 660, height: bottom + 44 + 20 * Double(legendRows), title: title)
        let scale = LogScale(curves.flatMap { $0.points.map(\.y) }, from: bottom, to: top)
        for tick in scale.ticks {
            svg.line(left, scale.place(tick), right, scale.place(tick), kind: "grid")
            svg.text(tick.asTickTime, x: left - 8, y: scale.place(tick) + 4, anchor: "end", kind: "axis")
        }
        func place(_ x: Double) -> Double { left + 14 + (right - left - 28) * x }
        for tick in ticks {
            svg.text(tick.label, x: place(tick.x), y: bottom + 18, anchor: "middle", kind: "axis")
        }
        // Ours last, so that no other lies over it.
        for curve in curves.reversed() {
            let points = curve.points.map { "\(place($0.x).plain),\(scale.place($0.y).plain)" }
            svg.add(
                "polyline", [("points", points.joined(separator: " ")), ("class", "curve \(curve.kind)")],
                tip: curve.name)
            for point in curve.points {
                svg.add(
                    "circle",
                    [
                        ("cx", place(point.x).plain), ("cy", scale.place(point.y).plain), ("r", "2.6"),
                        ("class", "dot \(curve.kind)"),
                    ], tip: "\(curve.name): \(point.y.asTime)")
            }
        }
        for (index, curve) in curves.enumerated() {
            let x = left + (right - left) / Double(columns) * Double(index % columns)
            let y = bottom + 40 + 20 * Double(index / columns)
            svg.line(x, y - 4, x + 24, y - 4, kind: "curve \(curve.kind)")
            svg.text(curve.name, x: x + 30, y: y)
        }
        return svg
    }
}

extension Double {
    /// A power of ten in nanoseconds: "1 ns", "10 µs", "1 s".
    var asTickTime: String {
        switch self {
        case 1e9...: "\((self / 1e9).shortened) s"
        case 1e6...: "\((self / 1e6).shortened) ms"
        case 1e3...: "\((self / 1e3).shortened) µs"
        default: "\(shortened) ns"
        }
    }

    fileprivate var shortenedPercent: String { self == rounded() ? String(Int(self)) : String(self) }
}

// A drawing as text, and what all drawings share: colours, scales, legends.
//
// Colours are classes, so that one drawing serves light and dark pages. An engine has the same colour in every drawing.

import Foundation

/// Elements in the order they are drawn.
struct SVG {
    let width: Double
    let height: Double
    let title: String
    private var elements: [String] = []

    init(width: Double, height: Double, title: String) {
        (self.width, self.height, self.title) = (width, height, title)
    }

    /// - Parameter tip: shown when the pointer rests on it.
    mutating func add(_ name: String, _ attributes: [(String, String)], text: String? = nil, tip: String? = nil) {
        let written = attributes.map { " \($0.0)=\"\(Self.escaped($0.1))\"" }.joined()
        let inside = (tip.map { "<title>\(Self.escaped($0))</title>" } ?? "") + (text.map(Self.escaped) ?? "")
        elements.append("<\(name)\(written)>\(inside)</\(name)>")
    }

    mutating func text(_ text: String, x: Double, y: Double, anchor: String = "start", kind: String = "label") {
        add("text", [("x", x.plain), ("y", y.plain), ("text-anchor", anchor), ("class", kind)], text: text)
    }

    mutating func line(_ fromX: Double, _ fromY: Double, _ toX: Double, _ toY: Double, kind: String) {
        add("line", [("x1", fromX.plain), ("y1", fromY.plain), ("x2", toX.plain), ("y2", toY.plain), ("class", kind)])
    }

    /// Inside a page, or with its own colours as a file.
    func text(alone: Bool = false) -> String {
        let size = "viewBox=\"0 0 \(width.plain) \(height.plain)\""
        let head = "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) width=\"\(width.plain)\" role=\"img\">"
        // On a page of its own, a file has no background to rely on.
        let ground =
            alone ? "<style>\(Self.style)</style><rect class=\"ground\" width=\"100%\" height=\"100%\"></rect>" : ""
        return head + "<title>\(Self.escaped(title))</title>" + ground + elements.joined(separator: "\n") + "</svg>"
    }

    static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
    }

    // MARK: Colours

    /// The class of an engine.
    static func kind(_ figure: Figure) -> String {
        if figure.role == .limit { return "limit" }
        return figure.engine.lowercased().filter { $0.isLetter }
    }

    /// Told apart on white and on black, also by who sees no red or no green (after Okabe and Ito).
    private static let colours: [(kind: String, light: String, dark: String)] = [
        ("backstay", "#0b62c4", "#5aa9ff"), ("journal", "#12a0b8", "#4fd3e6"), ("lmdb", "#c8501e", "#ff8a57"),
        ("leveldb", "#158466", "#37c79c"), ("rocksdb", "#a8458a", "#e58cc8"), ("sqlite", "#8a6d00", "#d9b93a"),
        ("grdb", "#6b4fc0", "#a996f5"), ("limit", "#7b7f86", "#9aa0a8"),
    ]

    static let style: String = {
        let light = colours.map { "--\($0.kind):\($0.light)" }.joined(separator: ";")
        let dark = colours.map { "--\($0.kind):\($0.dark)" }.joined(separator: ";")
        let classes = colours.map { ".\($0.kind){--c:var(--\($0.kind))}" }.joined()
        return """
            :root{--ink:#1b1f24;--quiet:#5a626c;--rule:#dfe3e8;--ground:#ffffff;\(light)}
            @media (prefers-color-scheme:dark){:root{--ink:#e8ebef;--quiet:#a3abb5;--rule:#343a42;--ground:#15181c;\(dark)}}
            \(classes)
            svg{font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
            svg text{fill:var(--ink);font-size:12px}svg .axis{fill:var(--quiet);font-size:11px}
            svg .strong{font-weight:650}svg .ground{fill:var(--ground)}
            svg .grid{stroke:var(--rule);stroke-width:1}
            svg .bar{fill:var(--c)}svg .bar.limit{fill-opacity:.55}
            svg .curve{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round}
            svg .curve.backstay{stroke-width:3}svg .curve.second{stroke-dasharray:5 4}
            svg .curve.limit{stroke-dasharray:2 4}svg .dot{fill:var(--c)}
            """
    }()
}

extension Double {
    /// For a coordinate: one decimal.
    var plain: String { String(format: "%.1f", self).replacingOccurrences(of: ".0", with: "") }
}

/// Maps positive numbers to places by their logarithm, from one power of ten to another.
struct LogScale {
    let low: Int
    let high: Int
    private let from: Double
    private let to: Double

    init(_ values: [Double], from: Double, to: Double) {
        let usable = values.filter { $0.isFinite && $0 > 0 }
        let low = Int(Foundation.floor(log10(usable.min() ?? 1)))
        self.low = low
        high = max(low + 1, Int(Foundation.ceil(log10(usable.max() ?? 10))))
        (self.from, self.to) = (from, to)
    }

    func place(_ value: Double) -> Double {
        from + (to - from) * (log10(value) - Double(low)) / Double(high - low)
    }

    /// The powers of ten.
    var ticks: [Double] { (low...high).map { pow(10, Double($0)) } }
}

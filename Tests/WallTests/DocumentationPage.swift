import Foundation

/// One page, with what is inside code fences left out of titles, links and tables.
struct DocumentationPage {
    let name: String
    let lines: [String]

    init(name: String, text: String) {
        self.name = name
        var isCode = false
        lines = text.components(separatedBy: "\n").filter { line in
            if line.hasPrefix("```") {
                isCode.toggle()
                return false
            }
            return !isCode
        }
    }

    /// The targets of `[text](target)`.
    var links: [String] {
        lines.flatMap { line in line.matches(of: /\]\(([^)\s]+)\)/).map { String($0.output.1) } }
    }

    /// Where links to this page's headings go: the words in lower case, joined by hyphens, other signs left out.
    var anchors: Set<String> {
        Set(
            lines.filter { $0.hasPrefix("#") }.map { line in
                line.drop { $0 == "#" || $0 == " " }.lowercased().replacing(" ", with: "-")
                    .filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
            })
    }

    /// Each table as rows of cells, the head first, the line of dashes left out.
    var tables: [[[String]]] {
        var tables: [[[String]]] = []
        var rows: [[String]] = []
        for line in lines + [""] {
            if line.hasPrefix("|") {
                let cells = line.dropFirst().split(separator: "|", omittingEmptySubsequences: false).dropLast()
                let trimmed = cells.map { $0.trimmingCharacters(in: .whitespaces) }
                if !trimmed.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 == "-" || $0 == ":" } }) {
                    rows.append(trimmed)
                }
            } else if !rows.isEmpty {
                tables.append(rows)
                rows = []
            }
        }
        return tables
    }

    /// What stands between backticks.
    static func words(in cell: String) -> [String] { cell.matches(of: /`([^`]+)`/).map { String($0.output.1) } }
}

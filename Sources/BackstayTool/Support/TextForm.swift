// How numbers, times and tables look for a person, and how a time looks in JSON.

enum TextForm {
    /// Microseconds since 1970 as "2026-01-31T12:00:00.000000Z".
    static func time(_ microseconds: Int64) -> String {
        let (seconds, micros) = floorDivide(microseconds, 1_000_000)
        let (days, second) = floorDivide(seconds, 86_400)
        // Civil date of a day number, with years that begin in March so that the leap day comes last.
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(civilMonth, 2))-\(padded(day, 2))"
            + "T\(padded(second / 3_600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
            + ".\(padded(micros, 6))Z"
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> (Int64, Int64) {
        let (quotient, rest) = a.quotientAndRemainder(dividingBy: b)
        return rest < 0 ? (quotient - 1, rest + b) : (quotient, rest)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// 1536 as "1.5 KiB".
    static func bytes(_ count: Int) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB"]
        guard count >= 1_024 else { return "\(count) B" }
        var scaled = Double(count) / 1_024
        var unit = 0
        while scaled >= 1_024 && unit < units.count - 1 {
            scaled /= 1_024
            unit += 1
        }
        return "\(tenths(scaled)) \(units[unit])"
    }

    /// 0.0123 s as "12.3 ms".
    static func duration(seconds: Double) -> String {
        if seconds < 1 { return "\(tenths(seconds * 1_000)) ms" }
        if seconds < 120 { return "\(tenths(seconds)) s" }
        if seconds < 7_200 { return "\(tenths(seconds / 60)) min" }
        return "\(tenths(seconds / 3_600)) h"
    }

    /// With one decimal.
    static func tenths(_ number: Double) -> String {
        let scaled = (number * 10).rounded()
        guard scaled.magnitude < 1e15 else { return "\(number)" }
        let tenths = Int64(scaled)
        return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
    }

    /// "1 key", "2 keys".
    static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// A key on a line of its own: as it is, or as a JSON string where it begins with a quote or holds control characters.
    static func key(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        if bytes.first != UInt8(ascii: "\"") && !bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            return Array(bytes)
        }
        return JSON.escapedKey(bytes)
    }

    /// Rows in columns as wide as their content; the last column is not padded.
    static func table(_ rows: [[String]]) -> [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return rows.map { row in
            row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }.joined(separator: "  ")
        }
    }
}

/// The 36 characters of a UUID's 16 bytes: the 8-4-4-4-12 form (RFC 9562), written in capitals and read in both cases.
package enum UUIDText {
    private static let capitals = Array("0123456789ABCDEF".utf8)

    /// Appends the text of 16 bytes.
    package static func append(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        out.reserveCapacity(out.count + 36)
        for (index, byte) in bytes.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { out.append(UInt8(ascii: "-")) }
            out.append(capitals[Int(byte >> 4)])
            out.append(capitals[Int(byte & 15)])
        }
    }

    /// Appends the 16 bytes that `text` stands for. Returns false, with nothing appended, if it is no UUID.
    package static func appendDecoded(_ text: UnsafeRawBufferPointer, to out: inout [UInt8]) -> Bool {
        guard text.count == 36 else { return false }
        let start = out.count
        var index = 0
        while index < 36 {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                if text[index] != UInt8(ascii: "-") { break }
                index += 1
                continue
            }
            guard let high = digit(text[index]), let low = digit(text[index + 1]) else { break }
            out.append(high << 4 | low)
            index += 2
        }
        if index < 36 { out.removeLast(out.count - start) }
        return index == 36
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

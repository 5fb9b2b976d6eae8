// Bytes and UUIDs in JSON strings: base64 (RFC 4648, section 4) and the 8-4-4-4-12 form (RFC 9562).
//
// base64 is padded, and nothing but its alphabet is in it. Bits behind the last byte are not looked at, as Foundation
// does not either. A UUID is written in capitals and read in both cases.

extension JSONText {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let capitals = Array("0123456789ABCDEF".utf8)

    /// Of each byte its value as a base64 digit, 0xFF for the others.
    private static let base64Values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        return values
    }()

    static func appendBase64(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        out.reserveCapacity(out.count + (bytes.count + 2) / 3 * 4)
        alphabet.withUnsafeBufferPointer { alphabet in
            var index = 0
            while index < bytes.count {
                let rest = bytes.count - index
                let second: UInt32 = rest > 1 ? UInt32(bytes[index + 1]) : 0
                let third: UInt32 = rest > 2 ? UInt32(bytes[index + 2]) : 0
                let group = UInt32(bytes[index]) << 16 | second << 8 | third
                out.append(alphabet[Int(group >> 18)])
                out.append(alphabet[Int(group >> 12 & 63)])
                out.append(rest > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "="))
                out.append(rest > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "="))
                index += 3
            }
        }
    }

    /// Appends the bytes that `text` is the base64 of. Returns false, with nothing appended, if it is not base64.
    static func appendDecodedBase64(_ text: UnsafeRawBufferPointer, to out: inout [UInt8]) -> Bool {
        guard text.count % 4 == 0 else { return false }
        var digitCount = text.count
        while digitCount > 0, text.count - digitCount < 2, text[digitCount - 1] == UInt8(ascii: "=") { digitCount -= 1 }
        let start = out.count
        out.reserveCapacity(start + text.count / 4 * 3)
        let valid = base64Values.withUnsafeBufferPointer { values in
            var group: UInt32 = 0
            for index in 0..<digitCount {
                let value = values[Int(text[index])]
                if value == 0xFF { return false }
                group = group << 6 | UInt32(value)
                // Four digits make three bytes; each but the first completes one.
                switch index & 3 {
                case 1: out.append(UInt8(truncatingIfNeeded: group >> 4))
                case 2: out.append(UInt8(truncatingIfNeeded: group >> 2))
                case 3: out.append(UInt8(truncatingIfNeeded: group))
                default: break
                }
            }
            return true
        }
        if !valid { out.removeLast(out.count - start) }
        return valid
    }

    /// Appends the 36 characters of a UUID's 16 bytes.
    static func appendUUID(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        for (index, byte) in bytes.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { out.append(UInt8(ascii: "-")) }
            out.append(capitals[Int(byte >> 4)])
            out.append(capitals[Int(byte & 15)])
        }
    }

    /// Appends the 16 bytes of a UUID of 36 characters. Returns false, with nothing appended, if it is none.
    static func appendDecodedUUID(_ text: UnsafeRawBufferPointer, to out: inout [UInt8]) -> Bool {
        guard text.count == 36 else { return false }
        let start = out.count
        var index = 0
        while index < 36 {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                if text[index] != UInt8(ascii: "-") { break }
                index += 1
                continue
            }
            guard let high = JSONScanner.hexDigit(text[index]), let low = JSONScanner.hexDigit(text[index + 1]) else {
                break
            }
            out.append(high << 4 | low)
            index += 2
        }
        if index < 36 { out.removeLast(out.count - start) }
        return index == 36
    }
}

// What every engine must be able to do to take part, and the keys and values it is given.
//
// An engine promises what its contestant says (Contestants.swift); the workloads check every value they read.

/// What a change has survived when the call that made it has returned.
enum Guarantee: String, CaseIterable, Codable, Sendable {
    /// `kill -9`: the change is in the kernel's hands.
    case process
    /// Power loss: the change is synced.
    case power

    var title: String {
        switch self {
        case .process: "survives kill -9"
        case .power: "survives power loss"
        }
    }
}

/// A store of one engine, opened at one guarantee.
///
/// Calls may come from several threads where the contestant can do `callers`; else from one at a time.
protocol Engine: AnyObject, Sendable {
    /// Makes the change; returns when it is as safe as the engine was opened for.
    func put(_ entry: Entry) throws
    /// Makes all the changes in one step of the engine: one transaction, one write batch, one record.
    func put(_ batch: [Entry]) throws
    /// Calls `found` with the value's bytes, valid during the call. False where there is none.
    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool
    /// Every entry in the order of keys. The bytes are valid during the call.
    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws
    /// Makes the change without holding a thread, where the engine has such a call.
    func putFromTask(_ entry: Entry) async throws
    /// Waits until work in the background has ended, as far as it can be seen: it must not fall into another's turn.
    func settle() throws
    /// Gives the store up in order. Nothing is called afterwards.
    func close() throws
}

extension Engine {
    func putFromTask(_ entry: Entry) async throws { try put(entry) }
    func settle() throws {}
}

/// A key of 16 bytes, as db_bench makes them: decimal digits, zeros in front.
struct Key: Sendable {
    let number: Int
    /// The same digits for engines that take text.
    let text: String
    private let bytes: (UInt64, UInt64)

    static let size = 16

    init(_ number: Int) {
        var bytes: (UInt64, UInt64) = (0, 0)
        var rest = UInt64(number)
        text = withUnsafeMutableBytes(of: &bytes) { bytes in
            // Two digits at a time: making keys is part of some figures.
            for place in stride(from: Self.size - 2, through: 0, by: -2) {
                bytes.storeBytes(of: Self.pairs[Int(rest % 100)].bigEndian, toByteOffset: place, as: UInt16.self)
                rest /= 100
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        self.number = number
        self.bytes = bytes
    }

    private static let pairs: [UInt16] = (0..<100).map {
        (UInt16(UInt8(ascii: "0")) + $0 / 10) << 8 | (UInt16(UInt8(ascii: "0")) + $0 % 10)
    }

    @inline(__always)
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeBytes(of: bytes, body)
    }

    /// The number of a key given back by an engine; nil for anything else.
    static func number(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count == size else { return nil }
        var number = 0
        for byte in bytes {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return number
    }
}

/// A key and the value it is to get. An object, so that handing it on counts one reference and not three.
final class Entry: Sendable {
    let key: Key
    let value: [UInt8]

    init(key: Key, value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

/// An engine, or the measuring, went wrong: what and where.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

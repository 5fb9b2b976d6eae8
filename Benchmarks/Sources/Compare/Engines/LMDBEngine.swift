// LMDB, through its C interface: http://www.lmdb.tech/doc/
//
// One transaction a change. Reads renew one read-only transaction, as its documentation advises for repeated reads.
//
// Why `@unchecked Sendable` is right: LMDB lets one writer in at a time by itself; reads come from one thread at a time, and
// MDB_NOTLS lets that be a different one each time.

import CPeers
import Foundation

final class LMDBEngine: Engine, @unchecked Sendable {
    private let lmdb: peers_lmdb
    private let environment: OpaquePointer
    private var database: UInt32 = 0
    private var reading: OpaquePointer?

    /// The address space it may take: far more than any row here writes. The file takes what is used.
    private static let mapBytes = 32 << 30

    /// The engine's functions, or what is missing.
    static let library: Result<peers_lmdb, Failure> = {
        var functions = peers_lmdb()
        if let missing = peers_load_lmdb(&functions) { return .failure(Failure(String(cString: missing))) }
        return .success(functions)
    }()

    static var version: String {
        guard let lmdb = try? library.get() else { return "?" }
        var numbers: (Int32, Int32, Int32) = (0, 0, 0)
        _ = lmdb.version(&numbers.0, &numbers.1, &numbers.2)
        return "\(numbers.0).\(numbers.1).\(numbers.2)"
    }

    init(_ folder: String, flags: Int32) throws {
        lmdb = try Self.library.get()
        var made: OpaquePointer?
        try Self.check(lmdb, lmdb.env_create(&made), "env_create")
        environment = made!
        do {
            try check(lmdb.env_set_mapsize(environment, Self.mapBytes), "env_set_mapsize")
            let all = UInt32(flags) | UInt32(PEERS_MDB_NOTLS) | UInt32(PEERS_MDB_NORDAHEAD)
            try check(lmdb.env_open(environment, folder, all, 0o600), "env_open")
            try write { transaction in
                try check(lmdb.dbi_open(transaction, nil, UInt32(PEERS_MDB_CREATE), &database), "dbi_open")
            }
            try check(lmdb.txn_begin(environment, nil, UInt32(PEERS_MDB_RDONLY), &reading), "txn_begin")
            lmdb.txn_reset(reading)
        } catch {
            lmdb.env_close(environment)
            throw error
        }
    }

    private static func check(_ lmdb: peers_lmdb, _ result: Int32, _ call: String) throws {
        if result != 0 { throw Failure("LMDB: \(call): \(String(cString: lmdb.strerror(result)!))") }
    }

    @inline(__always)
    private func check(_ result: Int32, _ call: String) throws { try Self.check(lmdb, result, call) }

    private func write(_ body: (OpaquePointer?) throws -> Void) throws {
        var transaction: OpaquePointer?
        try check(lmdb.txn_begin(environment, nil, 0, &transaction), "txn_begin")
        do {
            try body(transaction)
        } catch {
            lmdb.txn_abort(transaction)
            throw error
        }
        try check(lmdb.txn_commit(transaction), "txn_commit")
    }

    private func put(_ entry: Entry, _ transaction: OpaquePointer?) throws {
        try entry.key.withBytes { key in
            try entry.value.withUnsafeBytes { value in
                // LMDB does not write through these.
                var keyValue = MDB_val(mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
                var dataValue = MDB_val(
                    mv_size: value.count, mv_data: UnsafeMutableRawPointer(mutating: value.baseAddress))
                try check(lmdb.put(transaction, database, &keyValue, &dataValue, 0), "put")
            }
        }
    }

    func put(_ entry: Entry) throws { try write { try put(entry, $0) } }

    func put(_ batch: [Entry]) throws { try write { for entry in batch { try put(entry, $0) } } }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        try check(lmdb.txn_renew(reading), "txn_renew")
        defer { lmdb.txn_reset(reading) }
        return try key.withBytes { key in
            var keyValue = MDB_val(mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
            var data = MDB_val()
            let result = lmdb.get(reading, database, &keyValue, &data)
            if result == PEERS_MDB_NOTFOUND { return false }
            try check(result, "get")
            try found(UnsafeRawBufferPointer(start: data.mv_data, count: data.mv_size))
            return true
        }
    }

    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        try check(lmdb.txn_renew(reading), "txn_renew")
        defer { lmdb.txn_reset(reading) }
        var cursor: OpaquePointer?
        try check(lmdb.cursor_open(reading, database, &cursor), "cursor_open")
        defer { lmdb.cursor_close(cursor) }
        var key = MDB_val()
        var value = MDB_val()
        var result = lmdb.cursor_get(cursor, &key, &value, UInt32(PEERS_MDB_FIRST))
        while result == 0 {
            try entry(
                UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size),
                UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
            result = lmdb.cursor_get(cursor, &key, &value, UInt32(PEERS_MDB_NEXT))
        }
        if result != PEERS_MDB_NOTFOUND { try check(result, "cursor_get") }
    }

    func close() throws {
        lmdb.txn_abort(reading)
        lmdb.env_close(environment)
    }
}

// GRDB as its documentation advises for a concurrent application: a DatabasePool, cached statements.
// https://swiftpackageindex.com/groue/grdb.swift/documentation/grdb/databasepool

import Foundation
import GRDB

final class GRDBEngine: Engine {
    private let pool: DatabasePool

    static let version = "7.10.0"

    /// - Parameter synchronous: nil for the pool's own choice, which is NORMAL.
    init(_ folder: String, synchronous: String?) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA secure_delete=OFF")
        }
        pool = try DatabasePool(path: folder + "/grdb.db", configuration: configuration)
        if let synchronous {
            // Only now: the pool itself sets NORMAL, after the configuration has prepared the connection.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous=\(synchronous)") }
        }
        try pool.write { database in
            try database.execute(
                sql: "CREATE TABLE IF NOT EXISTS kv(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
        }
    }

    private static func insert(_ entry: Entry, _ database: Database) throws {
        let statement = try database.cachedStatement(sql: "INSERT OR REPLACE INTO kv VALUES(?,?)")
        try statement.execute(arguments: [entry.key.text, Data(entry.value)])
    }

    func put(_ entry: Entry) throws { try pool.write { try Self.insert(entry, $0) } }

    func put(_ batch: [Entry]) throws {
        try pool.write { database in for entry in batch { try Self.insert(entry, database) } }
    }

    func putFromTask(_ entry: Entry) async throws { try await pool.write { try Self.insert(entry, $0) } }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        let value = try pool.read { database in
            let statement = try database.cachedStatement(sql: "SELECT value FROM kv WHERE key=?")
            return try Data.fetchOne(statement, arguments: [key.text])
        }
        guard let value else { return false }
        try value.withUnsafeBytes(found)
        return true
    }

    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        try pool.read { database in
            let rows = try Row.fetchCursor(
                database.cachedStatement(sql: "SELECT key,value FROM kv ORDER BY key"))
            while let row = try rows.next() {
                try row.withUnsafeData(atIndex: 0) { key in
                    try row.withUnsafeData(atIndex: 1) { value in
                        guard let key, let value else { throw Failure("GRDB: a row without key or value") }
                        try key.withUnsafeBytes { key in try value.withUnsafeBytes { try entry(key, $0) } }
                    }
                }
            }
        }
    }

    func close() throws { try pool.close() }
}

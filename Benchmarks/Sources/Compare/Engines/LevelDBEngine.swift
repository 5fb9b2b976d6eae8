// LevelDB, through its C interface: https://github.com/google/leveldb/blob/main/include/leveldb/c.h
//
// Why `@unchecked Sendable` is right: nothing changes after opening but the write batch, which each call makes for itself;
// LevelDB's calls may come from any thread.

import CPeers
import Foundation

final class LevelDBEngine: Engine, @unchecked Sendable {
    private let leveldb: peers_leveldb
    private let database: OpaquePointer
    private let filter: OpaquePointer
    private let writing: OpaquePointer
    private let reading: OpaquePointer

    static let library: Result<peers_leveldb, Failure> = {
        var functions = peers_leveldb()
        if let missing = peers_load_leveldb(&functions) { return .failure(Failure(String(cString: missing))) }
        return .success(functions)
    }()

    static var version: String {
        guard let leveldb = try? library.get() else { return "?" }
        return "\(leveldb.major_version()).\(leveldb.minor_version())"
    }

    init(_ folder: String, sync: Bool) throws {
        let leveldb = try Self.library.get()
        self.leveldb = leveldb
        let options = leveldb.options_create()
        defer { leveldb.options_destroy(options) }
        leveldb.options_set_create_if_missing(options, 1)
        filter = leveldb.filterpolicy_create_bloom(10)!
        leveldb.options_set_filter_policy(options, filter)
        var error: UnsafeMutablePointer<CChar>?
        let opened = leveldb.open(options, folder + "/leveldb", &error)
        guard let opened, error == nil else { throw Failure("LevelDB: " + text(error)) }
        database = opened
        writing = leveldb.writeoptions_create()!
        leveldb.writeoptions_set_sync(writing, sync ? 1 : 0)
        reading = leveldb.readoptions_create()!
    }

    @inline(__always)
    private func check(_ error: UnsafeMutablePointer<CChar>?) throws {
        guard let error else { return }
        defer { leveldb.free(error) }
        throw Failure("LevelDB: " + text(error))
    }

    func put(_ entry: Entry) throws {
        var error: UnsafeMutablePointer<CChar>?
        entry.withCharacters { key, keySize, value, valueSize in
            leveldb.put(database, writing, key, keySize, value, valueSize, &error)
        }
        try check(error)
    }

    func put(_ batch: [Entry]) throws {
        let together = leveldb.writebatch_create()
        defer { leveldb.writebatch_destroy(together) }
        for entry in batch {
            entry.withCharacters { key, keySize, value, valueSize in
                leveldb.writebatch_put(together, key, keySize, value, valueSize)
            }
        }
        var error: UnsafeMutablePointer<CChar>?
        leveldb.write(database, writing, together, &error)
        try check(error)
    }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        var error: UnsafeMutablePointer<CChar>?
        var size = 0
        let value = key.withBytes {
            leveldb.get(database, reading, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count, &size, &error)
        }
        try check(error)
        guard let value else { return false }
        defer { leveldb.free(value) }
        try found(UnsafeRawBufferPointer(start: value, count: size))
        return true
    }

    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        let iterator = leveldb.create_iterator(database, reading)
        defer { leveldb.iter_destroy(iterator) }
        leveldb.iter_seek_to_first(iterator)
        while leveldb.iter_valid(iterator) != 0 {
            var (keySize, valueSize) = (0, 0)
            let key = leveldb.iter_key(iterator, &keySize)
            let value = leveldb.iter_value(iterator, &valueSize)
            try entry(
                UnsafeRawBufferPointer(start: key, count: keySize),
                UnsafeRawBufferPointer(start: value, count: valueSize))
            leveldb.iter_next(iterator)
        }
        var error: UnsafeMutablePointer<CChar>?
        leveldb.iter_get_error(iterator, &error)
        try check(error)
    }

    /// Its destructor waits for a compaction in the background.
    func close() throws {
        leveldb.close(database)
        leveldb.filterpolicy_destroy(filter)
        leveldb.writeoptions_destroy(writing)
        leveldb.readoptions_destroy(reading)
    }
}

private func text(_ error: UnsafeMutablePointer<CChar>?) -> String {
    error.map { String(cString: $0) } ?? "no reason given"
}

extension Entry {
    /// Key and value as the C interfaces of LevelDB and RocksDB take them.
    @inline(__always)
    func withCharacters(_ body: (UnsafePointer<CChar>?, Int, UnsafePointer<CChar>?, Int) -> Void) {
        key.withBytes { key in
            value.withUnsafeBytes { value in
                body(
                    key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count,
                    value.baseAddress?.assumingMemoryBound(to: CChar.self), value.count)
            }
        }
    }
}

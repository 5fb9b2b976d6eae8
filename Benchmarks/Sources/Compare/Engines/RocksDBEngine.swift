// RocksDB, through its C interface: https://github.com/facebook/rocksdb/blob/main/include/rocksdb/c.h
//
// Why `@unchecked Sendable` is right: nothing changes after opening; RocksDB's calls may come from any thread.

import CPeers
import Foundation

final class RocksDBEngine: Engine, @unchecked Sendable {
    private let rocksdb: peers_rocksdb
    private let database: OpaquePointer
    private let writing: OpaquePointer
    private let reading: OpaquePointer

    static let library: Result<peers_rocksdb, Failure> = {
        var functions = peers_rocksdb()
        if let missing = peers_load_rocksdb(&functions) { return .failure(Failure(String(cString: missing))) }
        return .success(functions)
    }()

    /// Its C interface has no call for it: the name of the library's file ends with it.
    static var version: String {
        guard let rocksdb = try? library.get(),
            let file = peers_file_of(unsafeBitCast(rocksdb.open, to: UnsafeRawPointer.self)),
            let real = realpath(file, nil)
        else { return "?" }
        defer { free(real) }
        return String(cString: real).components(separatedBy: ".so.").last ?? "?"
    }

    init(_ folder: String, sync: Bool) throws {
        let rocksdb = try Self.library.get()
        self.rocksdb = rocksdb
        let options = rocksdb.options_create()
        defer { rocksdb.options_destroy(options) }
        rocksdb.options_set_create_if_missing(options, 1)
        let table = rocksdb.block_based_options_create()
        defer { rocksdb.block_based_options_destroy(table) }
        // The options own it from here on.
        rocksdb.block_based_options_set_filter_policy(table, rocksdb.filterpolicy_create_bloom_full(10))
        rocksdb.options_set_block_based_table_factory(options, table)
        var error: UnsafeMutablePointer<CChar>?
        let opened = rocksdb.open(options, folder + "/rocksdb", &error)
        guard let opened, error == nil else { throw Failure("RocksDB: " + text(error)) }
        database = opened
        writing = rocksdb.writeoptions_create()!
        rocksdb.writeoptions_set_sync(writing, sync ? 1 : 0)
        reading = rocksdb.readoptions_create()!
    }

    @inline(__always)
    private func check(_ error: UnsafeMutablePointer<CChar>?) throws {
        guard let error else { return }
        defer { rocksdb.free(error) }
        throw Failure("RocksDB: " + text(error))
    }

    func put(_ entry: Entry) throws {
        var error: UnsafeMutablePointer<CChar>?
        entry.withCharacters { key, keySize, value, valueSize in
            rocksdb.put(database, writing, key, keySize, value, valueSize, &error)
        }
        try check(error)
    }

    func put(_ batch: [Entry]) throws {
        let together = rocksdb.writebatch_create()
        defer { rocksdb.writebatch_destroy(together) }
        for entry in batch {
            entry.withCharacters { key, keySize, value, valueSize in
                rocksdb.writebatch_put(together, key, keySize, value, valueSize)
            }
        }
        var error: UnsafeMutablePointer<CChar>?
        rocksdb.write(database, writing, together, &error)
        try check(error)
    }

    func get(_ key: Key, _ found: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        var error: UnsafeMutablePointer<CChar>?
        let slice = key.withBytes {
            rocksdb.get_pinned(
                database, reading, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count, &error)
        }
        try check(error)
        guard let slice else { return false }
        defer { rocksdb.pinnableslice_destroy(slice) }
        var size = 0
        let value = rocksdb.pinnableslice_value(slice, &size)
        try found(UnsafeRawBufferPointer(start: value, count: size))
        return true
    }

    func scan(_ entry: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws {
        let iterator = rocksdb.create_iterator(database, reading)
        defer { rocksdb.iter_destroy(iterator) }
        rocksdb.iter_seek_to_first(iterator)
        while rocksdb.iter_valid(iterator) != 0 {
            var (keySize, valueSize) = (0, 0)
            let key = rocksdb.iter_key(iterator, &keySize)
            let value = rocksdb.iter_value(iterator, &valueSize)
            try entry(
                UnsafeRawBufferPointer(start: key, count: keySize),
                UnsafeRawBufferPointer(start: value, count: valueSize))
            rocksdb.iter_next(iterator)
        }
        var error: UnsafeMutablePointer<CChar>?
        rocksdb.iter_get_error(iterator, &error)
        try check(error)
    }

    /// Until no flush and no compaction runs or waits; a minute at most.
    func settle() throws {
        let properties = [
            "rocksdb.mem-table-flush-pending", "rocksdb.num-running-flushes", "rocksdb.compaction-pending",
            "rocksdb.num-running-compactions",
        ]
        for _ in 0..<6_000 {
            var busy: UInt64 = 0
            for property in properties {
                var value: UInt64 = 0
                if rocksdb.property_int(database, property, &value) == 0 { busy += value }
            }
            if busy == 0 { return }
            usleep(10_000)
        }
    }

    func close() throws {
        rocksdb.close(database)
        rocksdb.writeoptions_destroy(writing)
        rocksdb.readoptions_destroy(reading)
    }
}

private func text(_ error: UnsafeMutablePointer<CChar>?) -> String {
    error.map { String(cString: $0) } ?? "no reason given"
}

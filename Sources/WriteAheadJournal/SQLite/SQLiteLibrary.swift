// The SQLite library that this process runs on.

/// Version of the SQLite library.
package enum SQLiteLibrary {
    /// For example "3.40.1".
    package static var version: String { SQLiteConnection.version }

    /// For example 3040001 for 3.40.1.
    package static var versionNumber: Int { SQLiteConnection.versionNumber }
}

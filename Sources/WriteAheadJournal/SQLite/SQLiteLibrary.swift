// The SQLite library this process runs on.

package enum SQLiteLibrary {
    /// "3.40.1".
    package static var version: String { SQLiteConnection.version }

    /// 3040001 for 3.40.1.
    package static var versionNumber: Int { SQLiteConnection.versionNumber }
}

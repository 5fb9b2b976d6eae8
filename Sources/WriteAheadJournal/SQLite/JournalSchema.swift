// journal.db as a file: its name, its tables and its format's version.
//
// On disk: docs/format.md.

/// Constants of journal.db, all of them on disk.
package enum JournalSchema {
    package static let name = "journal.db"
    /// "BSTY", in SQLite's header, so that `file` and `doctor` can tell whose the database is. On disk.
    static let applicationID = 0x4253_5459
    /// In SQLite's user_version. A reader refuses a higher one. On disk.
    package static let formatVersion = 1

    static let schema = """
        CREATE TABLE journal(
          first_lsn INTEGER PRIMARY KEY,
          last_lsn INTEGER NOT NULL,
          time INTEGER NOT NULL,
          chain INTEGER NOT NULL,
          records BLOB NOT NULL);
        CREATE TABLE runs(
          id INTEGER PRIMARY KEY,
          epoch INTEGER NOT NULL,
          started INTEGER NOT NULL,
          pid INTEGER NOT NULL,
          host TEXT NOT NULL,
          boot TEXT NOT NULL,
          memory_group TEXT,
          memory_kills INTEGER,
          ended INTEGER,
          how TEXT,
          status INTEGER,
          evidence TEXT,
          confidence TEXT);
        CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
        """
}

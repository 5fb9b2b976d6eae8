// state.db as a file: its name and its tables.
//
// On disk: docs/format.md.

/// Constants of state.db, all of them on disk.
package enum StateSchema {
    package static let name = "state.db"
    static let schema = """
        CREATE TABLE state(
          name TEXT NOT NULL,
          key TEXT NOT NULL,
          type TEXT NOT NULL,
          value,
          crc INTEGER NOT NULL,
          PRIMARY KEY(name, key)) WITHOUT ROWID;
        CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
        """
}

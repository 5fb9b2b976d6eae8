// A folder that looks like a store and is another program's.

extension StoreFolder {
    /// Looks into a journal.db without a lock file beside it, which may be another program's: there not even the lock
    /// file may be made.
    static func rejectForeign(_ path: String, vfs: String?) throws(StoreError) {
        guard !Files.exists(path + "/" + StateSchema.name) else { return }
        do throws(StoreError) {
            do throws(StoreError) {
                _ = try DatabaseInspection(folder: path, name: JournalSchema.name)
            } catch {
                throw StoreError(.notAStore, error.message, location: error.location)
            }
            let connection = try SQLiteConnection(path + "/" + JournalSchema.name, .readPrivate, vfs: vfs)
            defer { connection.close() }
            _ = try JournalMeta.read(connection)
        } catch {
            // Any other error is for the opening itself to find.
            if error.code == .notAStore { throw error }
        }
    }
}

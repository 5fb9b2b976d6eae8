// Tells a folder of another program that looks like a store.

/// The check that no other program's folder is touched.
extension StoreFolder {
    /// Looks into a journal.db that has no lock file beside it. It may be another program's, and then not even the lock
    /// file may be created there.
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
            // Any other error is left for the opening itself to find.
            if error.code == .notAStore { throw error }
        }
    }
}

/// The checkpointer's view of the journal: committed rows, through a connection of its own.
///
/// Why `@unchecked Sendable` is right: one thread at a time uses it, under the checkpointer's lock for folds.
package final class JournalFollower: @unchecked Sendable {
    private let connection: SQLiteConnection

    package init(folder: String, vfs: String?) throws(StoreError) {
        connection = try SQLiteConnection(folder + "/" + JournalSchema.name, .readShared, vfs: vfs)
    }

    package func close() { connection.close() }

    /// About how many bytes one read transaction takes. While one lasts, the SQLite WAL cannot begin anew, and grows.
    private static let readBytesMax = 8 << 20

    /// Collects what comes after `position`, up to `lsn`. It stops once the changed keys and their values have about
    /// `contentBytesMax` bytes.
    package func collect(after position: ChainPosition, through lsn: LSN, contentBytesMax: Int) throws(StoreError)
        -> FoldedChanges
    {
        var fold = FoldedChanges(after: position)
        do {
            var isMore = true
            while isMore && fold.contentBytes < contentBytesMax {
                isMore = false
                let end = fold.bytes + Self.readBytesMax
                try SQLiteJournal.rows(of: connection, after: fold.position.lsn) { first, last, _, batch in
                    guard last <= lsn else { return false }
                    try fold.add(first: first, batch: batch)
                    isMore = fold.bytes >= end
                    return !isMore && fold.contentBytes < contentBytesMax
                }
            }
        } catch let broken as RecordReader.Broken {
            throw StoreError(
                .damaged, broken.why, location: .init(file: connection.path, lsn: broken.lsn, bytes: broken.bytes))
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.damaged, "\(error)", location: .init(file: connection.path))
        }
        return fold
    }
}

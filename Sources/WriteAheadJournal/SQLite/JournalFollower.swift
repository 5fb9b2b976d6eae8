/// The checkpointer's view of the journal: committed rows, through a connection of its own.
package final class JournalFollower: @unchecked Sendable {
    private let connection: SQLiteConnection

    package init(folder: String, vfs: String?) throws(StoreError) {
        connection = try SQLiteConnection(folder + "/" + JournalSchema.name, .readShared, vfs: vfs)
    }

    package func close() { connection.close() }

    /// One read transaction takes about so many bytes: while one lasts, the SQLite WAL cannot begin anew, and grows.
    private static let readBytesMax = 8 << 20

    /// Collects what came behind `position`, up to `lsn`, until the keys that changed and
    /// their values are about so many bytes.
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

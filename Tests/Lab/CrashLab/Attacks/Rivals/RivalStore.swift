// What an application would use for its entries: the store, or something else instead.

internal import WriteAheadJournal

/// A place for entries, as an application would have it.
protocol RivalStore {
    /// Returns when the entry is as safe as this rival makes it.
    func put(_ key: String, _ value: String) throws
    /// Every entry. What the rival itself notices is thrown as `Noticed`.
    func entries() throws -> [String: String]
    /// What it said of its own accord when it was opened; empty where it said nothing.
    var said: String { get }
    func close() throws
}

extension RivalStore {
    var said: String { "" }
}

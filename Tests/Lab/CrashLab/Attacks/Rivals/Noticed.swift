internal import WriteAheadJournal

/// The rival says by itself that something is wrong.
struct Noticed: Error {
    let what: String
}

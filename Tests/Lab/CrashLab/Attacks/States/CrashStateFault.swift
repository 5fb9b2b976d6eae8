internal import Backstay
internal import Drill
internal import WriteAheadJournal

struct CrashStateFault: Sendable {
    var outcome: LabOutcome
    var what: String
}

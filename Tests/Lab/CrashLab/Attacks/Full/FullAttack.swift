// `lab full`: disks without room. A file takes the space up to some remainder at some moment, the work goes on, and then
// there is room again, or the process is killed and the next start finds the disk as full as it was.
//
// In each: changes are refused, or their fate is said not to be known, for want of space and for no other reason; nothing
// that was answered is gone and nothing that was refused is there; a store that could not be made is not there; a process
// goes on as soon as there is room, and so does the next one.

internal import Drill
internal import WriteAheadJournal

package enum FullAttack {
    /// Plays the attack.
    package static func run(_ plan: LabPlan, progress: @escaping @Sendable (Int) -> Void) throws -> LabReport {
        try MountedAttack.run(
            "full", plan, missing: [],
            // What needs no mount can be played in any case.
            withoutMounts: { try FullRun($0, hasMounts: false).play(progress) },
            { try FullRun($0, hasMounts: true).play(progress) })
    }

    /// The cell of a case: places in turn, so that any range has some of each.
    static func cell(_ number: Int) -> (place: FullPlace, moment: FullMoment, comesBack: Bool) {
        let places = FullPlace.allCases
        let moments = FullMoment.allCases
        let rest = number / places.count
        return (places[number % places.count], moments[rest % moments.count], rest / moments.count % 2 == 0)
    }
}

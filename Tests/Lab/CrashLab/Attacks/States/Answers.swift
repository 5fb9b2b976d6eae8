internal import Backstay
internal import Drill
internal import WriteAheadJournal

/// Which answers a recording has at each of its events.
struct Answers: Sendable {
    private var power: [Int] = [0]
    private var process: [Int] = [0]
    private var begun: [Int] = [0]
    /// So many events there were when the store was first open; nil where it never was.
    private(set) var opened: Int?

    init(_ recording: Recording) {
        var (power, process, begun) = (0, 0, 0)
        for (number, event) in recording.events.enumerated() {
            if case .mark(let mark) = event {
                switch mark {
                case .submitted(let change): begun = max(begun, change)
                case .survivesProcess(let change): process = max(process, change)
                case .survivesPower(let change):
                    power = max(power, change)
                    process = max(process, change)
                case .opened: if opened == nil { opened = number + 1 }
                }
            }
            self.power.append(power)
            self.process.append(process)
            self.begun.append(begun)
        }
    }

    /// How many changes may be, and must be, in what a start finds.
    func allowed(_ state: CrashState) -> ClosedRange<Int> {
        let answered =
            switch state.survival {
            case .power: power[state.acknowledged]
            case .process: process[state.acknowledged]
            }
        return answered...max(answered, begun[state.submitted])
    }
}

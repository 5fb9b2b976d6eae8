// The calls of SQLite's that fail in a random life: one at a time, one of the next thirty.

internal import Backstay
internal import CFaultVFS
internal import Drill

struct ModelFault {
    private let place: String
    private var isArmed = false

    /// A call has failed since the store was opened, as far as `note()` has looked.
    private(set) var hasStruck = false
    /// A call failed before the store was opened.
    private(set) var hasStruckBefore = false
    private(set) var set = 0, met = 0

    init(place: String) { self.place = place }

    /// One of the next calls fails, in place of a fault that was set and not met. None where one has failed already.
    mutating func arm(store: String, _ random: inout SeededRandom) {
        note()
        guard !hasStruck else { return }
        let kind = FaultClass(rawValue: UInt8.random(in: 0..<UInt8(FaultClass.count), using: &random))
        let ways = Fault.ways(kind).filter { way in
            guard case .call(_, let how, let pages) = way.0 else { return false }
            // A file that is shorter than it was is no error of a call: that is `rot`. What becomes of pages: `faults`.
            return way.1 == .once && how != .short && pages == .stayDirty
        }
        guard let (target, lasting) = ways.randomElement(using: &random) else { return }
        let fault = Fault(target: target, index: Int.random(in: 1...30, using: &random), lasting: lasting)
        fault.set(folder: place, store: store, seed: random.next(), flaw: BACKSTAY_FLAW_NONE)
        isArmed = true
        set += 1
    }

    /// Looks whether the fault was met.
    mutating func note() {
        guard isArmed, !hasStruck, Fault.wasMet(folder: place) else { return }
        hasStruck = true
        met += 1
    }

    /// Nothing fails any more.
    mutating func lift() {
        note()
        Fault.lift(folder: place)
    }

    /// The store is opened anew, or not again.
    mutating func end() {
        hasStruckBefore = hasStruckBefore || hasStruck
        (isArmed, hasStruck) = (false, false)
        Fault.end(folder: place)
    }
}

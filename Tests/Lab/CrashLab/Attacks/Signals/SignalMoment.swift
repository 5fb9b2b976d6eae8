// When the signal comes: what the program is, and what it must have said by then.

internal import Drill

enum SignalMoment: String, CaseIterable, Sendable {
    case creating, opening, firstAnswer, appending, appendingLong, appendingToTail, checkpointing, checkpointed, closing
    /// The same again as soon as the hook runs; and 300 ms later.
    case againInHook, againInSlowHook
    /// Twenty of them, one right after the other.
    case burst
    /// In a program without handlers.
    case unhandled

    var role: ChildRole {
        var role = ChildRole()
        role.part = self == .opening ? .recovers : .writes
        role.ending =
            switch self {
            case .checkpointing, .checkpointed: .checkpoints
            case .closing: .diesClosing
            case .againInSlowHook: .hookIsSlow
            case .unhandled: .waitsUnhandled
            default: .waits
            }
        if self == .closing { role.trigger = 60 }
        if self == .appendingToTail { role.strain = .process }
        return role
    }

    /// Answers to wait for.
    var answers: Int {
        switch self {
        case .creating, .opening, .checkpointing, .checkpointed, .closing: 0
        case .firstAnswer: 1
        case .appendingLong: 300
        default: 60
        }
    }

    /// What the child must have said.
    var phase: Message.Phase? {
        switch self {
        case .opening: .opening
        case .checkpointing: .checkpointing
        case .checkpointed: .checkpointed
        case .closing: .closing
        default: nil
        }
    }

    /// Whether handlers are there by then.
    var isHandled: Bool { self != .creating && self != .opening && self != .unhandled }
    /// Whether the program may have come to its end before.
    var mayBeOver: Bool { self == .opening || self == .closing }
}

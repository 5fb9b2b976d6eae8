import CExitHooks

/// Counts who asks for which signal. Called under the lock.
enum SignalTable {
    /// Asks for all of the signals or throws and asks for none; returns those that stay ignored.
    static func retain(_ state: inout State, _ signals: [ExitHooks.Signal]) throws(ExitHooks.Failure)
        -> Set<ExitHooks.Signal>
    {
        for signal in signals where !ExitHooks.Signal.handleable.contains(signal.rawValue) {
            throw ExitHooks.Failure(
                code: .signalNotHandleable,
                message: "\(signal) can't be handled here: it does not ask a program to end, or others depend on it",
                signal: signal)
        }
        var ignored: Set<ExitHooks.Signal> = []
        var retained: Set<Int32> = []
        for signal in Set(signals) {
            let count = state.handled[signal.rawValue] ?? 0
            switch count > 0 ? backstay_installed : backstay_handle_signal(signal.rawValue) {
            case backstay_installed:
                state.handled[signal.rawValue] = count + 1
                retained.insert(signal.rawValue)
            case backstay_respected_ignore:
                ignored.insert(signal)
            default:
                release(&state, retained)
                throw ExitHooks.Failure(
                    code: .systemRefused, message: "the system refused a handler for \(signal)", signal: signal)
            }
        }
        return ignored
    }

    static func release(_ state: inout State, _ signals: Set<Int32>) {
        for number in signals {
            guard let count = state.handled[number] else { continue }
            state.handled[number] = count > 1 ? count - 1 : nil
            if count == 1 { backstay_release_signal(number) }
        }
    }
}

import CExitHooks

/// The list of active bodies.
enum Bodies {
    /// Lists a body before it starts, so that no signal for it is lost.
    static func begin(_ state: inout State, signals: Set<Int32>) -> UInt64 {
        let id = state.makeID()
        state.bodies.append(ActiveBody(id: id, signals: signals))
        return id
    }

    /// Its task is there. Cancels it if a signal came before.
    static func attach(_ id: UInt64, _ cancel: @escaping @Sendable () -> Void) {
        let isLate = Registry.withState { state in
            guard let index = state.bodies.firstIndex(where: { $0.id == id }) else { return false }
            state.bodies[index].cancel = cancel
            return state.bodies[index].signal != nil || state.phase == .unwinding
        }
        if isLate { cancel() }
    }

    /// The body of `run` has ended: so does the process.
    static func end(run id: UInt64, _ ending: BodyEnding) {
        let performsHere = Registry.withState { state in
            state.bodies.removeAll { $0.id == id }
            switch state.phase {
            case .running:
                if let text = ending.reason.errorText { state.lastWords = "error: \(text)" }
                Ending.begin(&state, ending.reason, .exit(ending.status))
                return !state.hasExitThread
            case .unwinding:
                if case .exit(let status?) = ending.reason.kind { state.lastStep = .exit(status) }
            case .ending, .finished:
                break
            }
            backstay_broadcast()
            return false
        }
        if performsHere { Ending.performIfBegun() }
    }
}

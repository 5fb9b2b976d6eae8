// Why a process, or a scope, ends. A struct and not an enum, so that further reasons don't break a caller's `switch`.

extension ExitHooks {
    /// Why the process, or the scope, ends.
    ///
    /// Compare it (`reason == .normal`, `case .signal(15)`) or read the property that belongs to it.
    public struct Reason: Sendable, Hashable, CustomStringConvertible {
        enum Kind: Hashable {
            case normal
            case exit(Int32?)
            case error(String)
            case signal(Int32)
        }

        let kind: Kind

        /// The body of `run` or a scope, or main, came to its end. `exit(0)` counts as this: the C library does not tell
        /// it from a return of main.
        public static let normal = Reason(kind: .normal)

        /// `exit(status)` was called, or an `Exit` thrown. nil if the C library does not tell the status. It does on
        /// Linux with glibc.
        public static func exit(_ status: Int32?) -> Reason { Reason(kind: .exit(status)) }

        /// An error came out of the body of `run` or of a scope; its text.
        public static func error(_ text: String) -> Reason { Reason(kind: .error(text)) }

        /// A handled signal arrived; its number.
        public static func signal(_ number: Int32) -> Reason { Reason(kind: .signal(number)) }

        /// "normal", "exit", "error", or the signal's name such as "SIGTERM".
        public var name: String {
            switch kind {
            case .normal: "normal"
            case .exit: "exit"
            case .error: "error"
            case .signal(let number): Signal(rawValue: number).name
            }
        }

        /// The name, with the status or the error's text: "exit(3)", "error: no space". A signal's name stands alone.
        public var description: String {
            switch kind {
            case .normal, .signal: name
            case .exit(let status): status.map { "exit(\($0))" } ?? "exit"
            case .error(let text): "error: \(text)"
            }
        }

        /// The signal that ends the process.
        public var signal: Signal? {
            if case .signal(let number) = kind { Signal(rawValue: number) } else { nil }
        }

        /// The status given to `exit()` or `Exit`.
        public var status: Int32? {
            if case .exit(let status) = kind { status } else { nil }
        }

        /// The text of the error that ends the process.
        public var errorText: String? {
            if case .error(let text) = kind { text } else { nil }
        }
    }
}

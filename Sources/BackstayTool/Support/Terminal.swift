// Colours, and whether there is anybody to see them.

import SystemC

enum Terminal {
    static var isError: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether to colour what goes to stdout.
    static var isColored: Bool {
        isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil
            && getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false
    }

    static func green(_ text: String) -> String { isColored ? "\u{1b}[32m\(text)\u{1b}[0m" : text }
    static func yellow(_ text: String) -> String { isColored ? "\u{1b}[33m\(text)\u{1b}[0m" : text }
    static func red(_ text: String) -> String { isColored ? "\u{1b}[31m\(text)\u{1b}[0m" : text }
}

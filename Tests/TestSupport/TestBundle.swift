// Where the test bundle is. Beside it lie the programs and modules that were built with it.

import SystemC

package enum TestBundle {
    /// The folder with the bundle.
    package static let folder: String = {
        #if os(Linux)
        // The bundle is the program that runs.
        let bundle = realpath("/proc/self/exe", nil).map { path in
            defer { free(path) }
            return String(cString: path)
        }
        #else
        // Another program runs it, and is told its path: …/NAME.xctest, and what is in it.
        let arguments = CommandLine.arguments
        let flag = arguments.firstIndex(of: "--test-bundle-path").map { $0 + 1 } ?? arguments.count
        let parts = flag < arguments.count ? arguments[flag].split(separator: "/") : []
        let end = parts.firstIndex { $0.hasSuffix(".xctest") }
        let bundle = end.map { "/" + parts[...$0].joined(separator: "/") }
        #endif
        guard let bundle, let slash = bundle.lastIndex(of: "/") else {
            fatalError("the test bundle's path is not known")
        }
        return String(bundle[..<slash])
    }()
}

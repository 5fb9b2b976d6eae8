import Foundation

@testable import Compare

/// A folder that is gone after the test.
struct TestFolder: ~Copyable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "compare-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The program beside the tests.
let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/compare"

extension Contestant {
    var label: String { "\(name) \(setting) \(guarantee)" }
}

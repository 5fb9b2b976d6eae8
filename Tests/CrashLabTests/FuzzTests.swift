import Foundation
import Testing

/// Some thousand altered inputs for recovery's readers, in a process of their own. `.ci/fuzz` plays millions.
@Suite struct FuzzTests {
    @Test(arguments: [1, 2] as [UInt64])
    func alteredInputsDoNoHarm(seed: UInt64) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: builtLab).deletingLastPathComponent()
            .appendingPathComponent("lab-fuzz")
        process.arguments = ["\(seed)", "5000"]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        let taken = try #require(text.firstMatch(of: /inputs, (\d+) taken/).flatMap { Int($0.1) }, "\(text)")
        #expect(taken > 500 && taken < 5_000, "all or none: nothing was tested")
    }
}

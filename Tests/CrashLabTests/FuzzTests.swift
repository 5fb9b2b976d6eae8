import TestSupport
import Testing

/// Some thousand altered inputs for recovery's readers, in a process of their own. `.ci/fuzz` plays millions.
@Suite struct FuzzTests {
    @Test(arguments: [1, 2] as [UInt64])
    func alteredInputsDoNoHarm(seed: UInt64) throws {
        let outcome = try ChildProcess.run(
            TestBundle.folder + "/lab-fuzz", ["\(seed)", "5000"], patience: .seconds(300))
        let text = outcome.out + outcome.err
        #expect(outcome.status == 0, "\(text)")
        let taken = try #require(text.firstMatch(of: /inputs, (\d+) taken/).flatMap { Int($0.1) }, "\(text)")
        #expect(taken > 500 && taken < 5_000, "all or none: nothing was tested")
    }
}

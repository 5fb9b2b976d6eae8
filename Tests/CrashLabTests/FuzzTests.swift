import TestSupport
@testable import CrashLab
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

    /// What lies behind a checksum is reached: an altered input is turned away as it is, and taken with its checksums put
    /// right.
    @Test(arguments: [RecoveryFuzz.Subject.batch, .tail, .sqliteWAL])
    func rightChecksumsLeadBehindTheCheck(subject: RecoveryFuzz.Subject) throws {
        var input = try #require(RecoveryFuzz.seeds().first { $0.first == subject.rawValue })
        func isTaken() -> Bool { input.withUnsafeBytes(RecoveryFuzz.play) }
        #expect(isTaken())
        // In a WAL the numbers of its generation, since a single byte of it would be repaired; else a byte of the first
        // key.
        let altered =
            switch subject {
            case .batch: 1 + 16 + 8 + 4..<1 + 16 + 8 + 5
            case .tail: 1 + 8 + 4..<1 + 8 + 5
            default: 1 + 12..<1 + 16
            }
        for place in altered { input[place] ^= 0x15 }
        #expect(!isTaken())
        input[0] |= RecoveryFuzz.rightsChecksums
        #expect(isTaken())
    }
}

// Recovery under libFuzzer (https://llvm.org/docs/LibFuzzer.html), which brings its own main: .ci/fuzz builds it, with
// -DFUZZ. Built without, it alters the first inputs by chance: `lab-fuzz SEED COUNT`.

internal import CrashLab
internal import SystemC

#if FUZZ
/// Before the first input: writes what the fuzzer begins with to the folder that the environment names.
@_cdecl("LLVMFuzzerInitialize")
public func fuzzerInitialize(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    guard let folder = getenv("BACKSTAY_FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
    for (number, bytes) in RecoveryFuzz.seeds().enumerated() {
        guard let file = fopen("\(folder)/seed-\(number)", "w"), fwrite(bytes, 1, bytes.count, file) == bytes.count,
            fclose(file) == 0
        else { fatalError("\(folder) cannot be written to") }
    }
    return 0
}

/// One input of the fuzzer's.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzerTestOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    RecoveryFuzz.play(UnsafeRawBufferPointer(start: data, count: count))
    return 0
}
#else
@main
enum LabFuzz {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
        guard arguments.count == 2, let count = Int(exactly: arguments[1]) else {
            print("usage: lab-fuzz SEED COUNT, or with libFuzzer: .ci/fuzz")
            exit(64)
        }
        for (number, bytes) in RecoveryFuzz.seeds().enumerated() where !bytes.withUnsafeBytes(RecoveryFuzz.play) {
            print("FAILED: seed input \(number) is turned away")
            exit(1)
        }
        let taken = RecoveryFuzz.playAltered(seed: arguments[0], count: count)
        print("ok: \(count) inputs, \(taken) taken at least in part; seed \(arguments[0])")
    }
}
#endif

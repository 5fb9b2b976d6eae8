// Recovery under libFuzzer (https://llvm.org/docs/LibFuzzer.html), which brings its own main: .ci/fuzz builds it, with
// -DFUZZ. Built without, it runs nothing and says so.

internal import CrashLab
#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

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

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzerTestOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    RecoveryFuzz.play(UnsafeRawBufferPointer(start: data, count: count))
    return 0
}
#else
@main
enum LabFuzz {
    static func main() {
        print("lab-fuzz: built without libFuzzer, nothing was run; .ci/fuzz builds it with it")
        exit(77)
    }
}
#endif

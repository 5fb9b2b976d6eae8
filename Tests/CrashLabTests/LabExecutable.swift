// The command `lab`, built beside the test bundle: what tests of its rows run as children.

#if CommandLine
#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

enum LabExecutable {
    static let path: String = {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let bundle = String(decoding: buffer[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = bundle.lastIndex(of: "/").map { String(bundle[..<$0]) } ?? "."
        return access(folder + "/backstay", X_OK) == 0 ? folder + "/backstay" : ".build/debug/backstay"
    }()
}
#endif

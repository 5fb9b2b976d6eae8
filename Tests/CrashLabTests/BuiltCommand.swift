#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The command `backstay`, built beside the test bundle: what the lab runs as its children.
let builtCommand: String = {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let bundle = String(decoding: buffer[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let folder = bundle.lastIndex(of: "/").map { bundle[..<$0] } ?? "."
    let path = folder + "/backstay"
    return access(String(path), X_OK) == 0 ? String(path) : ".build/debug/backstay"
}()

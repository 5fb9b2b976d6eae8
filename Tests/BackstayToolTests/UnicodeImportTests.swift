#if CommandLine
import Testing

import SystemC

/// The main job on real input, in short: Debian's unicode-data, imported and killed at random by unicode_import.py.
@Suite struct UnicodeImportTests {
    private static let data = "/usr/share/unicode/UnicodeData.txt"

    @Test(
        .enabled(
            if: access(data, R_OK) == 0,
            "needs the package unicode-data: there is no /usr/share/unicode/UnicodeData.txt"))
    func killedImportsOfUnicodeDataLoseNothing() throws {
        let folder = try TestFolder()
        let script = #filePath.dropLast("UnicodeImportTests.swift".count) + "unicode_import.py"
        let log = folder.path + "/log"
        let result = system("python3 '\(script)' '\(ToolProcess.path)' --kills 6 > '\(log)' 2>&1")
        #expect(result == 0, "\(text(log))")
        #expect(text(log).hasPrefix("ok: 34"), "\(text(log))")
    }

    private func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
#endif

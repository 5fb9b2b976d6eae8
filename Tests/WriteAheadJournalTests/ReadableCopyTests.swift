import TestSupport
import Testing

@testable import WriteAheadJournal

import SystemC

@Suite struct ReadableCopyTests {
    @Test(arguments: [0, 1, 511, 4_096, (1 << 20) - 1, 1 << 20, (1 << 20) + 77])
    func soundFileIsCopiedByteByByte(bytes: Int) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: UInt64(bytes))
        let content = (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        let file = open(folder("a"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(content.withUnsafeBytes { Files.writeAll(file, $0) } && close(file) == 0)
        #expect(try ReadableCopy.make(folder("a"), to: folder("b")).isEmpty)
        #expect(Files.contents(folder("b"), limit: .max) == content)
        #expect(throws: StoreError.self) { try ReadableCopy.make(folder("a"), to: folder("b")) }
        #expect(throws: StoreError.self) { try ReadableCopy.make(folder("none"), to: folder("c")) }
    }

    #if os(Linux)
    /// Bytes of this process's own memory, with pages in them of a file that ends before: reading these is EIO.
    @Test(arguments: [[], [0], [3], [1, 2], [0, 1, 2, 3, 4], [2, 149, 150, 299]])
    func whatCannotBeReadIsZerosAndNamed(holes: [Int]) throws {
        let page = 4_096, pages = 300
        let memory = try #require(
            mmap(nil, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(memory, pages * page) }
        memset(memory, 7, pages * page)
        let folder = try TemporaryFolder()
        let empty = open(folder("empty"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(empty) }
        for hole in holes {
            let at = mmap(memory + hole * page, page, PROT_READ, MAP_SHARED | MAP_FIXED, empty, 0)
            try #require(at == memory + hole * page)
        }
        let descriptor = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var copy: [UInt8] = []
        // Not from a page's beginning: sectors in pages that are half within.
        let skipped = 512 * 3
        let gaps = ReadableCopy.read(descriptor, from: Int(bitPattern: memory) + skipped, bytes: pages * page - skipped)
        {
            copy += $0
            return true
        }
        let lost = Set((gaps ?? []).joined())
        #expect(copy.count == pages * page - skipped)
        let wrong = copy.indices.filter { index in
            let isHole = holes.contains((index + skipped) / page)
            return lost.contains(index) != isHole || copy[index] != (isHole ? 0 : 7)
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(5)), of \(wrong.count)")
        #expect(zip(gaps ?? [], (gaps ?? []).dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
        #expect(ReadableCopy.read(descriptor, from: Int(bitPattern: memory), bytes: 8) { _ in false } == nil)
    }
    #endif
}

// Tells a forked child from the process that opened the store.
//
// It is a word on a page that the kernel wipes in a child (MADV_WIPEONFORK, Linux 4.14). Reading it costs a load;
// getpid() would cost a system call. If the kernel cannot wipe the page, the process id is compared.
//
// Why `@unchecked Sendable` and the unsafe pointer are right: the word is written once before the object is shared.
// After that only the kernel writes it, in a child that has a single thread at that moment.

internal import SystemC

/// Made by the process that opens the store; asked before the store is used.
package final class ForkGuard: @unchecked Sendable {
    private let word: UnsafeMutablePointer<UInt64>?
    private let owner: pid_t
    private static let pageSize = 4096

    package init() {
        owner = getpid()
        #if os(Linux)
        let wipeOnFork: Int32 = 18
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let page = mmap(nil, Self.pageSize, PROT_READ | PROT_WRITE, flags, -1, 0)
        if let page, page != MAP_FAILED {
            if madvise(page, Self.pageSize, wipeOnFork) == 0 {
                word = page.bindMemory(to: UInt64.self, capacity: 1)
                word?.pointee = 1
                return
            }
            munmap(page, Self.pageSize)
        }
        #endif
        word = nil
    }

    deinit {
        if let word { munmap(UnsafeMutableRawPointer(word), Self.pageSize) }
    }

    /// Whether this process is a child of the one that made the guard.
    @inline(__always) package var isForked: Bool {
        if let word { return word.pointee == 0 }
        return getpid() != owner
    }
}

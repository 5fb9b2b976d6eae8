// A child that a process with an open store forks, and that outlives it: it tries to change the store, must be refused,
// and ends in order some moments after its parent was killed. Nothing of that may be seen in the store.
//
// It runs Swift code after a fork of a process with threads, which in general is not safe: whatever lock it may find held
// for ever, an alarm ends it. Why the cast is right: what dlsym finds under the name is the C function of that type.

package import Backstay
internal import WriteAheadJournal
package import SystemC

package enum LingeringChild {
    private static let alarmSeconds: UInt32 = 2
    private static let key = "of the forked child"

    /// fork(), which Swift hides. 0 in the child.
    package static func fork() throws -> pid_t {
        typealias Fork = @convention(c) () -> pid_t
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "fork") else { throw Files.failure("finding", "fork") }
        let pid = unsafeBitCast(symbol, to: Fork.self)()
        guard pid >= 0 else { throw Files.failure("forking", "the child") }
        return pid
    }

    package static func fork(_ store: StateStore) throws {
        let parent = getpid()
        if try fork() == 0 { live(store, parent) }
    }

    private static func live(_ store: StateStore, _ parent: pid_t) -> Never {
        alarm(alarmSeconds)
        var code: StoreError.Code?
        do throws(StoreError) {
            _ = try store.set(key, 1, durability: .process)
        } catch {
            code = error.code
        }
        if code != .forked {
            Message.trouble("a forked child was not refused: \(code.map { "\($0)" } ?? "it changed the store")").send()
        }
        // The parent's end is the pipe's end.
        close(STDOUT_FILENO)
        while getppid() == parent { usleep(2_000) }
        usleep(20_000)
        exit(0)
    }
}

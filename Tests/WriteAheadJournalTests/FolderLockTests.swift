import Testing
import WriteAheadJournal

import SystemC

@Suite struct FolderLockTests {
    /// A program that another test starts has every descriptor for the moment between its fork and its exec.
    private let patience: UInt64 = 120_000_000_000

    @Test func secondLockInTheProcessIsBusyNamingItself() throws {
        let folder = try TemporaryFolder()
        let lock = try FolderLock.exclusive(folder: folder.path, create: true)
        let error = failure { _ = try FolderLock.exclusive(folder: folder.path, create: true, patience: 10_000_000) }
        #expect(error?.code == .busy && error?.outcome == .rejected)
        #expect(error?.message.contains("this process (\(getpid()))") == true)
        #expect(FolderLock.owner(folder: folder.path)?.pid == getpid())
        lock.release()
        lock.release()
        try FolderLock.exclusive(folder: folder.path, create: false, patience: patience).release()
    }

    @Test func lockIsGivenUpWithItsObject() throws {
        let folder = try TemporaryFolder()
        do { _ = try FolderLock.exclusive(folder: folder.path, create: true) }
        try FolderLock.exclusive(folder: folder.path, create: false, patience: patience).release()
    }

    @Test func lockFileIsNotMadeWhereItMayNot() throws {
        let folder = try TemporaryFolder()
        #expect(failure { _ = try FolderLock.exclusive(folder: folder.path, create: false) }?.code == .ioError)
        #expect(Files.names(in: folder.path) == [])
    }

    @Test func ownerThatIsJustEndingIsWaitedFor() throws {
        let folder = try TemporaryFolder()
        let lock = try FolderLock.exclusive(folder: folder.path, create: true)
        let threads = Threads()
        try threads.run {
            usleep(20_000)
            lock.release()
        }
        try FolderLock.exclusive(folder: folder.path, create: false, patience: 120_000_000_000).release()
        threads.join()
    }

    /// The text stays behind a SIGKILL; only the kernel's lock counts.
    @Test func staleOwnerTextIsHarmless() throws {
        let folder = try TemporaryFolder()
        for text in [
            "pid=1\nhost=elsewhere\nsince=1\n", "", "pid=\nhost", "\u{0}\u{0}", String(repeating: "x", count: 9_000),
        ] {
            try writeFile(folder("lock"), Array(text.utf8))
            let lock = try FolderLock.exclusive(folder: folder.path, create: false, patience: patience)
            #expect(FolderLock.owner(folder: folder.path)?.pid == getpid())
            lock.release()
        }
    }

    /// Between the opening and the locking: a folder that was removed and made anew at this moment.
    @Test func fileReplacedBeforeItIsLockedIsNotTheLock() throws {
        let folder = try TemporaryFolder()
        var openings = 0
        let lock = try FolderLock.exclusive(folder: folder.path, create: true) {
            openings += 1
            if openings == 1 { unlink(folder("lock")) }
        }
        #expect(openings == 2, "it looked again")
        let second = failure { _ = try FolderLock.exclusive(folder: folder.path, create: true, patience: 0) }
        #expect(second?.code == .busy)
        withExtendedLifetime(lock) {}
    }

    @Test func lockedReplacedFileIsNotTheLock() throws {
        let folder = try TemporaryFolder()
        let old = try FolderLock.exclusive(folder: folder.path, create: true)
        unlink(folder("lock"))
        let new = try FolderLock.exclusive(folder: folder.path, create: true, patience: patience)
        withExtendedLifetime((old, new)) {}
    }

    /// What is said of the owner must not be about one that has long gone: nobody but readers holds the store.
    @Test func readersThatKeepAWriterOutAreNamedAsReaders() throws {
        let folder = try TemporaryFolder()
        try writeFile(folder("lock"), Array("pid=999999\nhost=\(Machine.hostName())\nsince=1\n".utf8))
        let reader = try FolderLock.shared(folder: folder.path)
        #expect(reader != nil)
        let second = try FolderLock.shared(folder: folder.path)
        #expect(second != nil, "readers do not keep each other out")
        let error = failure { _ = try FolderLock.exclusive(folder: folder.path, create: false, patience: 0) }
        #expect(error?.code == .busy)
        #expect(error?.message.contains("being read") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("999999") == false)
        reader?.release()
        second?.release()
        let writer = try FolderLock.exclusive(folder: folder.path, create: false, patience: patience)
        #expect(try FolderLock.shared(folder: folder.path) == nil)
        writer.release()
    }

    // MARK: Other processes

    @Test func anotherProcessIsNamedAndItsDeathFreesTheLockAtOnce() async throws {
        let folder = try TemporaryFolder(onDisk: true)
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            let channel = try Channel()
            let owner = try child {
                let lock = try FolderLock.exclusive(folder: path, create: true)
                channel.send(1)
                withExtendedLifetime(lock) { while true { pause() } }
            }
            #expect(channel.receive() == 1)
            let start = Clock.monotonicNanoseconds()
            let error = failure { _ = try FolderLock.exclusive(folder: path, create: true) }
            #expect(Clock.monotonicNanoseconds() - start < 1_000_000_000)
            #expect(error?.code == .busy)
            #expect(error?.message.contains("process \(owner) on \(Machine.hostName())") == true)
            reap(owner)
            try FolderLock.exclusive(folder: path, create: false, patience: 0).release()
        }
    }

    /// A child of which no fork handler knows: one of fork() has closed the descriptor.
    @Test func childOfABareCloneKeepsTheLockAndIsNamedAsSuch() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            let channel = try Channel()
            let pids = try Channel()
            let owner = try forkProcess()
            if owner == 0 {
                guard let lock = try? FolderLock.exclusive(folder: path, create: true) else { _exit(7) }
                let heir = (try? forkProcess(runsHandlers: false)) ?? -1
                if heir == 0 {
                    withExtendedLifetime(lock) {
                        channel.send(1)
                        while true { pause() }
                    }
                }
                pids.send(heir)
                _exit(0)
            }
            #expect(channel.receive() == 1)
            let heir = try #require(pids.receive())
            var status: Int32 = 0
            waitpid(owner, &status, 0)
            let error = failure { _ = try FolderLock.exclusive(folder: path, create: true, patience: 20_000_000) }
            #expect(error?.code == .busy)
            #expect(error?.message.contains("a child of process \(owner), which has ended") == true)
            kill(heir, SIGKILL)
            try FolderLock.exclusive(folder: path, create: false, patience: 120_000_000_000).release()
        }
    }

    /// The descriptor closes on exec: a program that a holder starts is no holder.
    @Test func startedProgramDoesNotKeepTheLock() throws {
        let folder = try TemporaryFolder()
        let lock = try FolderLock.exclusive(folder: folder.path, create: true)
        try shell("sleep 60 >/dev/null 2>&1 </dev/null & echo $! >\(quoted(folder("pid")))")
        lock.release()
        try FolderLock.exclusive(folder: folder.path, create: false, patience: patience).release()
        let pid = try #require(Int32(Files.text(at: folder("pid"))?.split(separator: "\n").first ?? ""))
        kill(pid, SIGKILL)
    }
}

/// What a descriptor that outlives its owner's release says.
@Suite struct ReleasedLockTests {
    /// Another thread that starts a process holds a copy of every descriptor between its fork and its exec.
    @Test func lockOnItsWayOutIsNotTakenForAnOwner() async throws {
        let folder = try TemporaryFolder()
        let lock = try FolderLock.exclusive(folder: folder.path, create: true)
        // The copy, as such a process has it: of the same open file, so that the kernel's lock lives on.
        let original = (3..<1_024).first { descriptor in
            var here = stat()
            var there = stat()
            return fstat(Int32(descriptor), &here) == 0 && stat(folder.path + "/lock", &there) == 0
                && here.st_ino == there.st_ino && here.st_dev == there.st_dev
        }
        let copy = dup(Int32(try #require(original)))
        #expect(try FolderLock.shared(folder: folder.path) == nil)
        lock.release()
        let closer = try WorkerThread("closer") {
            usleep(30_000)
            close(copy)
        }
        #expect(try FolderLock.shared(folder: folder.path, patience: 10_000_000_000) != nil)
        closer.join()
    }
}

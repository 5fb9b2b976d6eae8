internal import SystemC

/// A real thread, for work that blocks in the disk.
///
/// Why `@unchecked Sendable` is right: `thread` is set before the object is shared. After that only `join` touches it,
/// which one thread calls, once.
package final class WorkerThread: @unchecked Sendable {
    private var thread: pthread_t?

    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts the thread. Signals that can be handled elsewhere are blocked in it, because they belong to the
    /// application's own threads. Those that a fault raises stay open: otherwise the kernel would kill the process
    /// without running any handler.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 1 << 20)
        defer { pthread_attr_destroy(&attributes) }
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&all, fault) }
        // Swift's backtracer stops every thread with this signal to look at its stack.
        sigdelset(&all, SIGPROF)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let start = Unmanaged.passRetained(Start(body))
        #if canImport(Darwin)
        var made: pthread_t?
        let result = pthread_create(
            &made, &attributes,
            { argument in
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        #else
        var made = pthread_t()
        let result = pthread_create(
            &made, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        #endif
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard result == 0 else {
            start.release()
            throw StoreError(
                .ioError, "cannot start the thread \(name): \(Files.text(of: result)); raise the limit on threads",
                cause: result)
        }
        thread = made
    }

    /// Waits for the thread's end. Call once, from one thread.
    package func join() {
        guard let thread else { return }
        pthread_join(thread, nil)
        self.thread = nil
    }

    deinit {
        if let thread { pthread_detach(thread) }
    }
}

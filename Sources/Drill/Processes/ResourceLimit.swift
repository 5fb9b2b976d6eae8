// Limits of a process on what it may take (https://man7.org/linux/man-pages/man2/getrlimit.2.html).

internal import SystemC

package enum ResourceLimit {
    case core, fileSize, addressSpace

    /// The soft limit, for this process; the hard one stays, so that it can be lifted again.
    package func set(_ bytes: UInt64) {
        var limit = rlimit()
        getrlimit(resource, &limit)
        limit.rlim_cur = rlim_t(min(bytes, UInt64(limit.rlim_max)))
        setrlimit(resource, &limit)
    }

    #if os(Linux) && canImport(Glibc)
    private var resource: __rlimit_resource_t {
        switch self {
        case .core: __rlimit_resource_t(RLIMIT_CORE.rawValue)
        case .fileSize: __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        case .addressSpace: __rlimit_resource_t(RLIMIT_AS.rawValue)
        }
    }
    #else
    private var resource: Int32 {
        switch self {
        case .core: RLIMIT_CORE
        case .fileSize: RLIMIT_FSIZE
        case .addressSpace: RLIMIT_AS
        }
    }
    #endif
}

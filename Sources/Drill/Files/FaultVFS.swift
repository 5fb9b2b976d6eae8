// The VFS of CFaultVFS, registered with this process's SQLite; and the shadow of a folder: what a power cut would leave of it.

package import CFaultVFS

package enum FaultVFS {
    package static var name: String { BACKSTAY_FAULT_VFS_NAME }

    /// Registers it, once for all.
    package static func register() throws(Trouble) { try register(backstay_fault_options()) }

    /// Gives the folder a shadow too: what is synced in the one is copied to the other.
    ///
    /// - Parameter set: further options.
    package static func register(
        folder: String, shadow: String, _ set: (inout backstay_fault_options) -> Void = { _ in }
    ) throws(Trouble) {
        let result = folder.withCString { folder in
            shadow.withCString { shadow in
                var options = backstay_fault_options()
                options.folder = folder
                options.shadow = shadow
                set(&options)
                return Result { () throws(Trouble) in try register(options) }
            }
        }
        try result.get()
    }

    /// Whatever the options say of SQLite's calls holds for all folders.
    package static func register(_ options: backstay_fault_options) throws(Trouble) {
        var options = options
        let code = backstay_fault_register(&options)
        guard code == 0 else { throw Trouble(description: "the VFS for faults cannot be registered: \(code)") }
    }
}

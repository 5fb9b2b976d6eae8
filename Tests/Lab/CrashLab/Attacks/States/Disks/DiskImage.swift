// The files of a store in memory, and what a crash can make of them.
//
// Copies are cheap: each file's bytes are shared until one side changes them.

internal import Drill

struct DiskImage: Sendable, Equatable {
    /// By the raw value of StoreFile; nil where there is no such file.
    private(set) var files = [[UInt8]?](repeating: nil, count: StoreFile.allCases.count)

    subscript(file: StoreFile) -> [UInt8]? {
        get { files[file.rawValue] }
        set { files[file.rawValue] = newValue }
    }

    func size(_ file: StoreFile) -> Int { files[file.rawValue]?.count ?? 0 }

    /// Puts bytes where they belong; the file grows by zeros where it is too short. One that is not there is made.
    mutating func write(_ file: StoreFile, _ offset: Int, _ bytes: UnsafeRawBufferPointer) {
        let end = offset + bytes.count
        if files[file.rawValue] == nil { files[file.rawValue] = [] }
        grow(file, to: end)
        files[file.rawValue]?.withUnsafeMutableBytes {
            UnsafeMutableRawBufferPointer(rebasing: $0[offset..<end]).copyMemory(from: bytes)
        }
    }

    /// Adds zeros up to the size.
    mutating func grow(_ file: StoreFile, to size: Int) {
        guard let now = files[file.rawValue]?.count, now < size else { return }
        files[file.rawValue]?.append(contentsOf: repeatElement(0, count: size - now))
    }

    mutating func truncate(_ file: StoreFile, to size: Int) {
        guard let now = files[file.rawValue]?.count else { return }
        if now > size {
            files[file.rawValue]?.removeSubrange(size...)
        } else {
            grow(file, to: size)
        }
    }

    /// What the event makes of the files when nothing goes wrong.
    mutating func apply(_ event: Recording.Event, of recording: Recording) {
        switch event {
        case .write(let file, let offset, let at, let count), .page(let file, let offset, let at, let count):
            recording.bytes.withUnsafeBytes {
                write(file, offset, UnsafeRawBufferPointer(rebasing: $0[at..<at + count]))
            }
        case .replace(let file, let at, let count): self[file] = Array(recording.bytes[at..<at + count])
        case .truncate(let file, let size): truncate(file, to: size)
        case .create(let file): if self[file] == nil { self[file] = [] }
        case .delete(let file): self[file] = nil
        case .sync, .folderSync, .mark: break
        }
    }
}

// The archive of files that a kernel begins with: cpio's format "newc"
// (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html).
//
// An entry is a head of 110 characters, the name with a zero byte, and the content, both filled up to four bytes. The
// archive ends with an entry of a fixed name.

struct FirstFiles {
    private(set) var bytes: [UInt8] = []
    private var entries = 0

    mutating func add(folder name: String) { add(name, mode: 0o040_755, []) }
    mutating func add(program name: String, _ content: [UInt8]) { add(name, mode: 0o100_755, content) }

    mutating func end() {
        add("TRAILER!!!", mode: 0, [])
        while bytes.count % 512 != 0 { bytes.append(0) }
    }

    private mutating func add(_ name: String, mode: Int, _ content: [UInt8]) {
        entries += 1
        // inode, mode, owner, group, links, time, size, four numbers of devices, the name's size, no checksum
        let fields = [entries, mode, 0, 0, 1, 0, content.count, 0, 0, 0, 0, name.utf8.count + 1, 0]
        bytes += Array("070701".utf8)
        for field in fields {
            let digits = String(field, radix: 16)
            bytes += Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
        }
        bytes += Array(name.utf8) + [0]
        fill()
        bytes += content
        fill()
    }

    private mutating func fill() { while bytes.count % 4 != 0 { bytes.append(0) } }
}

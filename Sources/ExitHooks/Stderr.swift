import CExitHooks

/// What is said at the end of a process, when nobody may be listening.
enum Stderr {
    /// Writes `text` and a line end, waiting at most 200 ms for room: nobody may be reading.
    static func say(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            var offset = 0
            while offset < buffer.count {
                let written = backstay_say(start + offset, UInt64(buffer.count - offset), 200)
                if written <= 0 { return }
                offset += Int(written)
            }
        }
    }
}

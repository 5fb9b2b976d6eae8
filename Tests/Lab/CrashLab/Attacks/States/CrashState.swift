internal import Drill

struct CrashState {
    var image: DiskImage
    var survival: Survival
    /// Answers among so many first events bind.
    var acknowledged: Int
    /// Changes begun among so many first events may be there.
    var submitted: Int
    /// Events that the process lived to see, and the bytes of the last one that were written, if it is a write cut short.
    var events: Int
    var cut: Int?
    var isTorn = false
    var what: () -> String
}

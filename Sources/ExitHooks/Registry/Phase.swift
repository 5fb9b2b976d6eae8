/// How far the end of the process has come.
enum Phase {
    case running
    /// A signal has cancelled the bodies, which have until `unwindBy` to end.
    case unwinding
    /// Hooks run.
    case ending
    /// All hooks have run or were given up.
    case finished
}

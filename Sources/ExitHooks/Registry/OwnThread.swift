/// Threads that we keep.
enum OwnThread {
    /// Acts on signals and on the end.
    case exit
    /// Has handled signals unblocked.
    case signals
}

/// How the process goes away once its hooks have run.
enum LastStep: Sendable {
    /// The thread that called `exit()` goes on in it.
    case goOn(status: Int32?)
    case exit(Int32)
    case signal(Int32)
}

/// How the body of `run` or `scope` ended.
enum BodyEnding {
    case returned
    case threw(any Error)

    var reason: ExitHooks.Reason {
        switch self {
        case .returned: .normal
        case .threw(let exit as ExitHooks.Exit): .exit(exit.status)
        case .threw(let error): .error(String(describing: error))
        }
    }

    var status: Int32 {
        switch self {
        case .returned: 0
        case .threw(let exit as ExitHooks.Exit): exit.status
        case .threw: 1
        }
    }
}

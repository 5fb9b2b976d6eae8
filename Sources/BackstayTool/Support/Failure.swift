// What a command fails with: from an error to the message, the JSON object and the exit status.

import Backstay
import ExitHooks

import SystemC

/// A failure as the user of the command sees it.
struct Failure: Error {
    /// The process's exit status, which is a contract.
    enum Status: Int32 {
        case failed = 1
        case usage = 2
        case missing = 3
        case damaged = 4
        case busy = 5
    }

    var status: Status
    /// One word for a program: a StoreError's code, or one of usage, noSuchKey, noSuchStore, malformedLine, inputChanged,
    /// outputClosed, failed.
    var code: String
    var message: String
    /// Further members of the JSON object's "error".
    var details: [(String, JSON)] = []
    /// The members of the whole result, for a command whose result is a failure.
    var result: [(String, JSON)] = []

    init(_ status: Status, _ code: String, _ message: String, _ details: [(String, JSON)] = []) {
        self.status = status
        self.code = code
        self.message = message
        self.details = details
    }

    /// Arguments that make no sense.
    init(usage message: String) {
        let prefix = "Error: "
        let text = message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : message
        self.init(.usage, "usage", text)
    }

    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as StoreError: self.init(error)
        default: self.init(.failed, "failed", "\(error)")
        }
    }

    init(_ error: StoreError) {
        let status: Status =
            switch error.code {
            case .busy: .busy
            case .notAStore where error.cause == ENOENT: .missing
            case .damaged, .notAStore, .newerFormat: .damaged
            case .keyOutOfBounds: .usage
            default: .failed
            }
        var text = error.message
        if let location = error.location, location.lsn != nil || location.bytes != nil || !text.contains(location.file)
        {
            text += " [\(location)]"
        }
        if error.code == .damaged { text += "; `backstay verify` lists what is damaged; restore a backup" }
        if error.outcome == .unknown { text += "; whether the change is kept is not known: look at it again" }
        self.init(status, error.code.rawValue, text)
        details.append(("outcome", .string(error.outcome.rawValue)))
        if let cause = error.cause { details.append(("cause", .int(Int64(cause)))) }
        if let location = error.location { details += location.members }
    }

    /// Reports the failure and ends the process.
    ///
    /// Where a signal is ending the process already, the failure is a consequence of that: nothing is reported, and the
    /// signal decides the status.
    func end(json: Bool) -> Never {
        if ExitHooks.currentReason?.signal == nil {
            if json {
                let error: [(String, JSON)] = [("code", .string(code)), ("message", .string(message))] + details
                let out = Output()
                out.write(line: .object(result + [("error", .object(error))]))
                try? out.flush()
            }
            note("backstay: \(message)")
        }
        endProcess(status.rawValue)
    }
}

extension StoreError.Location {
    /// As members of a JSON object.
    var members: [(String, JSON)] {
        var members: [(String, JSON)] = [("file", .string(file))]
        if let lsn { members.append(("lsn", .uint(lsn.value))) }
        if let bytes {
            members.append(("bytes", .array([.int(Int64(bytes.lowerBound)), .int(Int64(bytes.upperBound))])))
        }
        return members
    }
}

// What a child of the lab can be, beside a child of the drill: one part for each attack that has a program of its own.

package import Drill

package enum LabPrograms {
    /// For `ChildPart.playIfAsked`, in the main of every executable that attacks run as children.
    package static let all: [ChildPart] = [
        ChildPart(RotRole.firstArgument) { arguments in
            guard let role = RotRole(arguments: arguments) else { return false }
            try RotChild.run(role)
            return true
        },
        ChildPart(FaultChild.firstArgument) { arguments in
            guard let child = FaultChild(arguments: arguments) else { return false }
            child.run()
            return true
        },
        ChildPart(RivalChild.firstArgument) { arguments in
            guard let rival = RivalChild(arguments: arguments) else { return false }
            try rival.run()
            return true
        },
        ChildPart(NeighbourChild.firstArgument) { arguments in
            guard let neighbour = NeighbourChild(arguments: arguments) else { return false }
            try neighbour.run()
            return true
        },
        ChildPart(FullChild.firstArgument) { arguments in
            guard let full = FullChild(arguments: arguments) else { return false }
            try full.run()
            return true
        },
        ChildPart(HookChild.firstArgument) { arguments in
            guard let hooks = HookChild(arguments: arguments) else { return false }
            try await hooks.run()
            return true
        },
        ChildPart(CallsWork.firstArgument) { arguments in try CallsWork.play(arguments) },
    ]
}

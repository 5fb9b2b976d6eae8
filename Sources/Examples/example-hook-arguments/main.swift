// A hook with arguments: a function, and what it is to be called with.
//
//     swift run example-hook-arguments
//
// Prints:
//     main: the list has 3 entries
//     hook: shopping.txt gets milk, bread

import ExitHooks

func save(name: String, entries: [String]) {
    print("hook: \(name) gets \(entries.joined(separator: ", "))")
}

var list = ["milk", "bread"]

// The arguments are copied now, so nobody can change them under the hook, on whatever thread it runs.
ExitHooks.register("save", save, "shopping.txt", list)

// Hence the hook does not see this. State that goes on changing belongs into a store, or behind a lock:
// see example-application-state.
list.append("salt")
print("main: the list has \(list.count) entries")

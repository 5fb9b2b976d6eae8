// Two hooks: the last registered runs first.
//
//     swift run example-hook-order
//
// Prints:
//     main: working
//     hook: the cache is written to the database
//     hook: the database is closed

import ExitHooks

// What was opened later may need what was opened before, so it is ended first: the order of `defer`.
ExitHooks.register("database") { _ in
    print("hook: the database is closed")
}
ExitHooks.register("cache") { _ in
    print("hook: the cache is written to the database")
}

print("main: working")

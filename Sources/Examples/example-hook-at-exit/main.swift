// A hook: work that is done when the program ends in order.
//
//     swift run example-hook-at-exit
//
// Prints:
//     main: working
//     hook: the program ends (normal)

import ExitHooks

ExitHooks.register("goodbye") { reason in
    print("hook: the program ends (\(reason))")
}

print("main: working")

// Here main returns, and the hook runs. It would run after `exit()` too, from any thread.
// It would not run after `kill -9`, a crash or Ctrl+C: see example-no-handler.

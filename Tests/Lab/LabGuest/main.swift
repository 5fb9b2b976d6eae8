// What an emulated machine of `lab power` runs: a child of the drill and nothing else, so that it can be linked into one
// static file. .ci/power-machine builds it.

import Drill

if try await !ChildPart.playIfAsked() { print("lab-guest: only the lab starts this") }

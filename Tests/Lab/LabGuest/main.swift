// What an emulated machine of `lab power` runs: a child of the lab and nothing else, so that it can be linked into one
// static file. .ci/power-machine builds it.

import CrashLab

if try await !runAsChildIfAsked() { print("lab-guest: only the lab starts this") }

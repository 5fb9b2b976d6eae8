#if CommandLine
import ArgumentParser
import CrashLab

if try await !runAsChildIfAsked() { Drill.main() }
#endif

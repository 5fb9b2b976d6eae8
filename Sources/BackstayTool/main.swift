import StoreBenchmarks
var b = StoreBenchmark(folder: CommandLine.arguments[1])
if CommandLine.arguments.count > 2 { b.scale = Double(CommandLine.arguments[2])! }
b.rounds = 3
b.only = CommandLine.arguments.count > 3 ? CommandLine.arguments[3] : ""
for r in try await b.run() { print(r.name, "ours ns", Int(r.ours.median), "theirs", Int(r.theirs?.median ?? 0), "speedup", r.speedup?.median ?? 0, r.speedup?.low ?? 0, r.speedup?.high ?? 0, r.goal, r.isMet ?? false) }

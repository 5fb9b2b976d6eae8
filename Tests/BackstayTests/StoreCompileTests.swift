// What must not compile: a blocking call in a task. And what must, beside it.

import TestSupport
import Testing
import WriteAheadJournal

@Suite struct StoreCompileTests {
    /// Type-checks the code against the modules this test was built with; the compiler's errors, or nil without a compiler.
    private func errors(_ code: String) throws -> [String]? {
        guard shell("swiftc --version").status == 0 else {
            print("not tested: there is no swiftc in the path")
            return nil
        }
        let folder = try TemporaryFolder(onDisk: true)
        // The test runner lies beside its modules; a test bundle lies in a folder of its own on Darwin.
        let build = shell("d=\"$(readlink -f /proc/\(Machine.processID())/exe)\"; dirname \"$d\"").output
        let products = Files.exists(build + "/Modules") ? build : Self.productsFromArguments()
        guard let products, Files.exists(products + "/Modules/Backstay.swiftmodule") else {
            print("not tested: the modules are not where the build keeps them (\(build))")
            return nil
        }
        let source = folder.path + "/main.swift"
        let file = """
            import Backstay
            struct OwnError: Error {}
            \(code)
            """
        try write(Array(file.utf8), to: source)
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let maps = ["CExitHooks", "CMachine"]
            .map { "-Xcc -fmodule-map-file='\(products)/\($0).build/module.modulemap'" }.joined(separator: " ")
        let result = shell(
            "swiftc -typecheck -parse-as-library -swift-version 6 -I '\(products)/Modules' -I '/\(root)/Sources/C/CSQLite' \(maps) '\(source)'"
        )
        return result.output.split(separator: "\n").filter { $0.contains(": error: ") && $0.contains("main.swift:") }
            .map(String.init)
    }

    /// `swift test` runs the tests inside a helper of the tool chain and names the bundle in its arguments.
    private static func productsFromArguments() -> String? {
        for argument in CommandLine.arguments where argument.contains(".xctest") {
            let folder = argument.split(separator: "/", omittingEmptySubsequences: false)
            guard let end = folder.firstIndex(where: { $0.hasSuffix(".xctest") }) else { continue }
            return folder[..<end].joined(separator: "/")
        }
        return nil
    }

    @Test func blockingCallsDoNotCompileInTasks() throws {
        let calls = [
            "try store.set(\"a\", 1)", "try store.set(key, 1)", "try store.remove(\"a\")", "try store.remove(key)",
            "_ = try store.update(\"a\", default: 0) { $0 += 1 }", "_ = try store.update(key, default: 0) { $0 += 1 }",
            "_ = try store.transaction { tx in try tx.set(\"a\", 1) }", "try store.sync()", "try store.checkpoint()",
            "try store.compact()", "try store.backup(to: \"b\")", "_ = try store.runs()", "try store.close()",
            "_ = try StateStore.open(\"a\")", "_ = try StateStore.openReadOnly(\"a\")",
            "_ = try StateStore.runs(at: \"a\")",
            "try withStateStore(\"a\") { try $0.set(\"a\", 1) }",
        ]
        var code = ""
        for (index, call) in calls.enumerated() {
            code += "func direct\(index)(_ store: StateStore, _ key: StateKey<Int>) async throws { \(call) }\n"
            code += "func task\(index)(_ store: StateStore, _ key: StateKey<Int>) { Task { \(call) } }\n"
            code += "func deferred\(index)(_ store: StateStore, _ key: StateKey<Int>) async throws {"
            code += " await Task.yield(); do { defer { do { \(call) } catch {} }; await Task.yield() } }\n"
        }
        code += """
            func group(_ store: StateStore) async throws {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try store.set("a", 1) }
                    try await group.waitForAll()
                }
            }
            """
        guard let errors = try errors(code) else { return }
        let lines = code.split(separator: "\n")
        for (number, line) in lines.enumerated() where line.hasPrefix("func") || line.contains("addTask") {
            let position = line.hasPrefix("func group") ? nil : ":\(number + 3):"
            guard let position else { continue }
            #expect(errors.contains { $0.contains(position) }, "compiles: \(line)")
        }
    }

    @Test func theSameCallsCompileWhereTheyBelong() throws {
        let calls = [
            "store.set(\"a\", 1)", "store.set(\"a\", nil as Int?, durability: .process)", "store.remove(\"a\")",
            "store.update(\"a\", default: 0) { $0 += 1 }", "store.transaction { tx in try tx.set(\"a\", 1) }",
            "store.transaction { tx in throw OwnError() }", "store.sync()", "store.checkpoint()", "store.compact()",
            "store.backup(to: \"b\")", "store.runs()", "StateStore.runs(at: \"a\")", "store.close()",
        ]
        var code = ""
        for (index, call) in calls.enumerated() {
            code += "func blocking\(index)(_ store: StateStore) throws { try \(call) }\n"
            code += "func suspending\(index)(_ store: StateStore) async throws { try await \(call) }\n"
            code += "func task\(index)(_ store: StateStore) { Task { try await \(call) } }\n"
            code += "@MainActor func main\(index)(_ store: StateStore) async throws { try await \(call) }\n"
        }
        code += """
            func a() throws { try withStateStore("x") { try $0.set("a", 1) } }
            func b() async throws { try await withStateStore("x") { try await $0.set("a", 1) } }
            func c() async throws -> Int? { try await withStateStore("x") { try $0.get("a", as: Int.self) } }
            func d() async throws { try await withStateStore("x") { store in print(store.statistics); throw OwnError() } }
            func e() { Task { try await withStateStore("x") { try $0.get("a", as: Int.self) } } }
            func f(_ store: StateStore) async throws -> [String] { try store.entries().map(\\.key) }
            func g() async throws { let store = try await StateStore.open("x"); _ = try await StateStore.openReadOnly("y"); _ = store }
            func h(_ store: StateStore) throws { do { try store.set("a", 1) } catch let e where e.code == .busy {} }
            """
        guard let errors = try errors(code) else { return }
        #expect(errors.isEmpty)
    }
}

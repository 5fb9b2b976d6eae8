// What must not compile does not, next to the same thing written rightly, which does.

import Testing

/// Every call that may wait for the disk, as an expression.
private let blockingCalls = [
    "StateStore.open(\"a\")",
    "StateStore.openReadOnly(\"a\")",
    "store.set(\"a\", 1)",
    "store.set(\"a\", 1, durability: .process)",
    "store.set(count, 1)",
    "store.remove(\"a\")",
    "store.remove(count)",
    "store.update(\"a\", default: 0) { $0 += 1 }",
    "store.update(count, default: 0) { $0 += 1 }",
    "store.transaction { tx in try tx.set(\"a\", 1) }",
    "store.sync()",
    "store.checkpoint()",
    "store.compact()",
    "store.backup(to: \"b\")",
    "store.runs()",
    "StateStore.runs(at: \"a\")",
    "store.close()",
    "withStateStore(\"a\") { other in try other.get(\"a\", default: 0) }",
]

private let head = """
    import Backstay
    import ExitHooks
    let count = StateKey<Int>("count")

    """

private func forEachBlockingCall(_ body: (String) -> String) -> String {
    head + blockingCalls.enumerated().map { "struct Case\($0) {\n\(body($1))\n}\n" }.joined()
}

@Suite struct MisuseTests {
    @Test func theCheckSeesAnErrorAndItsAbsence() throws {
        #expect(try Compiler.errors(in: head).isEmpty)
        let errors = try Compiler.errors(in: "import Backstay\nlet n: Int = \"text\"")
        #expect(errors.map(\.line) == [2])
    }

    @Test func blockingCallsAreRefusedInATask() throws {
        try Compiler.check(
            forEachBlockingCall { call in
                """
                func f(_ store: StateStore) { Task { _ = try \(call) } }  // refused: is unavailable from asynchronous
                func g(_ store: StateStore) { Task { _ = try await \(call) } }
                """
            })
    }

    @Test func blockingCallsAreRefusedInATaskGroup() throws {
        try Compiler.check(
            forEachBlockingCall { call in
                """
                func f(_ store: StateStore) async throws {
                    await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { _ = try \(call) }  // refused: is unavailable from asynchronous
                        group.addTask { _ = try await \(call) }
                    }
                }
                """
            })
    }

    @Test func blockingCallsAreRefusedInAsyncFunctions() throws {
        try Compiler.check(
            forEachBlockingCall { call in
                """
                func f(_ store: StateStore) async throws { _ = try \(call) }  // refused: is not marked with 'await'
                func g(_ store: StateStore) async throws { _ = try await \(call) }
                """
            })
    }

    @Test func blockingCallsAreForSynchronousCode() throws {
        try Compiler.check(forEachBlockingCall { "func f(_ store: StateStore) throws { _ = try \($0) }" })
    }

    @Test func closeInADeferOfAsyncCodeIsRefused() throws {
        try Compiler.check(
            """
            import Backstay
            func f(_ store: StateStore) async {
                defer { try? store.close() }  // refused: is unavailable from asynchronous
                await Task.yield()
            }
            func g(_ store: StateStore) throws {
                defer { try? store.close() }
                try store.set("a", 1)
            }
            func h() async throws {
                try await withStateStore("a") { store in _ = try await store.set("a", 1) }
            }
            """)
    }

    /// With or without `await` in its body, as one expression or several, result used or not.
    @Test func withStateStoreTakesEveryBody() throws {
        try Compiler.check(
            """
            import Backstay
            func f() async throws -> Int {
                try await withStateStore("a") { store in try await store.set("a", 1) }
                try await withStateStore("a") { store in
                    let n = try store.get("a", default: 0)
                    print(n)
                }
                return try await withStateStore("a") { store in try store.get("a", default: 0) }
            }
            func g() throws -> Int {
                try withStateStore("a") { store in try store.set("a", 1) }
                try withStateStore("a") { store in
                    let n = try store.get("a", default: 0)
                    print(n)
                }
                return try withStateStore("a") { store in try store.get("a", default: 0) }
            }
            func h() async throws {
                try await withStateStore("a") { store in
                    try store.set("a", 1)  // refused: is unavailable from asynchronous
                }
                try await withStateStore("a") { store in
                    defer { try? store.close() }  // refused: is unavailable from asynchronous
                    try await store.set("a", 1)
                }
            }
            """)
    }

    @Test func bodiesOfTransactionsAreSynchronous() throws {
        try Compiler.check(
            """
            import Backstay
            func work() async {}
            func f(_ store: StateStore) async throws {
                try await store.transaction { tx in await work(); try tx.set("a", 1) }  // refused: expecting synchronous
                await work()
                try await store.transaction { tx in try tx.set("a", 1) }
            }
            """)
    }

    @Test func transactionsStayInTheirTask() throws {
        try Compiler.check(
            """
            import Backstay
            func f(_ store: StateStore) async throws {
                try await store.transaction { tx in
                    Task { try tx.set("a", 1) }  // refused: risks causing data races
                    try tx.set("b", 2)
                }
            }
            func g(_ store: StateStore) async throws {
                Task { try await store.set("a", 1) }
                try await store.transaction { tx in try tx.set("b", 2) }
            }
            """)
    }

    @Test func hooksTakeOnlySendableThings() throws {
        try Compiler.check(
            """
            import ExitHooks
            final class Box { var n = 0 }
            final class Safe: Sendable { let n = 0 }
            func f() {
                let box = Box()
                ExitHooks.register("a") { _ in box.n += 1 }  // refused: in a '@Sendable' closure
                ExitHooks.register("b", { (box: Box) in box.n += 1 }, box)  // refused: 'Sendable' protocol
            }
            func g() {
                let safe = Safe()
                ExitHooks.register("a") { _ in print(safe.n) }
                ExitHooks.register("b", { (safe: Safe) in print(safe.n) }, safe)
            }
            """)
    }

    @Test func valuesAreCodable() throws {
        try Compiler.check(
            """
            import Backstay
            struct Plain {}
            struct User: Codable { var name: String }
            func f(_ store: StateStore) throws {
                try store.set("a", Plain())  // refused: requires that 'Plain' conform to
                try store.set("a", User(name: "Ada"))
                try store.set("a", User?.none)
            }
            """)
    }

    @Test func errorsAreTypedWhereThereIsNoBody() throws {
        try Compiler.check(
            """
            import Backstay
            func f(_ store: StateStore) throws(StoreError) {
                try store.set("a", 1)
                try store.sync()
                try store.transaction { tx in try tx.set("a", 1) }  // refused: cannot be converted to error type 'StoreError'
            }
            func g(_ store: StateStore) async throws(StoreError) {
                let n: Int? = try store.get("a")
                try await store.set("a", n)
                try await store.close()
            }
            """)
    }

    /// Swift 6.3 crashes on a typed `catch … where` without a last `catch` in a function that `throws` anything and has a
    /// loop (swiftlang/swift#86924). These are the forms to show to users.
    @Test func errorsCanBeCaughtByTheirCode() throws {
        try Compiler.check(
            """
            import Backstay
            func f(_ store: StateStore) throws {
                for entry in try store.entries() { print(entry.key) }
                do {
                    try store.set("a", 1)
                } catch let e where e.code == .diskFull {
                    print(e.message)
                } catch {
                    throw error
                }
                do {
                    try store.set("a", 1)
                } catch {
                    switch error.code {
                    case .diskFull: print(error.message)
                    default: throw error
                    }
                }
            }
            func g(_ store: StateStore) async throws(StoreError) {
                for entry in try store.entries() { print(entry.key) }
                do {
                    try await store.set("a", 1)
                } catch let e where e.code == .diskFull {
                    print(e.message)
                }
            }
            """)
    }

    @Test func whatIsBelowTheStoreStaysHidden() throws {
        try Compiler.check(
            """
            import Backstay
            func f() { _ = StoreReader.self }  // refused: cannot find
            func g() { _ = sqlite3_libversion() }  // refused: cannot find
            func h(_ tx: StateStore.Transaction) throws { try tx.setStored([], .int, []) }  // refused: protection level
            func i() { _ = RunRow.self }  // refused: cannot find
            func j() { _ = StoreOwner.self }  // refused: cannot find
            func k() { _ = (Durability.power, LSN(1), RunEnd.self, StateStore.Run.self, StoreError.self) }
            """)
    }

    /// A limit of the compiler: in top-level code that awaits it takes the blocking form, and then refuses it.
    @Test func topLevelCodeThatAwaitsOpensItsStoreInAFunction() throws {
        try Compiler.check(
            """
            import Backstay
            import ExitHooks
            func main() async throws {
                let store = try await StateStore.open("a")
                try await store.set("a", 1)
            }
            await ExitHooks.run { try await main() }
            """, fileName: "main.swift")
        try Compiler.check(
            """
            import Backstay
            import ExitHooks
            await ExitHooks.run {
                let store = try await StateStore.open("a")
                try await store.set("a", 1)
            }
            """, fileName: "main.swift")
        try Compiler.check(
            """
            import Backstay
            let store = try StateStore.open("a")
            try store.set("a", 1)
            """, fileName: "main.swift")
    }
}

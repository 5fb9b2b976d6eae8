// Calls that are out of bounds: each is refused with its code, and rejected.

internal import Backstay

enum ModelRefusals {
    /// What is not as it must be. `mayBePoisoned`: a store says that first.
    static func complaints(_ store: StateStore, key: String, mayBePoisoned: Bool) -> [String] {
        let asked: [(StoreError.Code, () throws(StoreError) -> Void)] = [
            (.keyOutOfBounds, { () throws(StoreError) in try store.set("", 1) }),
            (.keyOutOfBounds, { () throws(StoreError) in try store.set(String(repeating: "x", count: 4_097), 1) }),
            (.keyOutOfBounds, { () throws(StoreError) in _ = try store.get("", as: Int.self) }),
            (.valueOutOfBounds, { () throws(StoreError) in try store.set(key, Double.nan) }),
            (.valueOutOfBounds, { () throws(StoreError) in try store.set(key, [1, -Double.infinity]) }),
        ]
        var complaints: [String] = []
        for (code, body) in asked {
            do throws(StoreError) {
                try body()
                complaints.append("what is \(code.rawValue) is answered")
            } catch {
                if error.code != code && !(mayBePoisoned && error.code == .poisoned) {
                    complaints.append("what is \(code.rawValue) is refused as \(error.code.rawValue)")
                }
                if error.outcome != .rejected {
                    complaints.append("what is refused has the outcome \(error.outcome)")
                }
            }
        }
        return complaints
    }
}

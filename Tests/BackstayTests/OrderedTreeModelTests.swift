// The ordered tree against a dictionary: long random histories, from a seed, with frozen views of any age beside it.
//
// A failure names shape, seed and step; the same arguments replay it.

import TestSupport
import Testing

@testable import Backstay

@Suite struct OrderedTreeModelTests {
    @Test(arguments: OrderedTreeKeyShape.allCases, [1, 2] as [UInt64])
    func historyMatchesDictionary(shape: OrderedTreeKeyShape, seed: UInt64) {
        let history = History(shape: shape, seed: seed)
        history.run(steps: shape == .longest ? 1_500 : 10_000, checks: 20)
        #expect(history.problems == [])
    }

    /// Tens of thousands of keys, so that inner nodes split and merge too.
    @Test func historyWithThreeLevelsMatchesDictionary() {
        let history = History(shape: .mixed, seed: 3, keys: 60_000)
        history.run(steps: 60_000, checks: 6)
        #expect(history.problems == [])
        #expect(history.heightReached >= 2)
    }
}

private final class History {
    typealias Model = [OrderedTreeBytes: OrderedTreeValue]

    let shape: OrderedTreeKeyShape
    let seed: UInt64
    let keys: Int
    let tree = OrderedTree()
    var random: SplitMix64
    var model: Model = [:]
    /// The model's keys in an order that depends on the seed alone, for picking one.
    var present: [OrderedTreeBytes] = []
    var position: [OrderedTreeBytes: Int] = [:]
    var views: [(view: OrderedTree.View, model: Model)] = []
    var heightReached = 0
    var step = 0
    var problems: [String] = []

    init(shape: OrderedTreeKeyShape, seed: UInt64, keys: Int = 6_000) {
        self.shape = shape
        self.seed = seed
        self.keys = keys
        random = SplitMix64(seed: seed)
    }

    func run(steps: Int, checks: Int) {
        while step < steps, problems.isEmpty {
            // Grows, shrinks to nearly nothing, grows again.
            change(growing: step % (steps / 2) < steps / 4)
            if random.below(steps / 80) == 0, views.count < 6 {
                views.append((tree.freeze(), model))
            } else if random.below(steps / 80) == 0, !views.isEmpty {
                endView(random.below(views.count))
            }
            if random.below(400) == 0 { tree.reclaim(limit: random.below(100)) }
            heightReached = max(heightReached, tree.height)
            step += 1
            if step % (steps / checks) == 0 { check() }
        }
        while !views.isEmpty { endView(random.below(views.count)) }
        while tree.reclaim(limit: 1_000) {}
        check()
        for key in present { expect(tree.remove(key), "a key was missing in the end") }
        // What is left of an empty tree is its root, an empty leaf.
        expect(tree.liveAllocations == 1 && tree.height == 0, "blocks are left")
        expect(tree.count == 0 && tree.contentBytes == 0, "content is left")
    }

    private func expect(_ condition: Bool, _ problem: @autoclosure () -> String) {
        if !condition, problems.count < 5 { problems.append("\(shape) seed \(seed) step \(step): \(problem())") }
    }

    private func change(growing: Bool) {
        guard random.below(10) < (growing ? 2 : 8) else {
            let key = shape.key(keys, &random)
            let value = OrderedTreeValue(
                kind: UInt8(random.below(256)), bytes: random.bytes([0, 3, 8, 20, 100][random.below(5)]))
            tree.set(key, value.bytes, kind: value.kind)
            if model.updateValue(value, forKey: key) == nil {
                position[key] = present.count
                present.append(key)
            }
            expect(tree.value(of: key) == value, "a set value is not there")
            return
        }
        let known = random.below(4) > 0 && !present.isEmpty
        let key = known ? present[random.below(present.count)] : shape.key(keys, &random)
        expect(tree.value(of: key) == model[key], "a value differs")
        expect(tree.remove(key) == (model.removeValue(forKey: key) != nil), "a removal answered wrong")
        expect(tree.value(of: key) == nil, "a removed key is there")
        if let index = position.removeValue(forKey: key), let last = present.popLast(), index < present.count {
            present[index] = last
            position[last] = index
        }
    }

    private func endView(_ index: Int) {
        let (view, frozen) = views.remove(at: index)
        compare(view, frozen)
        tree.release(view)
    }

    private func check() {
        for problem in tree.checkInvariants() { expect(false, problem) }
        expect(tree.count == model.count, "the count differs")
        expect(
            tree.contentBytes == model.reduce(0) { $0 + $1.key.count + $1.value.bytes.count }, "contentBytes differs")
        let view = tree.freeze()
        compare(view, model)
        tree.release(view)
        if let (view, frozen) = views.randomElement(using: &random) { compare(view, frozen) }
    }

    /// The same keys in byte order with the same values, by cursor, by lookup, and from a key in the middle.
    private func compare(_ view: OrderedTree.View, _ model: Model) {
        let sorted = model.keys.sorted(by: orderedTreeIsBelow)
        var cursor = view.cursor()
        expect(view.count == sorted.count, "a view's count differs")
        for key in sorted {
            guard let entry = cursor.next() else {
                expect(false, "a cursor ended early")
                break
            }
            expect([UInt8](entry.key) == key, "a cursor's key differs")
            let value = OrderedTreeValue(kind: entry.kind, bytes: [UInt8](entry.value))
            expect(value == model[key], "a cursor's value differs")
        }
        expect(cursor.next() == nil, "a cursor went on")
        for _ in 0..<10 {
            let key = shape.key(keys, &random)
            expect(view.value(of: key) == model[key], "a view's value differs")
            expect(view.keys(from: key, limit: 2) == firstKeys(sorted, from: key), "a cursor begins elsewhere")
        }
    }

    /// The first two of the sorted keys that are not below `key`.
    private func firstKeys(_ sorted: [OrderedTreeBytes], from key: OrderedTreeBytes) -> [OrderedTreeBytes] {
        var low = 0, high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if orderedTreeIsBelow(sorted[middle], key) { low = middle + 1 } else { high = middle }
        }
        return Array(sorted[low...].prefix(2))
    }
}

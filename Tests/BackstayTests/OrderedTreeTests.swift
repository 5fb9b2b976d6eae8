// The ordered tree, one promise a test. Long random histories: OrderedTreeModelTests.swift.

import Synchronization
import TestSupport
import Testing

@testable import Backstay

import SystemC

@Suite struct OrderedTreeTests {
    // MARK: Order and search

    @Test func keysSortAsUnsignedBytesShorterFirst() {
        let keys: [OrderedTreeBytes] = [
            [0], [0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 1], [1], [97], [97, 0], [97, 98],
            [127, 255], [128], [255], [255, 255, 255, 255, 255, 255, 255, 255],
            [255, 255, 255, 255, 255, 255, 255, 255, 0], [255, 255, 255, 255, 255, 255, 255, 255, 255],
        ]
        var random = SeededGenerator(seed: 1)
        for _ in 0..<50 {
            let tree = OrderedTree()
            for key in keys.shuffled(using: &random) { tree.set(key, key) }
            #expect(tree.freeze().keys() == keys)
            for key in keys { #expect(tree.value(of: key)?.bytes == key) }
            #expect(tree.checkInvariants() == [])
        }
    }

    @Test func appendTakesOnlyWhatIsAboveAll() {
        let tree = OrderedTree()
        func append(_ key: [UInt8]) -> Bool {
            key.withUnsafeBytes { tree.append(key: $0, kind: 1, value: $0) } != nil
        }
        for number in 0..<10_000 { #expect(append(orderedTreeDigits(number))) }
        #expect(!append(orderedTreeDigits(9_999)) && !append(orderedTreeDigits(500)) && !append([1]))
        let view = tree.freeze()
        #expect(append([255]) && append([255, 0]) && !append([255]))
        #expect(tree.count == 10_002 && tree.checkInvariants() == [] && view.count == 10_000)
        #expect(view.keys() == (0..<10_000).map { orderedTreeDigits($0) })
        #expect(tree.value(of: [255])?.bytes == [255] && tree.value(of: orderedTreeDigits(77))?.kind == 1)
        tree.release(view)
        #expect(tree.checkInvariants() == [])
    }

    @Test func neighboursOfKeysAreAbsent() {
        let tree = OrderedTree()
        let numbers = Array(stride(from: 0, to: 10_000, by: 2))
        for number in numbers { tree.set(orderedTreeDigits(number), [1]) }
        #expect(numbers.allSatisfy { tree.value(of: orderedTreeDigits($0)) != nil })
        #expect(numbers.allSatisfy { tree.value(of: orderedTreeDigits($0 + 1)) == nil })
        #expect(numbers.allSatisfy { tree.value(of: orderedTreeDigits($0) + [0]) == nil })
        #expect(numbers.allSatisfy { tree.value(of: orderedTreeDigits($0).dropLast() as OrderedTreeBytes) == nil })
        #expect(!tree.remove(orderedTreeDigits(1)) && !tree.remove([48]) && tree.count == numbers.count)
    }

    @Test func cursorBeginsAtFirstKeyNotBelow() {
        let tree = OrderedTree()
        for number in stride(from: 0, to: 5_000, by: 10) { tree.set(orderedTreeDigits(number), []) }
        let view = tree.freeze()
        let misplaced = (0..<4_990).filter { number in
            let next = (number + 9) / 10 * 10
            let expected = [next, next + 10].filter { $0 < 5_000 }.map { orderedTreeDigits($0) }
            return view.keys(from: orderedTreeDigits(number), limit: 2) != expected
        }
        #expect(misplaced == [])
        #expect(view.keys(from: orderedTreeDigits(4_991)).isEmpty)
        #expect(view.keys(from: [255]).isEmpty)
        #expect(view.keys().count == 500)
        tree.release(view)
    }

    @Test func emptyTreeHasNothing() {
        let tree = OrderedTree()
        let view = tree.freeze()
        #expect(tree.value(of: [1]) == nil && view.value(of: [1]) == nil && view.keys().isEmpty && view.count == 0)
        tree.set([1], [2])
        #expect(view.keys().isEmpty && tree.value(of: [1])?.bytes == [2])
        #expect(tree.remove([1]) && !tree.remove([1]))
        tree.release(view)
        #expect(tree.checkInvariants() == [])
    }

    @Test func headIsZeroFilledAndStaysInside() {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        for length in 0...bytes.count {
            for offset in 0...bytes.count + 1 {
                // A block of exactly that length: reading past it is what the address sanitizer would see.
                let block = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 1)
                defer { block.deallocate() }
                block.copyBytes(from: bytes.prefix(length))
                let padded = bytes.prefix(length).dropFirst(offset).prefix(8) + [UInt8](repeating: 0, count: 8)
                let expected = padded.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                #expect(orderedTreeHead(UnsafeRawBufferPointer(block), at: offset) == expected)
            }
        }
    }

    // MARK: Values

    @Test func valuesOfAllSizesAndKindsComeBack() {
        let tree = OrderedTree()
        var random = SeededGenerator(seed: 4)
        var bytes = 0
        for (number, size) in [0, 1, 7, 8, 9, 24, 100, 4_096, 1 << 20, 5 << 20].enumerated() {
            let value = random.bytes(min(size, 1_000)) + [UInt8](repeating: 9, count: max(0, size - 1_000))
            tree.set([UInt8(number)], value, kind: UInt8(255 - number))
            #expect(tree.value(of: [UInt8(number)]) == OrderedTreeValue(kind: UInt8(255 - number), bytes: value))
            bytes += 1 + size
        }
        #expect(tree.contentBytes == bytes)
        #expect(tree.checkInvariants() == [])
    }

    @Test func overwriteOfSameSizeStaysInPlace() {
        let tree = OrderedTree()
        for number in 0..<1_000 { tree.set(orderedTreeDigits(number), [UInt8](repeating: 1, count: 100)) }
        let address = tree.address(of: orderedTreeDigits(500))
        let allocations = tree.liveAllocations
        tree.set(orderedTreeDigits(500), [UInt8](repeating: 2, count: 100), kind: 7)
        #expect(tree.address(of: orderedTreeDigits(500)) == address && tree.liveAllocations == allocations)
        #expect(
            tree.value(of: orderedTreeDigits(500))
                == OrderedTreeValue(kind: 7, bytes: [UInt8](repeating: 2, count: 100)))

        // A view's entry must be left alone; without the view, writing in place is right again.
        let view = tree.freeze()
        tree.set(orderedTreeDigits(500), [UInt8](repeating: 3, count: 100))
        let copy = tree.address(of: orderedTreeDigits(500))
        #expect(copy != address)
        #expect(view.value(of: orderedTreeDigits(500))?.bytes.first == 2)
        tree.set(orderedTreeDigits(500), [UInt8](repeating: 4, count: 100))
        #expect(tree.address(of: orderedTreeDigits(500)) == copy)
        tree.release(view)
        let copied = tree.copiedBytes
        tree.set(orderedTreeDigits(7), [UInt8](repeating: 5, count: 100))
        #expect(tree.copiedBytes == copied)
        #expect(tree.checkInvariants() == [])
    }

    @Test func keyAndValueMayLieInTheTree() {
        let tree = OrderedTree()
        for number in 0..<200 { tree.set(orderedTreeDigits(number), orderedTreeDigits(number) + [1]) }
        let key = orderedTreeDigits(100)
        key.withUnsafeBytes { key in
            _ = tree.withValue(of: key) { _, value in
                // A longer key makes a new entry and frees the one that key and value lie in.
                tree.set(key: UnsafeRawBufferPointer(rebasing: value[..<16]), kind: 5, value: value)
                tree.set(
                    key: UnsafeRawBufferPointer(rebasing: value[..<16]), kind: 6,
                    value: UnsafeRawBufferPointer(rebasing: value[8...]))
            }
        }
        #expect(tree.value(of: key) == OrderedTreeValue(kind: 6, bytes: Array((key + [1])[8...])))
        #expect(tree.checkInvariants() == [])
    }

    // MARK: Shape

    @Test func ascendingKeysFillLeaves() {
        let tree = OrderedTree()
        for number in 0..<63 * 300 { tree.set(orderedTreeDigits(number), [1]) }
        #expect(tree.leafCount == 300)
        #expect(tree.checkInvariants() == [])
    }

    /// Ascending runs in the middle of other keys, as several counters side by side make them.
    @Test func ascendingRunsFillLeaves() {
        let tree = OrderedTree()
        for number in 0..<63 * 50 {
            for run in 0..<8 { tree.set([UInt8(run)] + orderedTreeDigits(number), [1]) }
        }
        #expect(tree.leafCount <= 63 * 50 * 8 / 55)
        #expect(tree.checkInvariants() == [])
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func removalKeepsLeavesFilled(seed: UInt64) {
        let tree = OrderedTree()
        var random = SeededGenerator(seed: seed)
        let keys = (0..<40_000).map { orderedTreeDigits($0) }
        for key in keys { tree.set(key, [1]) }
        for key in keys.shuffled(using: &random).dropLast(1_000) { tree.remove(key) }
        #expect(tree.checkInvariants() == [])
        // Of two neighbours one holds 24 or more.
        #expect(tree.leafCount <= 1_000 / 12, "seed \(seed)")
    }

    @Test(arguments: [false, true])
    func removalOfAllLeavesOneLeaf(descending: Bool) {
        let tree = OrderedTree()
        let numbers = Array(0..<10_000)
        for number in numbers { tree.set(orderedTreeDigits(number), orderedTreeDigits(number)) }
        let order = descending ? numbers.reversed() : numbers
        #expect(order.allSatisfy { tree.remove(orderedTreeDigits($0)) })
        #expect(tree.liveAllocations == 1 && tree.height == 0)
        tree.set([1], [2])
        #expect(tree.checkInvariants() == [])
    }

    // MARK: Views

    @Test func viewsKeepTheirContent() {
        let tree = OrderedTree()
        var views: [(view: OrderedTree.View, size: Int)] = []
        for size in stride(from: 0, to: 5_000, by: 500) {
            views.append((tree.freeze(), size))
            for number in size..<size + 500 { tree.set(orderedTreeDigits(number), orderedTreeDigits(size)) }
        }
        for number in 0..<5_000 { tree.set(orderedTreeDigits(number), [0]) }
        for number in stride(from: 0, to: 5_000, by: 2) { tree.remove(orderedTreeDigits(number)) }
        for (view, size) in views {
            #expect(view.keys() == (0..<size).map { orderedTreeDigits($0) })
            let changed = (0..<size).filter {
                view.value(of: orderedTreeDigits($0))?.bytes != orderedTreeDigits($0 / 500 * 500)
            }
            #expect(changed == [])
        }
        #expect(tree.checkInvariants() == [])
        for index in [3, 9, 0, 5, 4, 8, 1, 2, 7, 6] {
            tree.release(views[index].view)
            #expect(tree.checkInvariants() == [])
        }
        while tree.reclaim(limit: 1_000) {}
        #expect(tree.liveAllocations == tree.reachableBlocks)
    }

    @Test func releaseFreesInPieces() {
        let tree = OrderedTree()
        for number in 0..<20_000 { tree.set(orderedTreeDigits(number), [1, 2, 3]) }
        let before = tree.liveAllocations
        let view = tree.freeze()
        for number in 0..<20_000 { tree.set(orderedTreeDigits(number), [4, 5, 6]) }
        let held = tree.liveAllocations
        #expect(held > before + 20_000)
        tree.release(view)
        // The release and each change free a bounded number of blocks, so that neither stops the store.
        #expect(held - tree.liveAllocations <= OrderedTree.reclaimPerRelease + 10)
        let left = tree.liveAllocations
        tree.set(orderedTreeDigits(5), [7, 8, 9])
        #expect(left - tree.liveAllocations <= OrderedTree.reclaimPerChange + 1 && tree.liveAllocations < left)
        #expect(tree.checkInvariants() == [])
        for number in 0..<2_000 { tree.set(orderedTreeDigits(number), [4, 5, 6]) }
        #expect(!tree.hasGarbage && tree.liveAllocations == before)
    }

    @Test func viewOutlivesLastReferenceToTree() {
        var tree: OrderedTree? = OrderedTree()
        for number in 0..<1_000 { tree?.set(orderedTreeDigits(number), [1]) }
        let view = tree?.freeze()
        for number in 0..<1_000 { tree?.set(orderedTreeDigits(number), [2]) }
        weak let gone = tree
        tree = nil
        #expect(view?.value(of: orderedTreeDigits(999))?.bytes == [1])
        #expect(gone != nil)
    }

    /// Every block ends with the tree, whatever views were left: the tree's own end asserts it.
    @Test func treeEndsWithViewsLeft() {
        for kept in 0..<4 {
            let tree = OrderedTree()
            var views: [OrderedTree.View] = []
            for round in 0..<3 {
                for number in 0..<3_000 { tree.set(orderedTreeDigits(number), [UInt8(round)]) }
                views.append(tree.freeze())
            }
            for view in views.dropFirst(kept) { tree.release(view) }
            #expect(tree.checkInvariants() == [])
        }
    }

    @Test func setBesideViewCopiesLittle() {
        let tree = OrderedTree()
        let count = 1_000_000
        let value = [UInt8](repeating: 1, count: 16)
        for number in 0..<count { tree.set(orderedTreeDigits(number), value) }
        let view = tree.freeze()
        var random = SeededGenerator(seed: 5)
        var most = 0
        let start = tree.copiedBytes
        for _ in 0..<2_000 {
            let before = tree.copiedBytes
            tree.set(orderedTreeDigits(random.below(count)), value)
            most = max(most, tree.copiedBytes - before)
        }
        #expect(most <= 64 << 10)
        // Three inner nodes and a leaf at most, and the entry's key.
        #expect(most <= 6_500 && tree.copiedBytes > start)
        #expect(view.count == count)
        tree.release(view)
    }

    // MARK: Threads

    @Test func viewIsReadWhileTreeChanges() {
        let tree = OrderedTree()
        let size = 1_500
        for number in 0..<size { tree.set(orderedTreeDigits(number), orderedTreeDigits(0)) }
        for round in 1...4 {
            let view = tree.freeze()
            let reader = Reader(view, size: size, value: orderedTreeDigits(round - 1))
            let thread = reader.start()
            // Changes go on until the reader has been through the view several times beside them, and over all keys.
            var number = 0
            while number < size || reader.passes.load(ordering: .relaxed) < 3 {
                tree.set(orderedTreeDigits(number % size), orderedTreeDigits(round))
                if number % 3 == 0 {
                    tree.set(orderedTreeDigits(number % size) + [1], [1])
                    tree.remove(orderedTreeDigits(number % size) + [1])
                }
                number += 1
            }
            reader.isDone.store(true, ordering: .relaxed)
            if let thread { pthread_join(thread, nil) }
            let isSound = reader.isSound.load(ordering: .relaxed)
            #expect(isSound, "round \(round)")
            tree.release(view)
        }
        #expect(tree.checkInvariants() == [])
    }
}

/// Reads a view over and over on a thread of its own, which no other test can hold up.
private final class Reader: Sendable {
    let view: OrderedTree.View
    let size: Int
    let value: OrderedTreeBytes
    let passes = Atomic<Int>(0)
    let isDone = Atomic<Bool>(false)
    /// Whether the view held the same content each time.
    let isSound = Atomic<Bool>(true)

    init(_ view: OrderedTree.View, size: Int, value: OrderedTreeBytes) {
        self.view = view
        self.size = size
        self.value = value
    }

    func start() -> pthread_t? {
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let context = Unmanaged.passRetained(self).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { context in
                // Linux declares the argument optional, Darwin does not.
                if let context = context as UnsafeMutableRawPointer? {
                    Unmanaged<Reader>.fromOpaque(context).takeRetainedValue().run()
                }
                return nil
            }, context)
        precondition(result == 0)
        return thread
    }

    private func run() {
        while !isDone.load(ordering: .relaxed) {
            var cursor = view.cursor()
            var number = 0
            var sound = true
            while let entry = cursor.next() {
                sound = sound && entry.key.elementsEqual(orderedTreeDigits(number)) && entry.value.elementsEqual(value)
                number += 1
            }
            sound = sound && number == size && view.value(of: orderedTreeDigits(size / 2))?.bytes == value
            if !sound { isSound.store(false, ordering: .relaxed) }
            passes.add(1, ordering: .relaxed)
        }
    }
}

extension OrderedTree {
    fileprivate func address(of key: OrderedTreeBytes) -> UnsafeRawPointer? {
        key.withUnsafeBytes { withValue(of: $0) { $1.baseAddress } } ?? nil
    }

    fileprivate var leafCount: Int { Self.leaves(root) }

    /// Blocks of the live tree.
    fileprivate var reachableBlocks: Int { Self.blocks(root) }

    private static func leaves(_ node: OrderedTreeNode) -> Int {
        node.level == 0 ? 1 : (0...node.count).reduce(0) { $0 + leaves(node.child($1)) }
    }

    private static func blocks(_ node: OrderedTreeNode) -> Int {
        1 + node.count + (node.level == 0 ? 0 : (0...node.count).reduce(0) { $0 + blocks(node.child($1)) })
    }
}

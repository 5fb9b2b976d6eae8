// The memory of the store: an ordered map from byte strings to values, copy-on-write between frozen views.
//
// A B+-tree of small nodes (layout, search: OrderedTreeNode.swift). What makes its data valid:
//   1. Every node and entry has a birth generation. `freeze` gives a view the current generation and begins the next.
//   2. A block born at or before the newest living view's generation (`sharedThrough`) may be seen by a view: it is
//      never written again. A change copies the path to it instead. A younger block belongs to the live tree alone and
//      is changed in place, whatever generation it was born in.
//   3. Everything below a block that a view sees is seen by that view: the parent of a changed block is changed too.
//   4. A block taken out of the live tree is freed at once if no living view sees it. Else it hangs on the dead list of
//      the newest view that does (OrderedTree+View.swift). So a view's blocks outlive the view, and no block is
//      counted.
//
// Threads: the tree is not thread-safe. Its owner calls everything under one lock, except reading a view. The blocks of
// a view are constant from `freeze` to `release`, so any thread may read them while the tree goes on changing. `freeze`
// and `release` are called under that lock. It orders those reads after the writes before, and before the frees after.
//
// Unsafe pointers: a lookup follows five to eight pointers and must not count a reference at any of them. A block lives
// as long as the last view that sees it, which references do not express. So blocks are malloc'd and freed here.
// `makeEntry` and `makeNode` make them, `discard` lets them go, and nothing else does. Each is reachable from the live
// tree or on exactly one dead list. `checkInvariants` proves that in tests, with `liveAllocations`.
//
// Fill: ascending keys leave full leaves behind, wherever in the tree they come. Other splits halve. A removal may
// leave a node under half. The node then merges with a neighbour of the same parent if both fill at most three
// quarters. An empty leaf is dropped. So of two neighbours that removals have touched, one holds at least 24 items.

import SystemC

final class OrderedTree {
    static let keyLengthMax = 4_096
    static let valueLengthMax = 512 << 20

    /// Keys in the tree.
    var count = 0
    /// Bytes of keys and values in the tree.
    var contentBytes = 0
    /// Bytes allocated, with the overhead that common 64-bit allocators have. What views and dead lists hold is counted
    /// too.
    var memoryBytes = 0
    /// Bytes of nodes and entries that were copied because a view held them.
    var copiedBytes = 0
    /// Blocks that were allocated and not yet freed.
    var liveAllocations = 0

    var root: OrderedTreeNode
    /// Inner levels above the leaves.
    var height = 0
    /// Birth of what is made now. Above every view's generation.
    var generation: UInt64 = 1
    /// Generation of the newest living view, 0 without one: what was born later belongs to the live tree alone.
    var sharedThrough: UInt64 = 0
    /// Ascending by generation; released ones stay until their dead list is empty.
    var views: [ViewRecord] = []
    /// Whether a released view still has a dead list.
    var hasGarbage = false
    /// The nodes from the root to the leaf that `locate` found, and the index taken in each.
    let path: UnsafeMutablePointer<PathStep>

    struct PathStep {
        var node: OrderedTreeNode
        var index: Int
    }

    /// More levels than memory can hold: of two neighbouring children one is well filled.
    static let heightMax = 32

    init() {
        path = .allocate(capacity: Self.heightMax + 1)
        // Never read: a node can only be made when all properties have a value.
        root = OrderedTreeNode(path)
        root = makeNode(level: 0)
    }

    deinit {
        freeAll()
        path.deallocate()
    }
}

// MARK: - Lookup

extension OrderedTree {
    /// Calls `body` with the kind and the bytes of a value, which are valid during the call.
    /// Returns nil if there is no such key. Allocates nothing.
    @inline(__always)
    func withValue<R>(
        of key: UnsafeRawBufferPointer, _ body: (UInt8, UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R? {
        guard let entry = Self.find(key, root, height) else { return nil }
        return try body(entry.kind, entry.value)
    }

    @inline(__always)
    static func find(_ key: UnsafeRawBufferPointer, _ root: OrderedTreeNode, _ height: Int) -> OrderedTreeEntry? {
        var node = root
        var level = height
        while level > 0 {
            node = node.child(node.childIndex(for: key))
            level &-= 1
        }
        let (index, found) = node.search(key, isLeaf: true)
        return found ? node.value(index) : nil
    }
}

// MARK: - Change

extension OrderedTree {
    /// Sets a value and returns its entry. The key has 1 to 4,096 bytes, the value at most 512 MiB. The caller has
    /// checked that; anything else traps. Both may lie in the live tree itself. The key's entry of before may be freed.
    @discardableResult
    func set(key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer) -> OrderedTreeEntry {
        precondition(key.count > 0 && key.count <= Self.keyLengthMax && value.count <= Self.valueLengthMax)
        if hasGarbage { reclaim(limit: Self.reclaimPerChange) }
        let found = locate(key)
        let step = path[height]
        guard found else { return add(key: key, kind: kind, value: value) }
        let old = step.node.value(step.index)
        if overwrite(old, kind: kind, value) { return old }
        contentBytes += value.count - old.valueLength
        ownPath()
        if old.birth <= sharedThrough { copiedBytes += OrderedTreeEntry.headerSize + key.count }
        let entry = makeEntry(key: key, kind: kind, value: value)
        path[height].node.setEntry(step.index, entry)
        discard(old)
        return entry
    }

    /// Puts a new value into an entry of the live tree, if no view sees it and the block has the right size. Returns
    /// whether it did. If not, `set` will do it.
    @inline(__always)
    func overwrite(_ entry: OrderedTreeEntry, kind: UInt8, _ value: UnsafeRawBufferPointer) -> Bool {
        let size = OrderedTreeEntry.headerSize + entry.keyLength + value.count
        guard entry.birth > sharedThrough, Self.blockSize(size) == Self.blockSize(entry.size),
            value.count <= Self.valueLengthMax
        else { return false }
        contentBytes += value.count - entry.valueLength
        entry.setValue(kind: kind, value)
        return true
    }

    /// Adds a key above all others without searching: sorted input is loaded by it. Returns nil, with nothing done, if
    /// the key is not above all others.
    func append(key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer) -> OrderedTreeEntry? {
        precondition(key.count > 0 && key.count <= Self.keyLengthMax && value.count <= Self.valueLengthMax)
        var node = root
        for depth in 0..<height {
            path[depth] = PathStep(node: node, index: node.count)
            node = node.child(node.count)
        }
        path[height] = PathStep(node: node, index: node.count)
        // No leaf is empty but that of an empty tree.
        if node.count > 0, orderedTreeCompare(node.value(node.count - 1).key, key) >= 0 { return nil }
        return add(key: key, kind: kind, value: value)
    }

    /// Adds a key that is not there, at the end of `path`.
    @inline(__always)
    private func add(
        key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer
    ) -> OrderedTreeEntry {
        ownPath()
        let entry = makeEntry(key: key, kind: kind, value: value)
        insert(entry, child: nil, level: 0)
        count += 1
        contentBytes += key.count + value.count
        return entry
    }

    /// Removes a key with its value. Returns whether it was there.
    @discardableResult
    func remove(key: UnsafeRawBufferPointer) -> Bool {
        if hasGarbage { reclaim(limit: Self.reclaimPerChange) }
        guard locate(key) else { return false }
        ownPath()
        let step = path[height]
        let old = step.node.value(step.index)
        count -= 1
        contentBytes -= old.keyLength + old.valueLength
        step.node.remove(at: step.index)
        discard(old)
        tidyLeaf()
        return true
    }

    /// Walks from the root to the leaf that holds `key` or would; `path` keeps the way.
    @inline(__always)
    private func locate(_ key: UnsafeRawBufferPointer) -> Bool {
        var node = root
        let path = path, height = height
        var depth = 0
        while depth < height {
            let index = node.childIndex(for: key)
            path[depth] = PathStep(node: node, index: index)
            node = node.child(index)
            depth &+= 1
        }
        let (index, found) = node.search(key, isLeaf: true)
        path[height] = PathStep(node: node, index: index)
        return found
    }

    /// Makes every node of the path one that may be changed.
    @inline(__always)
    private func ownPath() {
        if sharedThrough > 0 { copySharedPath() }
    }

    private func copySharedPath() {
        for depth in 0...height {
            let node = path[depth].node
            let own = owned(node)
            if own.base == node.base { continue }
            path[depth].node = own
            if depth == 0 {
                root = own
            } else {
                path[depth - 1].node.setChild(path[depth - 1].index, own)
            }
        }
    }

    /// The node itself if no view sees it, else a copy, which the caller puts into the parent.
    func owned(_ node: OrderedTreeNode) -> OrderedTreeNode {
        if node.birth > sharedThrough { return node }
        let size = OrderedTreeNode.size(level: node.level)
        let copy = makeNode(level: node.level)
        copy.base.copyMemory(from: node.base, byteCount: size)
        copy.birth = generation
        copiedBytes += size
        discard(node)
        return copy
    }
}

// MARK: - Blocks

extension OrderedTree {
    func makeEntry(key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer) -> OrderedTreeEntry {
        let entry = OrderedTreeEntry(allocate(OrderedTreeEntry.headerSize + key.count + value.count))
        entry.initialize(birth: generation, key: key, kind: kind, value: value)
        return entry
    }

    func makeNode(level: Int) -> OrderedTreeNode {
        let node = OrderedTreeNode(allocateNode(OrderedTreeNode.size(level: level)))
        node.initialize(birth: generation, level: level)
        return node
    }

    /// Lets go of an entry that was taken out of the live tree.
    @inline(__always)
    func discard(_ entry: OrderedTreeEntry) {
        if entry.birth > sharedThrough { free(entry) } else { hang(DeadBlock(entry), on: newestView) }
    }

    /// Lets go of a node that was taken out of the live tree, not of what it points to.
    func discard(_ node: OrderedTreeNode) {
        if node.birth > sharedThrough { free(node) } else { hang(DeadBlock(node), on: newestView) }
    }

    func free(_ entry: OrderedTreeEntry) { deallocate(entry.base, entry.size) }

    func free(_ node: OrderedTreeNode) { deallocate(node.base, OrderedTreeNode.size(level: node.level)) }

    /// What an allocation of `size` bytes can hold: allocators hand out multiples of 16, some with 8 bytes of overhead.
    @inline(__always)
    static func blockSize(_ size: Int) -> Int { max(24, (size + 23) & ~15 &- 8) }

    func allocate(_ size: Int) -> UnsafeMutableRawPointer {
        let size = Self.blockSize(size)
        // The change is in the journal already. It can no longer be rejected, and the next start replays it.
        guard let block = malloc(size) else { fatalError("backstay: out of memory, \(size) bytes asked for") }
        liveAllocations += 1
        memoryBytes += size + 8
        return block
    }

    private func allocateNode(_ size: Int) -> UnsafeMutableRawPointer {
        var block: UnsafeMutableRawPointer?
        guard posix_memalign(&block, OrderedTreeNode.alignment, size) == 0, let block else {
            fatalError("backstay: out of memory, \(size) bytes asked for")
        }
        liveAllocations += 1
        memoryBytes += Self.blockSize(size) + 8
        return block
    }

    func deallocate(_ block: UnsafeMutableRawPointer, _ size: Int) {
        liveAllocations -= 1
        memoryBytes -= Self.blockSize(size) + 8
        #if canImport(Darwin)
        Darwin.free(block)
        #elseif canImport(Musl)
        Musl.free(block)
        #else
        Glibc.free(block)
        #endif
    }

    private func freeAll() {
        freeLiveTree(root, level: height)
        for view in views.indices {
            while let block = unhang(from: view) { free(block) }
        }
        views.removeAll()
        assert(liveAllocations == 0)
    }

    private func freeLiveTree(_ node: OrderedTreeNode, level: Int) {
        for index in 0..<node.count { free(node.entry(index)) }
        if level > 0 {
            for index in 0...node.count { freeLiveTree(node.child(index), level: level - 1) }
        }
        free(node)
    }
}

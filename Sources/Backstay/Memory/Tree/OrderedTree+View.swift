// Frozen views of the ordered tree, the cursors over them, and the dead lists that keep their blocks.
//
// A dead list is valid when each block on view V's list
//   1. is not reachable from the live tree,
//   2. is seen by V, unless V was released: born at or before V's generation, taken out after it,
//   3. is seen by no living view newer than V.
// Releasing a view costs nothing but a mark. Its list is then worked off, a few blocks per change. Each block goes to
// the next older living view that sees it, or is freed. So no call stops the store for as long as a large list takes.
//
// Sendable, unchecked: a view's root and every block reachable from it are constant while it lives (rules 2 and 4 of
// OrderedTree.swift). The reference to the tree is for its lifetime and identity; reading never goes through it.

extension OrderedTree {
    /// The content of the tree at one moment. Any thread may read it, and `release` ends it. A view that is dropped
    /// without that keeps its blocks until the tree itself goes. Each view keeps the tree alive.
    final class View: @unchecked Sendable {
        /// Keys in the view.
        let count: Int
        /// Bytes of keys and values in the view.
        let contentBytes: Int
        let generation: UInt64
        let root: OrderedTreeNode
        let height: Int
        fileprivate let tree: OrderedTree

        fileprivate init(_ tree: OrderedTree) {
            self.tree = tree
            count = tree.count
            contentBytes = tree.contentBytes
            generation = tree.generation
            root = tree.root
            height = tree.height
        }

        /// Calls `body` with the kind and the bytes of a value, which are valid while the view lives.
        @inline(__always)
        func withValue<R>(
            of key: UnsafeRawBufferPointer, _ body: (UInt8, UnsafeRawBufferPointer) throws -> R
        ) rethrows -> R? {
            guard let entry = OrderedTree.find(key, root, height) else { return nil }
            return try body(entry.kind, entry.value)
        }

        /// A cursor before the first key that is not below `key`; an empty one means the beginning.
        func makeCursor(from key: UnsafeRawBufferPointer) -> Cursor { Cursor(self, key) }
    }

    /// Goes through a view in byte order. Must not be used after the view's release.
    struct Cursor {
        private let view: View
        private var leaf: OrderedTreeNode
        private var index: Int
        /// The inner nodes above the leaf, from the root, and the child taken in each.
        private var above: [PathStep] = []

        fileprivate init(_ view: View, _ key: UnsafeRawBufferPointer) {
            self.view = view
            leaf = view.root
            above.reserveCapacity(view.height)
            for _ in 0..<view.height {
                let child = leaf.childIndex(for: key)
                above.append(PathStep(node: leaf, index: child))
                leaf = leaf.child(child)
            }
            index = leaf.search(key, isLeaf: true).index
        }

        /// The next entry, nil at the end. The pointers are valid while the view lives.
        mutating func next() -> (key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer)? {
            if index >= leaf.count, !advanceLeaf() { return nil }
            let entry = leaf.value(index)
            index += 1
            return (entry.key, entry.kind, entry.value)
        }

        /// Goes to the first entry of the next leaf; no leaf is empty but that of an empty tree.
        private mutating func advanceLeaf() -> Bool {
            var depth = above.count - 1
            while depth >= 0, above[depth].index == above[depth].node.count { depth -= 1 }
            if depth < 0 { return false }
            above[depth].index += 1
            leaf = above[depth].node.child(above[depth].index)
            for below in depth + 1..<above.count {
                above[below] = PathStep(node: leaf, index: 0)
                leaf = leaf.child(0)
            }
            index = 0
            return true
        }
    }

    /// A view's content as it is now: O(1). Later changes copy what they touch of it.
    func freeze() -> View {
        let view = View(self)
        views.append(ViewRecord(generation: generation, height: height, root: root))
        sharedThrough = generation
        generation += 1
        return view
    }

    /// Ends a view; nothing of it may be used afterwards. Small views are freed at once, the rest bit by bit.
    func release(_ view: View) {
        precondition(view.tree === self, "a view of another tree")
        guard let index = views.lastIndex(where: { $0.generation == view.generation }), views[index].isLiving else {
            preconditionFailure("a view is released once")
        }
        views[index].root = nil
        hasGarbage = true
        sharedThrough = views.last(where: { $0.isLiving })?.generation ?? 0
        reclaim(limit: Self.reclaimPerRelease)
    }
}

// MARK: - Dead lists

extension OrderedTree {
    /// Blocks worked off by each change while there are any: more than a change can add, so the lists shrink.
    static let reclaimPerChange = 32
    /// Blocks worked off by a release itself.
    static let reclaimPerRelease = 1_024

    struct ViewRecord {
        let generation: UInt64
        let height: Int
        /// Nil once the view is released.
        var root: OrderedTreeNode?
        var dead = DeadList()

        var isLiving: Bool { root != nil }
    }

    /// A node or an entry. The lowest bit tells which: it is free because blocks are aligned.
    struct DeadBlock {
        let bits: UInt

        init(bits: UInt) { self.bits = bits }
        init(_ entry: OrderedTreeEntry) { bits = UInt(bitPattern: entry.base) }
        init(_ node: OrderedTreeNode) { bits = UInt(bitPattern: node.base) | 1 }

        var isNode: Bool { bits & 1 == 1 }
        /// Nil never happens: the bits came from a pointer.
        var base: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: bits & ~1) }
    }

    /// Blocks in chunks that link to the next, so that no list ever moves as a whole. A chunk is 512 words:
    /// the next chunk's address, then blocks. `used` counts those of the first chunk; the others are full.
    struct DeadList {
        static let chunkCapacity = 511
        var first: UnsafeMutablePointer<UInt>?
        var used = 0
    }

    /// Index of the newest living view. Asked only if a living view is known to exist.
    var newestView: Int {
        var index = views.count - 1
        while !views[index].isLiving { index -= 1 }
        return index
    }

    func hang(_ block: DeadBlock, on view: Int) {
        var list = views[view].dead
        if list.first == nil || list.used == DeadList.chunkCapacity {
            let chunk = allocate((DeadList.chunkCapacity + 1) * 8)
                .bindMemory(to: UInt.self, capacity: DeadList.chunkCapacity + 1)
            chunk[0] = UInt(bitPattern: list.first)
            list.first = chunk
            list.used = 0
        }
        if let chunk = list.first {
            list.used += 1
            chunk[list.used] = block.bits
        }
        views[view].dead = list
    }

    func unhang(from view: Int) -> DeadBlock? {
        var list = views[view].dead
        guard let chunk = list.first else { return nil }
        let block = DeadBlock(bits: chunk[list.used])
        list.used -= 1
        if list.used == 0 {
            list.first = UnsafeMutablePointer(bitPattern: chunk[0])
            list.used = list.first == nil ? 0 : DeadList.chunkCapacity
            deallocate(UnsafeMutableRawPointer(chunk), (DeadList.chunkCapacity + 1) * 8)
        }
        views[view].dead = list
        return block
    }

    func free(_ block: DeadBlock) {
        guard let base = block.base else { return }
        if block.isNode { free(OrderedTreeNode(base)) } else { free(OrderedTreeEntry(base)) }
    }

    /// Works off at most `limit` blocks of released views. Returns whether there is more to do.
    ///
    /// Changes do it by themselves, a few at a time. An owner may release a large view and then make no changes. It
    /// calls this from a place that may take its time.
    @discardableResult
    func reclaim(limit: Int) -> Bool {
        var left = limit
        while let released = views.lastIndex(where: { !$0.isLiving }) {
            let older = views[..<released].lastIndex(where: { $0.isLiving })
            let seen = older.map { views[$0].generation } ?? 0
            while left > 0, let block = unhang(from: released) {
                left -= 1
                // Both kinds of block begin with their birth.
                guard let birth = block.base?.load(as: UInt64.self) else { continue }
                if let older, birth <= seen { hang(block, on: older) } else { free(block) }
            }
            if views[released].dead.first != nil { return true }
            views.remove(at: released)
        }
        hasGarbage = false
        return false
    }
}

// The whole-tree check: every rule that the other OrderedTree files state, looked at block by block.
//
// Costs as much as reading the tree, its living views and its dead lists, so it is for tests and for the store's costly
// checks. Called under the owner's lock, like a change.

extension OrderedTree {
    /// What is wrong with the tree, in words; empty if nothing is.
    func checkInvariants() -> [String] {
        var check = Check()
        let live = check.walk(root, height: height, label: "live tree", maxBirth: generation)
        check.expect(live.keys == count, "count is \(count), the tree holds \(live.keys)")
        check.expect(live.bytes == contentBytes, "contentBytes is \(contentBytes), the tree holds \(live.bytes)")
        for block in live.blocks where Self.birth(block) <= sharedThrough && block & 1 == 1 {
            check.expectSharedBelow(OrderedTreeNode(block), sharedThrough)
        }
        checkViews(live.blocks, &check)
        return check.problems
    }

    /// Every entry of the live tree, in order.
    func forEachEntry(_ body: (OrderedTreeEntry) -> Void) { Self.forEachEntry(root, height, body) }

    private static func forEachEntry(_ node: OrderedTreeNode, _ level: Int, _ body: (OrderedTreeEntry) -> Void) {
        if level == 0 {
            for index in 0..<node.count { body(node.value(index)) }
        } else {
            for index in 0...node.count { forEachEntry(node.child(index), level - 1, body) }
        }
    }

    private func checkViews(_ live: Set<UInt>, _ check: inout Check) {
        var seen: [Set<UInt>] = []
        for view in views {
            let reached = view.root.map {
                check.walk($0, height: view.height, label: "view \(view.generation)", maxBirth: view.generation).blocks
            }
            seen.append(view.isLiving ? reached ?? [] : [])
        }
        check.expect(sharedThrough == views.last { $0.isLiving }?.generation ?? 0, "sharedThrough is no living view's")
        check.expect(hasGarbage == views.contains { !$0.isLiving }, "hasGarbage is wrong")

        var dead: Set<UInt> = []
        var bytes = live.reduce(0) { $0 + Self.size($1) }, chunks = 0
        for (index, view) in views.enumerated() {
            let list = view.dead.blocks
            chunks += list.chunks
            bytes += list.chunks * (Self.blockSize((DeadList.chunkCapacity + 1) * 8) + 8)
            for block in list.blocks {
                check.expect(dead.insert(block).inserted, "a block is dead twice")
                check.expect(!live.contains(block), "a dead block is in the live tree")
                check.expect(Self.birth(block) <= view.generation, "a block hangs on a view older than itself")
                check.expect(!view.isLiving || seen[index].contains(block), "a block hangs on a view that can't see it")
                for newer in index + 1..<max(views.count, index + 1) {
                    check.expect(!seen[newer].contains(block), "a block hangs on a view, but a newer one sees it")
                }
                bytes += Self.size(block)
            }
        }
        for blocks in seen {
            check.expect(blocks.isSubset(of: live.union(dead)), "a view sees a block that is neither live nor dead")
        }
        let blocks = live.count + dead.count + chunks
        check.expect(liveAllocations == blocks, "\(liveAllocations) allocations, \(blocks) blocks accounted for")
        check.expect(memoryBytes == bytes, "memoryBytes is \(memoryBytes), the blocks hold \(bytes)")
    }

    fileprivate static func birth(_ block: UInt) -> UInt64 {
        DeadBlock(bits: block).base?.load(as: UInt64.self) ?? 0
    }

    fileprivate static func size(_ block: UInt) -> Int {
        guard let base = DeadBlock(bits: block).base else { return 0 }
        let size =
            DeadBlock(bits: block).isNode
            ? OrderedTreeNode.size(level: OrderedTreeNode(base).level) : OrderedTreeEntry(base).size
        return blockSize(size) + 8
    }
}

extension OrderedTree.DeadList {
    fileprivate var blocks: (blocks: [UInt], chunks: Int) {
        var blocks: [UInt] = [], chunks = 0
        var chunk = first, used = used
        while let current = chunk {
            blocks += (1...used).map { current[$0] }
            chunks += 1
            chunk = UnsafeMutablePointer(bitPattern: current[0])
            used = Self.chunkCapacity
        }
        return (blocks, chunks)
    }
}

extension OrderedTreeNode {
    fileprivate init(_ block: UInt) {
        guard let base = OrderedTree.DeadBlock(bits: block).base else { preconditionFailure("no block") }
        self.init(base)
    }
}

/// What was found so far.
private struct Check {
    var problems: [String] = []

    /// One tree: its keys, their bytes and their values', and every block, as DeadBlock bits.
    struct Walk {
        var keys = 0
        var bytes = 0
        var blocks: Set<UInt> = []
        var previous: UnsafeRawBufferPointer?
    }

    mutating func expect(_ condition: Bool, _ problem: @autoclosure () -> String) {
        if !condition, problems.count < 20 { problems.append(problem()) }
    }

    mutating func walk(_ root: OrderedTreeNode, height: Int, label: String, maxBirth: UInt64) -> Walk {
        var walk = Walk()
        let known = problems.count
        visit(root, level: height, low: nil, high: nil, isRoot: true, maxBirth, &walk)
        for index in known..<problems.count { problems[index] = "\(label): \(problems[index])" }
        return walk
    }

    private mutating func visit(
        _ node: OrderedTreeNode, level: Int, low: UnsafeRawBufferPointer?, high: UnsafeRawBufferPointer?, isRoot: Bool,
        _ maxBirth: UInt64, _ walk: inout Walk
    ) {
        expect(walk.blocks.insert(OrderedTree.DeadBlock(node).bits).inserted, "a node is reached twice")
        expect(node.level == level, "a node of level \(node.level) at level \(level)")
        expect(node.birth <= maxBirth, "a node born in \(node.birth), after \(maxBirth)")
        expect(node.count <= OrderedTreeNode.capacity, "\(node.count) items")
        expect(node.count > 0 || level > 0 || isRoot, "an empty leaf")
        expect(node.count > 0 || level == 0 || !isRoot, "a root with one child")
        expect(node.count > 0 || node.prefixLength == 0, "a prefix without items")
        checkHeads(node)
        for index in 0..<node.count {
            let entry = node.entry(index)
            expect(walk.blocks.insert(OrderedTree.DeadBlock(entry).bits).inserted, "an entry is reached twice")
            expect(entry.birth <= maxBirth, "an entry born in \(entry.birth), after \(maxBirth)")
            if let low { expect(orderedTreeCompare(low, entry.key) <= 0, "an item below its separator") }
            if let high { expect(orderedTreeCompare(entry.key, high) < 0, "an item not below its separator") }
            if index > 0 {
                expect(orderedTreeCompare(node.entry(index - 1).key, entry.key) < 0, "items out of order")
            }
            if level == 0 {
                walk.keys += 1
                walk.bytes += entry.keyLength + entry.valueLength
            } else {
                expect(entry.valueLength == 0, "a separator with a value")
            }
        }
        if level == 0 { return }
        for index in 0...node.count {
            visit(
                node.child(index), level: level - 1, low: index > 0 ? node.entry(index - 1).key : low,
                high: index < node.count ? node.entry(index).key : high, isRoot: false, maxBirth, &walk)
        }
    }

    private mutating func checkHeads(_ node: OrderedTreeNode) {
        let length = node.prefixLength
        for index in 0..<node.count {
            let key = node.entry(index).key
            expect(key.count >= length, "a key shorter than the prefix")
            expect(orderedTreeCommonLength(key, node.entry(0).key) >= length, "a key without the prefix")
            expect(node.head(index) == orderedTreeHead(key, at: length), "a wrong head")
        }
        for index in node.count...OrderedTreeNode.capacity {
            expect(node.head(index) == UInt64.max, "a head after the last item")
        }
        for group in 0..<OrderedTreeNode.capacity / 4 {
            expect(node.hints[group] == node.head(group * 4 + 3), "a wrong hint")
        }
        for word in 0..<OrderedTreeNode.inlinePrefix / 8 where node.count > 0 && length <= node.entry(0).keyLength {
            let prefix = UnsafeRawBufferPointer(rebasing: node.entry(0).key[..<length])
            expect(node.prefixWords[word] == orderedTreeHead(prefix, at: word * 8), "a wrong prefix")
        }
    }

    /// Below a node that a view sees everything is as old as the view.
    mutating func expectSharedBelow(_ node: OrderedTreeNode, _ sharedThrough: UInt64) {
        for index in 0..<node.count {
            expect(node.entry(index).birth <= sharedThrough, "a young entry in a shared node")
        }
        if node.level == 0 { return }
        for index in 0...node.count {
            expect(node.child(index).birth <= sharedThrough, "a young node below a shared one")
        }
    }
}

// How the ordered tree grows and shrinks: splits on the way up from an insertion, merges on the way up from a removal.
//
// All of it works on `path`, whose nodes the live tree owns by then (OrderedTree.swift). So nothing here asks who else
// sees them. Only a neighbour is not on the path: it is made ours before it is changed.

extension OrderedTree {
    /// Most items of a node that a merge makes: a quarter stays free, so that the next insertions don't split it again.
    static let mergedMax = 48

    /// Puts an item at its place in the path's node of that level; in an inner node, `child` to the right of it.
    func insert(_ item: OrderedTreeEntry, child: OrderedTreeNode?, level: Int) {
        let step = path[height - level]
        if step.node.count < OrderedTreeNode.capacity {
            step.node.insert(item, child: child, at: step.index)
            return
        }
        let right = makeNode(level: level)
        let separator =
            if let child {
                splitInner(step, item, child, right)
            } else {
                splitLeaf(step, item, right)
            }
        if level == height {
            growRoot(separator, right)
        } else {
            insert(separator, child: right, level: level + 1)
        }
    }

    /// Divides a full leaf's items and one more between it and `right`. Returns the separator.
    private func splitLeaf(_ step: PathStep, _ item: OrderedTreeEntry, _ right: OrderedTreeNode) -> OrderedTreeEntry {
        let node = step.node, index = step.index
        // Keys that ascend come to the same place again and again, at the end of a leaf or before others. The cut is
        // there: the full part stays behind, and the run goes on in a leaf of its own.
        let half = OrderedTreeNode.capacity / 2 + 1
        let cut = index > half && index == node.lastInsertion + 1 ? index : half
        if cut < node.count {
            node.split(at: cut, to: right)
            tellApart(node, right)
        }
        if index < cut || index == cut && right.count > 0 {
            node.insert(item, child: nil, at: index)
        } else {
            right.insert(item, child: nil, at: index - cut)
        }
        return makeSeparator(between: node.value(node.count - 1), and: right.value(0))
    }

    /// The same for an inner node. One of its separators leaves it, to be returned.
    private func splitInner(
        _ step: PathStep, _ item: OrderedTreeEntry, _ child: OrderedTreeNode, _ right: OrderedTreeNode
    ) -> OrderedTreeEntry {
        let node = step.node, index = step.index
        if index == node.count {
            right.setChild(0, child)
            return item
        }
        let middle = OrderedTreeNode.capacity / 2
        let separator = node.separator(middle)
        right.setChild(0, node.child(middle + 1))
        node.split(at: middle + 1, to: right)
        node.truncate(to: middle)
        tellApart(node, right)
        if index > middle {
            right.insert(item, child: child, at: index - middle - 1)
        } else {
            node.insert(item, child: child, at: index)
        }
        return separator
    }

    /// After a split each part's keys may have more in common. Reading them for that is worth it only if the heads that
    /// there are do not tell them apart.
    private func tellApart(_ left: OrderedTreeNode, _ right: OrderedTreeNode) {
        if left.hasEqualHeads { left.rebuildHeads() }
        if right.hasEqualHeads { right.rebuildHeads() }
    }

    /// The shortest key above `left` and not above `right`.
    private func makeSeparator(between left: OrderedTreeEntry, and right: OrderedTreeEntry) -> OrderedTreeEntry {
        let length = orderedTreeCommonLength(left.key, right.key) + 1
        return makeEntry(
            key: UnsafeRawBufferPointer(rebasing: right.key[..<length]), kind: 0,
            value: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private func growRoot(_ separator: OrderedTreeEntry, _ right: OrderedTreeNode) {
        precondition(height < Self.heightMax)
        let top = makeNode(level: height + 1)
        top.setChild(0, root)
        top.insert(separator, child: right, at: 0)
        root = top
        height += 1
    }
}

// MARK: - Removal

extension OrderedTree {
    /// After an item was taken from the path's leaf: drops or merges what became too small.
    func tidyLeaf() {
        if height == 0 { return }
        var depth = height
        if path[depth].node.count == 0 {
            depth = dropChain()
        }
        while depth > 0, merge(depth: depth) { depth -= 1 }
        while height > 0, root.count == 0 {
            let old = root
            root = root.child(0)
            height -= 1
            discard(old)
        }
    }

    /// Drops the path's empty leaf, and the nodes above it that had no other child. Returns the depth of the node that
    /// lost a child.
    private func dropChain() -> Int {
        var depth = height - 1
        while path[depth].node.count == 0 { depth -= 1 }
        for below in depth + 1...height { discard(path[below].node) }
        removeChild(path[depth].index, from: path[depth].node)
        return depth
    }

    /// Takes out a child with the separator to its left, of the first child to its right.
    private func removeChild(_ child: Int, from node: OrderedTreeNode) {
        let index = max(child - 1, 0)
        let separator = node.separator(index)
        if child == 0 { node.setChild(0, node.child(1)) }
        node.remove(at: index)
        discard(separator)
    }

    /// Merges the path's node at `depth` with a neighbour if it is small and both fit. Returns whether the parent lost a
    /// child.
    private func merge(depth: Int) -> Bool {
        let node = path[depth].node
        if node.count > OrderedTreeNode.capacity / 2 { return false }
        let parent = path[depth - 1].node, index = path[depth - 1].index
        // In an inner node the separator between the two comes down and takes a place.
        let room = Self.mergedMax - node.count - (node.level > 0 ? 1 : 0)
        if index > 0, parent.child(index - 1).count <= room {
            merge(index - 1, of: parent)
        } else if index < parent.count, parent.child(index + 1).count <= room {
            merge(index, of: parent)
        } else {
            return false
        }
        return true
    }

    /// Merges child `index` and the next one.
    private func merge(_ index: Int, of parent: OrderedTreeNode) {
        let left = owned(parent.child(index)), right = parent.child(index + 1)
        parent.setChild(index, left)
        let separator = parent.separator(index)
        parent.remove(at: index)
        if left.level > 0 {
            left.setEntry(left.count, separator)
            left.setChild(left.count + 1, right.child(0))
            left.count += 1
        } else {
            discard(separator)
        }
        right.appendItems(from: 0, to: left)
        left.rebuildHeads()
        discard(right)
    }
}

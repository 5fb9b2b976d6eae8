// How the ordered tree grows and shrinks: splits on the way up from an insertion, merges on the way up from a removal.
//
// All of it works on `path`, whose nodes the live tree owns by then (see OrderedTree.swift), so nothing here asks who
// else sees them; only a neighbour, which is not on the path, is made ours before it is changed.

extension OrderedTree {
    /// Most items of a node that a merge makes: a quarter stays free, so that the next insertions don't split it again.
    static let mergedMax = 48

    /// Puts an item at its place in the path's node of that level; in an inner node, `child` to the right of it.
    func insert(_ item: UnsafeMutableRawPointer, child: UnsafeMutableRawPointer?, level: Int) {
        let step = path[height - level]
        if step.node.count < OrderedTreeNode.capacity {
            step.node.insert(item, child: child, at: step.index)
        } else {
            split(item, child: child, level: level)
        }
    }

    private func split(_ item: UnsafeMutableRawPointer, child: UnsafeMutableRawPointer?, level: Int) {
        let depth = height - level
        let node = path[depth].node, index = path[depth].index
        let right = makeNode(level: level)
        let separator: UnsafeMutableRawPointer
        if index == node.count {
            // Keys that ascend come to this place again and again: leave the full node as it is.
            if let child {
                right.children[0] = child
                separator = item
            } else {
                right.insert(item, child: nil, at: 0)
                separator = makeSeparator(between: node.entry(index - 1), and: right.entry(0)).base
            }
        } else if let child {
            let middle = OrderedTreeNode.capacity / 2
            separator = node.items[middle]
            distribute(node, right, from: middle + 1, leaving: middle)
            let goesRight = index > middle
            (goesRight ? right : node).insert(item, child: child, at: goesRight ? index - middle - 1 : index)
        } else {
            // A run of ascending keys that others follow: cut behind it, so that it goes on at the end of a leaf.
            let half = OrderedTreeNode.capacity / 2 + 1
            let middle = index > half && index == node.lastInsertion + 1 ? index : half
            distribute(node, right, from: middle, leaving: middle)
            let goesRight = index > middle
            (goesRight ? right : node).insert(item, child: nil, at: goesRight ? index - middle : index)
            separator = makeSeparator(between: node.entry(node.count - 1), and: right.entry(0)).base
        }
        if depth == 0 {
            growRoot(separator, right)
        } else {
            insert(separator, child: right.base, level: level + 1)
        }
    }

    /// Moves the items from `index` on, with the children to their right and one to their left, to the empty `right`.
    private func distribute(_ node: OrderedTreeNode, _ right: OrderedTreeNode, from index: Int, leaving left: Int) {
        node.appendItems(from: index, child: index, to: right)
        right.setPrefix(node.entry(0).key, node.prefixLength)
        node.truncate(to: left)
        // Half the keys may have more in common. That is worth reading them only if the heads don't tell them apart.
        if node.hasEqualHeads { node.rebuildHeads() }
        if right.hasEqualHeads { right.rebuildHeads() }
    }

    /// The shortest key above `left` and not above `right`.
    private func makeSeparator(between left: OrderedTreeEntry, and right: OrderedTreeEntry) -> OrderedTreeEntry {
        let length = orderedTreeCommonLength(left.key, right.key) + 1
        return makeEntry(
            key: UnsafeRawBufferPointer(rebasing: right.key[..<length]), kind: 0,
            value: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private func growRoot(_ separator: UnsafeMutableRawPointer, _ right: OrderedTreeNode) {
        precondition(height < Self.heightMax)
        let top = makeNode(level: height + 1)
        top.children[0] = root.base
        top.insert(separator, child: right.base, at: 0)
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
        let separator = node.entry(index)
        node.remove(at: index, child: child)
        discard(separator)
    }

    /// Merges the path's node at `depth` with a neighbour if it is small and both fit. Returns whether the parent lost a child.
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
        parent.children[index] = left.base
        let separator = parent.entry(index)
        parent.remove(at: index, child: index + 1)
        if left.level > 0 {
            left.items[left.count] = separator.base
            left.count += 1
        } else {
            discard(separator)
        }
        right.appendItems(from: 0, child: 0, to: left)
        left.rebuildHeads()
        discard(right)
    }
}

// Nodes of the ordered tree: the byte layout of their blocks, the search inside one node, and its editing.
//
// A node is valid when:
//   1. its items are in strictly ascending byte order of their keys (memcmp; of two equal beginnings the shorter first),
//   2. every item's key begins with the node's prefix, `prefixLength` bytes long,
//   3. head i is the 8 bytes of item i's key that follow the prefix, big-endian, filled up with zeros: the order of two
//      heads never contradicts the order of their keys, and equal heads are told apart by the keys,
//   4. heads at and after `count` are all ones, so that a search takes six steps whatever the count,
//   5. hint g is head 4g + 3.
//
// An item of a leaf is an entry with its value. An item of an inner node is a separator, an entry without a value:
// child i holds the keys below separator i, child i + 1 those at or above it. A separator is the shortest key that does
// its work, owned by the inner node; it need not be a key of the tree.
//
// Layout, native byte order, in memory only; the block begins at a multiple of 64 bytes, a cache line:
//      0  birth (8) · count (2) · prefix length (2) · level (1, leaf = 0) · last insertion (1) · unused (2)
//     16  the first 48 bytes of the prefix as six big-endian words, zeros after its end
//     64  15 hints
//    184  child 0 (inner nodes)
//    192  64 pairs of a head and a pointer: item i of a leaf, child i + 1 of an inner node; the last pair is never used
//   1216  63 separators (inner nodes)
// Of a prefix longer than 48 bytes the rest is read from item 0.
//
// Why so: in a large tree a lookup waits for memory, line by line. The hints choose one line of four pairs, which also
// holds the pointer to go on with. So a node costs its header, its hints and one line more. The hints are fetched
// beside the header, as their place depends on nothing. Item keys are read only if heads are equal.
//
// Unsafe pointers: the type is a view on a block that OrderedTree allocates and frees. It owns nothing and checks no
// bounds. Every offset used is a constant below the block's size, or follows from an index that the caller keeps below
// `count`. OrderedTree.swift argues why a block is kept until no view can see it.

import SystemC

/// A leaf or an inner node: one block.
struct OrderedTreeNode {
    /// Most items in a node. One less than a power of two, so that six halvings search it.
    static let capacity = 63
    /// How many bytes of the prefix the node holds itself.
    static let inlinePrefix = 48
    static let alignment = 64
    private static let hintCount = 15
    private static let pairsOffset = 192
    private static let separatorsOffset = 1_216

    let base: UnsafeMutableRawPointer

    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { self.base = base }

    @inline(__always)
    static func size(level: Int) -> Int { level == 0 ? separatorsOffset : separatorsOffset + 64 * 8 }

    @inline(__always)
    var birth: UInt64 {
        get { base.load(as: UInt64.self) }
        nonmutating set { base.storeBytes(of: newValue, as: UInt64.self) }
    }

    @inline(__always)
    var count: Int {
        get { Int(base.load(fromByteOffset: 8, as: UInt16.self)) }
        nonmutating set {
            base.storeBytes(of: UInt16(truncatingIfNeeded: newValue), toByteOffset: 8, as: UInt16.self)
        }
    }

    @inline(__always)
    var prefixLength: Int {
        get { Int(base.load(fromByteOffset: 10, as: UInt16.self)) }
        nonmutating set {
            base.storeBytes(of: UInt16(truncatingIfNeeded: newValue), toByteOffset: 10, as: UInt16.self)
        }
    }

    /// 0 for a leaf.
    @inline(__always)
    var level: Int { Int(base.load(fromByteOffset: 12, as: UInt8.self)) }

    /// Where the newest item was put, for a leaf's split to see that keys come in ascending order. A hint, no more.
    @inline(__always)
    var lastInsertion: Int {
        get { Int(base.load(fromByteOffset: 13, as: UInt8.self)) }
        nonmutating set { base.storeBytes(of: UInt8(truncatingIfNeeded: newValue), toByteOffset: 13, as: UInt8.self) }
    }

    @inline(__always)
    var prefixWords: UnsafeMutablePointer<UInt64> { (base + 16).assumingMemoryBound(to: UInt64.self) }

    @inline(__always)
    var hints: UnsafeMutablePointer<UInt64> { (base + 64).assumingMemoryBound(to: UInt64.self) }

    @inline(__always)
    func head(_ index: Int) -> UInt64 { base.load(fromByteOffset: Self.pairsOffset &+ index &* 16, as: UInt64.self) }

    @inline(__always)
    func setHead(_ index: Int, _ head: UInt64) {
        base.storeBytes(of: head, toByteOffset: Self.pairsOffset &+ index &* 16, as: UInt64.self)
    }

    /// An inner node's child. Child 0 lies where a pair before the first would have its pointer.
    @inline(__always)
    func child(_ index: Int) -> OrderedTreeNode {
        OrderedTreeNode(
            base.load(fromByteOffset: Self.pairsOffset &- 8 &+ index &* 16, as: UnsafeMutableRawPointer.self))
    }

    @inline(__always)
    func setChild(_ index: Int, _ child: OrderedTreeNode) {
        base.storeBytes(
            of: child.base, toByteOffset: Self.pairsOffset &- 8 &+ index &* 16, as: UnsafeMutableRawPointer.self)
    }

    /// A leaf's item.
    @inline(__always)
    func value(_ index: Int) -> OrderedTreeEntry {
        OrderedTreeEntry(
            base.load(fromByteOffset: Self.pairsOffset &+ 8 &+ index &* 16, as: UnsafeMutableRawPointer.self))
    }

    /// An inner node's item.
    @inline(__always)
    func separator(_ index: Int) -> OrderedTreeEntry {
        OrderedTreeEntry(
            base.load(fromByteOffset: Self.separatorsOffset &+ index &* 8, as: UnsafeMutableRawPointer.self))
    }

    @inline(__always)
    func entry(_ index: Int) -> OrderedTreeEntry { level == 0 ? value(index) : separator(index) }

    /// Puts another entry of the same key in an item's place.
    @inline(__always)
    func setEntry(_ index: Int, _ entry: OrderedTreeEntry) {
        let offset = level == 0 ? Self.pairsOffset &+ 8 &+ index &* 16 : Self.separatorsOffset &+ index &* 8
        base.storeBytes(of: entry.base, toByteOffset: offset, as: UnsafeMutableRawPointer.self)
    }

    /// Fills a new block of `size(level:)` bytes: no items, no prefix.
    func initialize(birth: UInt64, level: Int) {
        memset(base, 0, 64)
        memset(base + 64, 0xFF, Self.separatorsOffset - 64)
        self.birth = birth
        base.storeBytes(of: UInt8(truncatingIfNeeded: level), toByteOffset: 12, as: UInt8.self)
    }
}

// MARK: - Search

extension OrderedTreeNode {
    /// The first item whose key is not below `key`, and whether it is `key` itself; `count` if all are below.
    @inline(__always)
    func search(_ key: UnsafeRawBufferPointer, isLeaf: Bool) -> (index: Int, found: Bool) {
        let prefixLength = prefixLength
        if prefixLength > 0 {
            let order = compareWithPrefix(key, prefixLength)
            if order != 0 { return (order < 0 ? 0 : count, false) }
        }
        let head = orderedTreeHead(key, at: prefixLength)
        let index = lowerBound(head)
        // A head of all ones also equals the filling after `count`.
        if self.head(index) != head || index >= count { return (index, false) }
        if index + 1 < count, self.head(index + 1) == head {
            return searchAmongEqualHeads(key, head, index, isLeaf)
        }
        let order = compareAfterHead(key, isLeaf ? value(index) : separator(index), prefixLength)
        return (order > 0 ? index + 1 : index, order == 0)
    }

    /// The child that holds `key`, if the tree holds it at all.
    @inline(__always)
    func childIndex(for key: UnsafeRawBufferPointer) -> Int {
        let (index, found) = search(key, isLeaf: false)
        return found ? index + 1 : index
    }

    /// The number of heads below `head`: six steps without a branch, whatever the count.
    @inline(__always)
    private func lowerBound(_ head: UInt64) -> Int {
        let hints = hints
        var group = 0
        group &+= hints[group &+ 7] < head ? 8 : 0
        group &+= hints[group &+ 3] < head ? 4 : 0
        group &+= hints[group &+ 1] < head ? 2 : 0
        group &+= hints[group] < head ? 1 : 0
        var index = group &* 4
        index &+= self.head(index &+ 1) < head ? 2 : 0
        index &+= self.head(index) < head ? 1 : 0
        return index
    }

    /// `first` is the first of several items whose head is `head`.
    @inline(never)
    private func searchAmongEqualHeads(
        _ key: UnsafeRawBufferPointer, _ head: UInt64, _ first: Int, _ isLeaf: Bool
    ) -> (index: Int, found: Bool) {
        let count = count, prefixLength = prefixLength
        var low = first
        var high = first + 2
        while high < count, self.head(high) == head { high += 1 }
        while low < high {
            let middle = (low + high) / 2
            let order = compareAfterHead(key, isLeaf ? value(middle) : separator(middle), prefixLength)
            if order == 0 { return (middle, true) }
            if order < 0 { high = middle } else { low = middle + 1 }
        }
        return (low, false)
    }

    /// Below 0, 0, above 0: `key` sorts before every key with the prefix, begins with the prefix, sorts after them.
    @inline(__always)
    private func compareWithPrefix(_ key: UnsafeRawBufferPointer, _ prefixLength: Int) -> Int {
        let held = min(prefixLength, Self.inlinePrefix)
        let words = prefixWords
        var offset = 0
        while offset < held {
            var word = orderedTreeHead(key, at: offset)
            let rest = held &- offset
            if rest < 8 { word &= ~(UInt64.max &>> UInt64(truncatingIfNeeded: rest &* 8)) }
            let expected = words[offset &>> 3]
            if word != expected { return word < expected ? -1 : 1 }
            offset &+= 8
        }
        if prefixLength > Self.inlinePrefix { return compareWithLongPrefix(key, prefixLength) }
        // Equal so far, but if the prefix goes on with zero bytes then a shorter key looked equal.
        return key.count < prefixLength ? -1 : 0
    }

    @inline(never)
    private func compareWithLongPrefix(_ key: UnsafeRawBufferPointer, _ prefixLength: Int) -> Int {
        let from = Self.inlinePrefix, end = min(prefixLength, key.count)
        if end > from, let start = key.baseAddress {
            let order = memcmp(start + from, entry(0).keyBase + from, end - from)
            if order != 0 { return Int(order) }
        }
        return key.count < prefixLength ? -1 : 0
    }

    /// Compares two keys that agree in the prefix and in the head.
    @inline(__always)
    private func compareAfterHead(
        _ key: UnsafeRawBufferPointer, _ entry: OrderedTreeEntry, _ prefixLength: Int
    ) -> Int {
        let length = entry.keyLength
        let from = prefixLength &+ 8
        let end = min(length, key.count)
        if end > from, let start = key.baseAddress {
            let order = memcmp(start + from, entry.keyBase + from, end &- from)
            if order != 0 { return Int(order) }
        }
        return key.count &- length
    }
}

// MARK: - Prefix and heads

extension OrderedTreeNode {
    /// How many bytes of `key` agree with the prefix. The node has items.
    func matchingPrefix(_ key: UnsafeRawBufferPointer) -> Int {
        let prefixLength = prefixLength
        if prefixLength == 0 || compareWithPrefix(key, prefixLength) == 0 { return prefixLength }
        return orderedTreeCommonLength(key, UnsafeRawBufferPointer(rebasing: entry(0).key[..<prefixLength]))
    }

    /// Shortens the prefix. The new heads follow from the prefix and the old heads, so no item is touched but item 0.
    func shortenPrefix(to length: Int) {
        let old = UnsafeRawBufferPointer(rebasing: entry(0).key[..<prefixLength])
        let lead = orderedTreeHead(old, at: length)
        let shift = UInt64(truncatingIfNeeded: (old.count - length) * 8)
        for index in 0..<count { setHead(index, lead | (head(index) >> shift)) }
        updateHints(from: 0)
        setPrefix(entry(0).key, length)
    }

    /// Takes the longest common prefix and reads all heads anew. The node has items.
    func rebuildHeads() {
        let count = count
        let length = orderedTreeCommonLength(entry(0).key, entry(count - 1).key)
        setPrefix(entry(0).key, length)
        for index in 0..<count { setHead(index, orderedTreeHead(entry(index).key, at: length)) }
        for index in count...Self.capacity { setHead(index, UInt64.max) }
        updateHints(from: 0)
    }

    /// Whether two items have the same head, so that a search may have to look at keys.
    var hasEqualHeads: Bool {
        for index in stride(from: 1, to: count, by: 1) where head(index) == head(index - 1) { return true }
        return false
    }

    /// Sets the hints that heads at and after `index` have changed for.
    @inline(__always)
    private func updateHints(from index: Int) {
        let hints = hints
        var group = index / 4
        while group < Self.hintCount {
            hints[group] = head(group &* 4 &+ 3)
            group &+= 1
        }
    }

    func setPrefix(_ key: UnsafeRawBufferPointer, _ length: Int) {
        let prefix = UnsafeRawBufferPointer(rebasing: key[..<length])
        for word in 0..<Self.inlinePrefix / 8 { prefixWords[word] = orderedTreeHead(prefix, at: word * 8) }
        prefixLength = length
    }
}

// MARK: - Items

extension OrderedTreeNode {
    /// Puts an item at `index` of a node that is not full; in an inner node, `child` to the right of it.
    @inline(__always)
    func insert(_ item: OrderedTreeEntry, child: OrderedTreeNode?, at index: Int) {
        let key = item.key
        let count = count
        if count == 0 {
            setPrefix(key, key.count)
        } else {
            let matching = matchingPrefix(key)
            if matching < prefixLength { shortenPrefix(to: matching) }
        }
        let pair = base + (Self.pairsOffset + index * 16)
        memmove(pair + 16, pair, (count - index) * 16)
        pair.storeBytes(of: orderedTreeHead(key, at: prefixLength), as: UInt64.self)
        pair.storeBytes(of: child?.base ?? item.base, toByteOffset: 8, as: UnsafeMutableRawPointer.self)
        if child != nil {
            let place = base + (Self.separatorsOffset + index * 8)
            memmove(place + 8, place, (count - index) * 8)
            place.storeBytes(of: item.base, as: UnsafeMutableRawPointer.self)
        }
        updateHints(from: index)
        self.count = count + 1
        lastInsertion = index
    }

    /// Takes an item out, in an inner node also the child to the right of it.
    func remove(at index: Int) {
        let count = count
        let pair = base + (Self.pairsOffset + index * 16)
        memmove(pair, pair + 16, (count - index - 1) * 16)
        if level > 0 {
            let place = base + (Self.separatorsOffset + index * 8)
            memmove(place, place + 8, (count - index - 1) * 8)
        }
        setHead(count - 1, UInt64.max)
        updateHints(from: index)
        self.count = count - 1
        // The prefix of a node without items is the empty one: there is no item to read the rest of a long one from.
        if count == 1 { setPrefix(UnsafeRawBufferPointer(start: nil, count: 0), 0) }
    }

    /// Appends the items from `index` on to `target`, in inner nodes with the children to the right of each. The count
    /// of this node and prefix, heads and hints of the target are the caller's to set.
    func appendItems(from index: Int, to target: OrderedTreeNode) {
        let moved = count - index, at = target.count
        memcpy(target.base + (Self.pairsOffset + at * 16), base + (Self.pairsOffset + index * 16), moved * 16)
        if level > 0 {
            memcpy(
                target.base + (Self.separatorsOffset + at * 8), base + (Self.separatorsOffset + index * 8), moved * 8)
        }
        target.count = at + moved
    }

    /// Moves the items from `index` on, in inner nodes with the children to the right of each, to the empty `target`.
    /// At least one is left and one moved.
    func split(at index: Int, to target: OrderedTreeNode) {
        appendItems(from: index, to: target)
        target.setPrefix(entry(0).key, prefixLength)
        target.updateHints(from: 0)
        truncate(to: index)
    }

    /// Drops the items from `index` on; they live elsewhere by now. At least one is left.
    func truncate(to index: Int) {
        for dropped in index..<count { setHead(dropped, UInt64.max) }
        updateHints(from: index)
        count = index
    }
}

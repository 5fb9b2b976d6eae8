// Nodes and entries of the ordered tree: the byte layout of their blocks, and the search inside one node.
//
// A node is valid when:
//   1. its items are in strictly ascending byte order of their keys (memcmp, the shorter of two equal beginnings first),
//   2. every item's key begins with the node's prefix, `prefixLength` bytes long,
//   3. heads[i] is the 8 bytes of item i's key that follow the prefix, big-endian, filled up with zeros, so that the
//      order of two heads never contradicts the order of their keys; equal heads are told apart by the keys,
//   4. heads at and after `count` are all ones, so that a search takes six steps whatever the count: it needs no
//      count to start with, so the processor can fetch a cold node's header and its heads at the same time.
//
// An item of a leaf is an entry with its value. An item of an inner node is a separator, an entry without a value:
// child i holds the keys below separator i, child i + 1 those at or above it. A separator is the shortest key that does
// its work, owned by the inner node; it need not be a key of the tree.
//
// Blocks, native byte order; they live in memory only:
//   entry   0 birth (8) · 8 value length (4) · 12 key length (2) · 14 kind (1) · 15 unused · 16 key, then value
//   node    0 birth (8) · 8 count (2) · 10 prefix length (2) · 12 level (1, leaf = 0) · 13 last insertion (1) ·
//           16 the first 48 bytes of the prefix as six big-endian words, zeros after its end ·
//           64 heads, 64 words of which the last is always all ones · 576 items, 63 pointers ·
//           1080 children, 64 pointers (inner nodes only)
// Of a prefix longer than 48 bytes the rest is read from item 0.
//
// Unsafe pointers: the two types are views on blocks that OrderedTree allocates and frees; they own nothing and check
// no bounds. Every offset used is either a constant below the block's size or an index that the caller keeps below
// `count`. That OrderedTree keeps a block until no view can see it is argued in its own file.

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A key with its value, or a separator: one block.
struct OrderedTreeEntry {
    static let headerSize = 16

    let base: UnsafeMutableRawPointer

    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { self.base = base }

    /// The generation in which the entry was made.
    @inline(__always)
    var birth: UInt64 { base.load(as: UInt64.self) }

    @inline(__always)
    var valueLength: Int { Int(base.load(fromByteOffset: 8, as: UInt32.self)) }

    @inline(__always)
    var keyLength: Int { Int(base.load(fromByteOffset: 12, as: UInt16.self)) }

    @inline(__always)
    var kind: UInt8 { base.load(fromByteOffset: 14, as: UInt8.self) }

    @inline(__always)
    var keyBase: UnsafeRawPointer { UnsafeRawPointer(base) + Self.headerSize }

    @inline(__always)
    var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: keyBase, count: keyLength) }

    @inline(__always)
    var value: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: keyBase + keyLength, count: valueLength) }

    /// Bytes in use: header, key and value.
    @inline(__always)
    var size: Int { Self.headerSize + keyLength + valueLength }

    /// Fills a new block of at least `headerSize + key.count + value.count` bytes.
    @inline(__always)
    func initialize(birth: UInt64, key: UnsafeRawBufferPointer, kind: UInt8, value: UnsafeRawBufferPointer) {
        base.storeBytes(of: birth, as: UInt64.self)
        base.storeBytes(of: UInt16(truncatingIfNeeded: key.count), toByteOffset: 12, as: UInt16.self)
        if let source = key.baseAddress {
            (base + Self.headerSize).copyMemory(from: source, byteCount: key.count)
        }
        setValue(kind: kind, value)
    }

    /// Replaces the value; the block must have room for it. `value` may overlap the old value.
    @inline(__always)
    func setValue(kind: UInt8, _ value: UnsafeRawBufferPointer) {
        base.storeBytes(of: UInt32(truncatingIfNeeded: value.count), toByteOffset: 8, as: UInt32.self)
        base.storeBytes(of: UInt16(kind), toByteOffset: 14, as: UInt16.self)
        if let source = value.baseAddress {
            (base + Self.headerSize + keyLength).copyMemory(from: source, byteCount: value.count)
        }
    }
}

/// A leaf or an inner node: one block.
struct OrderedTreeNode {
    /// Most items in a node. One less than a power of two, so that six halvings search it.
    static let capacity = 63
    static let leafSize = 1_080
    static let innerSize = 1_592
    /// How many bytes of the prefix the node holds itself.
    static let inlinePrefix = 48

    let base: UnsafeMutableRawPointer

    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { self.base = base }

    @inline(__always)
    static func size(level: Int) -> Int { level == 0 ? leafSize : innerSize }

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
    var heads: UnsafeMutablePointer<UInt64> { (base + 64).assumingMemoryBound(to: UInt64.self) }

    @inline(__always)
    var items: UnsafeMutablePointer<UnsafeMutableRawPointer> {
        (base + 576).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    }

    @inline(__always)
    var children: UnsafeMutablePointer<UnsafeMutableRawPointer> {
        (base + 1_080).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    }

    @inline(__always)
    func entry(_ index: Int) -> OrderedTreeEntry { OrderedTreeEntry(items[index]) }

    @inline(__always)
    func child(_ index: Int) -> OrderedTreeNode { OrderedTreeNode(children[index]) }

    /// Fills a new block of `size(level:)` bytes: no items, no prefix.
    func initialize(birth: UInt64, level: Int) {
        let bytes = base.bindMemory(to: UInt64.self, capacity: 72)
        bytes[0] = birth
        (bytes + 1).update(repeating: 0, count: 7)
        base.storeBytes(of: UInt8(truncatingIfNeeded: level), toByteOffset: 12, as: UInt8.self)
        (bytes + 8).update(repeating: UInt64.max, count: 64)
        (base + 576).bindMemory(to: UnsafeMutableRawPointer.self, capacity: Self.capacity)
        if level > 0 {
            (base + 1_080).bindMemory(to: UnsafeMutableRawPointer.self, capacity: Self.capacity + 1)
        }
    }
}

// MARK: - Search

extension OrderedTreeNode {
    /// The first item whose key is not below `key`, and whether it is `key` itself. `index` is `count` if all are below.
    @inline(__always)
    func search(_ key: UnsafeRawBufferPointer) -> (index: Int, found: Bool) {
        let prefixLength = prefixLength
        if prefixLength > 0 {
            let order = compareWithPrefix(key, prefixLength)
            if order != 0 { return (order < 0 ? 0 : count, false) }
        }
        let head = orderedTreeHead(key, at: prefixLength)
        let heads = heads
        let index = lowerBound(head, heads)
        // A head of all ones also equals the filling after `count`.
        if heads[index] != head || index >= count { return (index, false) }
        if index + 1 < count, heads[index + 1] == head { return searchAmongEqualHeads(key, head, index) }
        let order = compareAfterHead(key, entry(index), prefixLength)
        return (order > 0 ? index + 1 : index, order == 0)
    }

    /// The child that holds `key`, if the tree holds it at all.
    @inline(__always)
    func childIndex(for key: UnsafeRawBufferPointer) -> Int {
        let (index, found) = search(key)
        return found ? index + 1 : index
    }

    /// The number of heads below `head`: six steps without a branch, whatever the count.
    @inline(__always)
    private func lowerBound(_ head: UInt64, _ heads: UnsafeMutablePointer<UInt64>) -> Int {
        var index = 0
        index &+= heads[index &+ 31] < head ? 32 : 0
        index &+= heads[index &+ 15] < head ? 16 : 0
        index &+= heads[index &+ 7] < head ? 8 : 0
        index &+= heads[index &+ 3] < head ? 4 : 0
        index &+= heads[index &+ 1] < head ? 2 : 0
        index &+= heads[index] < head ? 1 : 0
        return index
    }

    /// `first` is the first of several items whose head is `head`.
    @inline(never)
    private func searchAmongEqualHeads(
        _ key: UnsafeRawBufferPointer, _ head: UInt64, _ first: Int
    ) -> (index: Int, found: Bool) {
        let count = count, prefixLength = prefixLength
        var low = first
        var high = first + 2
        while high < count, heads[high] == head { high += 1 }
        while low < high {
            let middle = (low + high) / 2
            let order = compareAfterHead(key, entry(middle), prefixLength)
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

    /// Shortens the prefix. The new heads follow from the prefix and the old heads: no item is touched but item 0.
    func shortenPrefix(to length: Int) {
        let old = UnsafeRawBufferPointer(rebasing: entry(0).key[..<prefixLength])
        let lead = orderedTreeHead(old, at: length)
        let shift = UInt64(truncatingIfNeeded: (old.count - length) * 8)
        let heads = heads
        for index in 0..<count { heads[index] = lead | (heads[index] >> shift) }
        setPrefix(entry(0).key, length)
    }

    /// Takes the longest common prefix and reads all heads anew. The node has items.
    func rebuildHeads() {
        let count = count
        let length = orderedTreeCommonLength(entry(0).key, entry(count - 1).key)
        setPrefix(entry(0).key, length)
        let heads = heads
        for index in 0..<count { heads[index] = orderedTreeHead(entry(index).key, at: length) }
        (heads + count).update(repeating: UInt64.max, count: Self.capacity + 1 - count)
    }

    /// Whether two items have the same head, so that a search may have to look at keys.
    var hasEqualHeads: Bool {
        let heads = heads
        for index in stride(from: 1, to: count, by: 1) where heads[index] == heads[index - 1] { return true }
        return false
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
    func insert(_ item: UnsafeMutableRawPointer, child: UnsafeMutableRawPointer?, at index: Int) {
        let key = OrderedTreeEntry(item).key
        let count = count
        if count == 0 {
            setPrefix(key, key.count)
        } else {
            let matching = matchingPrefix(key)
            if matching < prefixLength { shortenPrefix(to: matching) }
        }
        let heads = heads, items = items
        if index < count {
            memmove(heads + index + 1, heads + index, (count - index) * 8)
            memmove(items + index + 1, items + index, (count - index) * 8)
        }
        heads[index] = orderedTreeHead(key, at: prefixLength)
        items[index] = item
        if let child {
            let children = children
            if index < count { memmove(children + index + 2, children + index + 1, (count - index) * 8) }
            children[index + 1] = child
        }
        self.count = count + 1
        lastInsertion = index
    }

    /// Takes an item out; in an inner node also the child at `child`.
    func remove(at index: Int, child: Int?) {
        let count = count
        let heads = heads, items = items
        memmove(heads + index, heads + index + 1, (count - index - 1) * 8)
        memmove(items + index, items + index + 1, (count - index - 1) * 8)
        heads[count - 1] = UInt64.max
        if let child {
            memmove(children + child, children + child + 1, (count - child) * 8)
        }
        self.count = count - 1
        // The prefix of a node without items is the empty one: there is no item to read the rest of a long one from.
        if count == 1 { setPrefix(UnsafeRawBufferPointer(start: nil, count: 0), 0) }
    }

    /// Appends the items from `index` on to `target`, and in inner nodes the children from `child` on. The prefix of
    /// both nodes, the heads of the target and the count of this node are the caller's to set.
    func appendItems(from index: Int, child: Int, to target: OrderedTreeNode) {
        let count = count, at = target.count
        (target.items + at).update(from: items + index, count: count - index)
        (target.heads + at).update(from: heads + index, count: count - index)
        if level > 0 { (target.children + at).update(from: children + child, count: count + 1 - child) }
        target.count = at + count - index
    }

    /// Drops the items from `index` on; they live elsewhere by now. At least one is left.
    func truncate(to index: Int) {
        (heads + index).update(repeating: UInt64.max, count: count - index)
        count = index
    }
}

// MARK: - Bytes

/// The 8 bytes at `offset` as a big-endian number, zeros where the bytes end. Never reads outside of `bytes`.
@inline(__always)
func orderedTreeHead(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
    let rest = bytes.count &- offset
    guard rest > 0, let start = bytes.baseAddress else { return 0 }
    if rest >= 8 { return UInt64(bigEndian: (start + offset).loadUnaligned(as: UInt64.self)) }
    if bytes.count >= 8 {
        let last = UInt64(bigEndian: (start + (bytes.count &- 8)).loadUnaligned(as: UInt64.self))
        return last &<< UInt64(truncatingIfNeeded: (8 &- rest) &* 8)
    }
    return orderedTreeShortHead(start + offset, rest)
}

/// 1 to 7 bytes, read in pieces that overlap.
@inline(__always)
private func orderedTreeShortHead(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
    let end = UInt64(truncatingIfNeeded: (8 &- count) &* 8)
    if count >= 4 {
        let first = UInt64(UInt32(bigEndian: start.loadUnaligned(as: UInt32.self)))
        let last = UInt64(UInt32(bigEndian: (start + (count &- 4)).loadUnaligned(as: UInt32.self)))
        return first &<< 32 | last &<< end
    }
    let first = UInt64(start.load(as: UInt8.self))
    let middle = UInt64(start.load(fromByteOffset: count &>> 1, as: UInt8.self))
    let last = UInt64(start.load(fromByteOffset: count &- 1, as: UInt8.self))
    return first &<< 56 | middle &<< UInt64(truncatingIfNeeded: (7 &- count &>> 1) &* 8) | last &<< end
}

/// How many bytes two byte strings have in common at their beginning.
func orderedTreeCommonLength(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let end = min(a.count, b.count)
    var index = 0
    while index + 8 <= end {
        let difference = orderedTreeHead(a, at: index) ^ orderedTreeHead(b, at: index)
        if difference != 0 { return index + difference.leadingZeroBitCount / 8 }
        index += 8
    }
    while index < end, a[index] == b[index] { index += 1 }
    return index
}

/// Orders two keys as the tree does: by unsigned bytes, the shorter of two equal beginnings first.
func orderedTreeCompare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let common = min(a.count, b.count)
    if common > 0, let x = a.baseAddress, let y = b.baseAddress {
        let order = memcmp(x, y, common)
        if order != 0 { return Int(order) }
    }
    return a.count - b.count
}

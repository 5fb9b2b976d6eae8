// The way of a point lookup: a hash table from keys to the entries of the ordered tree.
//
// The tree answers in order and for frozen views. It takes five to eight dependent reads of memory to find a key among
// millions. The index takes two, the slot and the entry. Only the live content is in it.
//
// The table is divided into 64 shards by hash, each with a lock of its own. What makes it valid:
//   1. Every entry of the live tree is in exactly one slot, in the shard of its key's hash; nothing else is.
//   2. An entry stands at its home, the top bits of its hash, or behind it with no empty slot between.
//   3. A slot is 20 bits of the hash and the 44 upper bits of the entry's address, whose lower four are zero; 0 is empty.
//   4. A shard's slots, and the bytes of the entries in them, are read and changed under its lock. So whoever holds the
//      lock may read an entry it finds, and nobody frees or overwrites one without it.
//
// Threads: two readers meet only if their keys share a shard. A change of several keys takes the locks of all their
// shards in ascending order before the first step. It gives them up after the last, so no reader sees half of it.
//
// Growth: a shard doubles at three quarters full and halves below an eighth, alone. Its slots hold the bits of the hash
// that say where they belong. So no entry is read, up to a million slots a shard.
//
// Unsafe pointers: a lookup must not count references. So locks and slots are raw memory, freed by `deallocate`. Every
// index into a shard's slots is masked by its capacity.

internal import CMachine
import SystemC

struct KeyIndex {
    static let shardCount = 64
    /// Every shard.
    static let allShards = UInt64.max

    private let shards: UnsafeMutableRawPointer
    private let hasher: KeyHash

    init(hasher: KeyHash = KeyHash()) {
        self.hasher = hasher
        shards = .allocate(byteCount: Self.shardCount * Shard.size, alignment: Shard.alignment)
        for index in 0..<Self.shardCount { shard(number: index).initialize() }
    }

    func deallocate() {
        for index in 0..<Self.shardCount { shard(number: index).deinitialize() }
        shards.deallocate()
    }

    @inline(__always)
    func hash(_ key: UnsafeRawBufferPointer) -> UInt64 { hasher.hash(key) }

    /// The shard of a key with this hash.
    @inline(__always)
    func shard(_ hash: UInt64) -> Shard { shard(number: Int(truncatingIfNeeded: hash & 63)) }

    @inline(__always)
    private func shard(number: Int) -> Shard { Shard(base: shards + number &* Shard.size, hasher: hasher) }

    /// Hands the value over under its shard's lock. Only for bodies that run no code of the application and are done
    /// quickly. Nil if there is no such key.
    @inline(__always)
    func withValue<R>(of key: UnsafeRawBufferPointer, _ body: (UInt8, UnsafeRawBufferPointer) -> R) -> R? {
        let hash = hash(key), shard = shard(hash)
        shard.lock()
        defer { shard.unlock() }
        guard let entry = shard.find(hash, key)?.entry else { return nil }
        return body(entry.kind, entry.value)
    }

    // MARK: Several shards

    /// The bit of a hash's shard.
    @inline(__always)
    static func bit(_ hash: UInt64) -> UInt64 { 1 &<< (hash & 63) }

    /// Takes the locks of the shards whose bits are set, in ascending order.
    func lock(_ bits: UInt64) {
        var rest = bits
        while rest != 0 {
            shard(number: rest.trailingZeroBitCount).lock()
            rest &= rest &- 1
        }
    }

    func unlock(_ bits: UInt64) {
        var rest = bits
        while rest != 0 {
            shard(number: rest.trailingZeroBitCount).unlock()
            rest &= rest &- 1
        }
    }

    // MARK: Under all locks, or before anyone else knows of the index

    /// Makes room for so many keys in advance.
    func reserve(_ keys: Int) {
        for index in 0..<Self.shardCount { shard(number: index).reserve(keys / Self.shardCount) }
    }

    /// Keys in the index.
    var count: Int { (0..<Self.shardCount).reduce(0) { $0 + shard(number: $1).count } }

    /// Bytes allocated.
    var memoryBytes: Int {
        (0..<Self.shardCount).reduce(Self.shardCount * Shard.size) { $0 + shard(number: $1).capacity * 8 }
    }

    /// What breaks rules 1 to 3 inside the index, in words; empty if nothing does.
    func checkInvariants() -> [String] { (0..<Self.shardCount).flatMap { shard(number: $0).problems($0) } }
}

// MARK: - Filling

extension KeyIndex {
    /// Puts many new entries in, each a little later than it comes: by then its slot has been fetched from memory.
    /// Nobody else may have the index, and none of the keys may be in it.
    struct Filler {
        private static let delay = 16
        private let index: KeyIndex
        private var pending: [(hash: UInt64, entry: OrderedTreeEntry)] = []

        init(_ index: KeyIndex) {
            self.index = index
            pending.reserveCapacity(Self.delay)
        }

        mutating func add(_ hash: UInt64, _ entry: OrderedTreeEntry) {
            index.shard(hash).prefetch(hash)
            pending.append((hash, entry))
            if pending.count == Self.delay { finish() }
        }

        /// Puts in what is pending.
        mutating func finish() {
            for (hash, entry) in pending { index.shard(hash).insert(hash, entry) }
            pending.removeAll(keepingCapacity: true)
        }
    }
}

// MARK: - One shard

extension KeyIndex {
    /// 0 lock · then slots (8) · count (8) · bits of the capacity (8); on Linux one cache line.
    struct Shard {
        static let alignment = 64
        static let size = (fieldsOffset + 24 + 63) & ~63
        private static let fieldsOffset = (MemoryLayout<pthread_mutex_t>.size + 7) & ~7
        private static let bitsMin = 3

        fileprivate let base: UnsafeMutableRawPointer
        fileprivate let hasher: KeyHash

        private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
            @inline(__always) get { base.assumingMemoryBound(to: pthread_mutex_t.self) }
        }

        @inline(__always)
        private var fields: UnsafeMutablePointer<Int> {
            (base + Self.fieldsOffset).assumingMemoryBound(to: Int.self)
        }

        @inline(__always)
        private var slots: UnsafeMutablePointer<UInt64> {
            // Set by `initialize`.
            UnsafeMutablePointer(bitPattern: fields[0]).unsafelyUnwrapped
        }

        var count: Int { fields[1] }

        @inline(__always)
        private var bits: Int { fields[2] }

        var capacity: Int { 1 << bits }

        fileprivate func initialize() {
            mutex.initialize(to: pthread_mutex_t())
            let result = pthread_mutex_init(mutex, nil)
            precondition(result == 0, "pthread_mutex_init failed: \(result)")
            fields[1] = 0
            use(Self.makeSlots(bits: Self.bitsMin), bits: Self.bitsMin)
        }

        fileprivate func deinitialize() {
            pthread_mutex_destroy(mutex)
            free(slots)
        }

        @inline(__always)
        func lock() { pthread_mutex_lock(mutex) }

        @inline(__always)
        func unlock() { pthread_mutex_unlock(mutex) }

        // MARK: Lookup

        /// Asks for the slot where a key with this hash would be.
        @inline(__always)
        func prefetch(_ hash: UInt64) { cprefetch(slots + Self.home(hash, bits)) }

        /// Asks for the entry that is there most likely, once the slot has come.
        @inline(__always)
        func prefetchEntry(_ hash: UInt64) {
            let slot = slots[Self.home(hash, bits)]
            guard slot != 0 else { return }
            let base = Self.entry(slot).base
            cprefetch(base)
            cprefetch(base + 64)
        }

        /// The place of a key's entry among the slots, nil if the key is not there.
        @inline(__always)
        func find(_ hash: UInt64, _ key: UnsafeRawBufferPointer) -> Place? {
            let slots = slots, bits = bits
            let mask = 1 &<< bits &- 1
            var index = Self.home(hash, bits)
            while true {
                let slot = slots[index]
                if slot == 0 { return nil }
                if (slot ^ hash) &>> 44 == 0 {
                    let entry = Self.entry(slot)
                    // The entry's first line says where the value is. What is asked for now comes together with that
                    // line.
                    cprefetch(entry.base + 64)
                    cprefetch(entry.base + 128)
                    if entry.hasKey(key) { return Place(slot: slots + index) }
                }
                index = (index &+ 1) & mask
            }
        }

        /// A slot that is taken; valid until the shard's next insertion or removal.
        struct Place {
            fileprivate let slot: UnsafeMutablePointer<UInt64>

            @inline(__always)
            var entry: OrderedTreeEntry { Shard.entry(slot.pointee) }

            /// Puts another entry of the same key there.
            @inline(__always)
            func replace(_ entry: OrderedTreeEntry) { slot.pointee = Shard.slot(slot.pointee, entry) }
        }

        // MARK: Change

        /// Puts in the entry of a key that is not there.
        func insert(_ hash: UInt64, _ entry: OrderedTreeEntry) {
            if count &+ 1 > capacity &* 3 / 4 { resize(bits: bits + 1) }
            fields[1] = count &+ 1
            Self.put(Self.slot(hash, entry), at: Self.home(hash, bits), slots, bits)
        }

        /// Takes an entry out and moves up what stood behind it, so that rule 2 holds.
        func remove(_ place: Place) {
            let slots = slots
            let mask = capacity - 1
            var hole = place.slot - slots
            var index = hole
            while true {
                index = (index + 1) & mask
                let slot = slots[index]
                if slot == 0 { break }
                if (index - home(slot)) & mask >= (index - hole) & mask {
                    slots[hole] = slot
                    hole = index
                }
            }
            slots[hole] = 0
            fields[1] = count - 1
            if bits > Self.bitsMin, count < capacity / 8 { resize(bits: bits - 1) }
        }

        fileprivate func reserve(_ keys: Int) {
            var needed = bits
            while keys > (1 << needed) / 2 { needed += 1 }
            if needed > bits { resize(bits: needed) }
        }

        private func resize(bits: Int) {
            let old = slots, oldCapacity = capacity
            let new = Self.makeSlots(bits: bits)
            use(new, bits: bits)
            for index in 0..<oldCapacity where old[index] != 0 { Self.put(old[index], at: home(old[index]), new, bits) }
            free(old)
        }

        private func use(_ slots: UnsafeMutablePointer<UInt64>, bits: Int) {
            fields[0] = Int(bitPattern: slots)
            fields[2] = bits
        }

        // MARK: Slots

        private static func makeSlots(bits: Int) -> UnsafeMutablePointer<UInt64> {
            guard let memory = calloc(1 << bits, 8) else {
                fatalError("backstay: out of memory, \(8 << bits) bytes asked for")
            }
            return memory.bindMemory(to: UInt64.self, capacity: 1 << bits)
        }

        @inline(__always)
        private static func put(
            _ slot: UInt64, at home: Int, _ slots: UnsafeMutablePointer<UInt64>, _ bits: Int
        ) {
            let mask = 1 &<< bits &- 1
            var index = home
            while slots[index] != 0 { index = (index &+ 1) & mask }
            slots[index] = slot
        }

        @inline(__always)
        private static func home(_ hash: UInt64, _ bits: Int) -> Int {
            Int(truncatingIfNeeded: hash &>> UInt64(truncatingIfNeeded: 64 &- bits))
        }

        /// Where a slot's entry belongs. Beyond 2²⁰ slots it takes more of the hash than the slot has.
        @inline(__always)
        private func home(_ slot: UInt64) -> Int {
            Self.home(bits <= 20 ? slot : hasher.hash(Self.entry(slot).key), bits)
        }

        @inline(__always)
        fileprivate static func slot(_ hash: UInt64, _ entry: OrderedTreeEntry) -> UInt64 {
            let address = UInt64(UInt(bitPattern: entry.base))
            precondition(address &>> 48 == 0, "an address of more than 48 bits")
            return hash & ~(1 &<< 44 &- 1) | address &>> 4
        }

        @inline(__always)
        fileprivate static func entry(_ slot: UInt64) -> OrderedTreeEntry {
            // Never 0: the slot is taken.
            OrderedTreeEntry(
                UnsafeMutableRawPointer(bitPattern: UInt((slot &<< 20) &>> 16)).unsafelyUnwrapped)
        }

        fileprivate func problems(_ number: Int) -> [String] {
            var problems: [String] = []
            var taken = 0
            for index in 0..<capacity where slots[index] != 0 {
                taken += 1
                let entry = Self.entry(slots[index])
                let hash = hasher.hash(entry.key)
                if hash & 63 != number { problems.append("an entry is in the wrong shard") }
                if (slots[index] ^ hash) >> 44 != 0 { problems.append("a slot has other bits than its key's hash") }
                if find(hash, entry.key)?.slot != slots + index { problems.append("a slot that is not found") }
            }
            if taken != count { problems.append("shard \(number) counts \(count), \(taken) slots are taken") }
            if taken == capacity { problems.append("shard \(number) has no empty slot") }
            return problems
        }
    }
}

// Operations as values that can be compared, and a log of them for what folds it.

@testable import WriteAheadJournal

struct PlainOperation: Equatable {
    var code: OperationCode
    var name: String
    var key: String
    var kind: UInt8 = 0
    var value: [UInt8] = []

    init(code: OperationCode, name: String, key: String, kind: UInt8 = 0, value: [UInt8] = []) {
        (self.code, self.name, self.key, self.kind, self.value) = (code, name, key, kind, value)
    }

    init(_ operation: Operation) {
        self.init(
            code: operation.code, name: String(decoding: operation.name, as: UTF8.self),
            key: String(decoding: operation.key, as: UTF8.self), kind: operation.kind, value: Array(operation.value))
    }

    func append(to bytes: inout [UInt8]) {
        Array(name.utf8).withUnsafeBytes { name in
            Array(key.utf8).withUnsafeBytes { key in
                value.withUnsafeBytes { value in
                    switch code {
                    case .set: OperationCodec.appendSet(name: name, key: key, kind: kind, value: value, to: &bytes)
                    case .remove: OperationCodec.appendRemove(name: name, key: key, to: &bytes)
                    }
                }
            }
        }
    }
}

/// Journal rows that continue each other, taken into a fold.
struct OperationLog {
    private(set) var position: ChainPosition
    private(set) var fold: FoldedChanges

    init(after position: ChainPosition = StoreFolder.origin(storeID: "fold")) {
        self.position = position
        fold = FoldedChanges(after: position)
    }

    /// One row, of records with these operations each.
    mutating func add(_ records: [[PlainOperation]]) throws {
        var batch = RecordBatch()
        for operations in records {
            var body: [UInt8] = []
            for operation in operations { operation.append(to: &body) }
            let crc = batch.append(
                .changes, lsn: position.lsn.next, after: position.chain, epoch: position.epoch
            ) { $0.append(contentsOf: body) }
            position = ChainPosition(lsn: position.lsn.next, chain: crc, epoch: position.epoch)
        }
        batch.seal()
        try batch.bytes.withUnsafeBytes { try fold.add(first: batch.first, batch: $0) }
    }
}

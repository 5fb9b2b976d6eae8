/// Where the chain stands: everything that is needed to judge the next record.
package struct ChainPosition: Sendable, Equatable {
    package var lsn: LSN
    package var chain: UInt32
    package var epoch: UInt64

    package init(lsn: LSN, chain: UInt32, epoch: UInt64) {
        self.lsn = lsn
        self.chain = chain
        self.epoch = epoch
    }
}

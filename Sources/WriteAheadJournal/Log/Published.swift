/// A record that has its place in the log.
package struct Published: Sendable {
    package let lsn: LSN
    package let chain: UInt32
    /// Whether it already survives the process.
    package let outlivesProcess: Bool

    package init(lsn: LSN, chain: UInt32, outlivesProcess: Bool) {
        self.lsn = lsn
        self.chain = chain
        self.outlivesProcess = outlivesProcess
    }
}

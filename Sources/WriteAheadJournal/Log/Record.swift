/// One record of the journal. `body` is valid during the call that passes the record on.
package struct Record {
    package let lsn: LSN
    package let epoch: UInt64
    package let kind: RecordKind
    package let chain: UInt32
    /// The body, without the kind.
    package let body: UnsafeRawBufferPointer
}

// Operations on named states: the body of a `changes` record.
//
//   operation  u8 code · varint length · name · varint length · key · [ u8 kind · varint length · value ]
//
// The bracketed part belongs to `set` only. A varint is LEB128: seven bits a byte, lowest first, at most ten bytes.
// The name tells which state is meant; the key–value state has the empty name.

/// One operation. It points into the record it came from, and is valid as long as that is.
package struct Operation {
    package let code: OperationCode
    package let name: UnsafeRawBufferPointer
    package let key: UnsafeRawBufferPointer
    package let kind: UInt8
    package let value: UnsafeRawBufferPointer

    package init(
        code: OperationCode, name: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, kind: UInt8,
        value: UnsafeRawBufferPointer
    ) {
        self.code = code
        self.name = name
        self.key = key
        self.kind = kind
        self.value = value
    }
}

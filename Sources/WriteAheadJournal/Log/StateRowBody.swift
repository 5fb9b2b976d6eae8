/// Takes one row of a state: the name of the state, key, kind and bytes of the value.
package typealias StateRowBody = (
    _ name: UnsafeRawBufferPointer, _ key: UnsafeRawBufferPointer, _ kind: UInt8, _ value: UnsafeRawBufferPointer
) throws -> Void

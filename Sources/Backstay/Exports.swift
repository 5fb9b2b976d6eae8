// What `import Backstay` brings along of the journal: the types that its calls take and return.

@_exported public import enum WriteAheadJournal.Durability
@_exported public import struct WriteAheadJournal.LSN
@_exported public import struct WriteAheadJournal.RunEnd
@_exported public import struct WriteAheadJournal.StoreError

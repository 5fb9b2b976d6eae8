// The cases: what is done to which file of which store, by number.
//
// First come all surgeries of the folder, then all damages of sectors, then bits and bytes, each part in an order that the
// seed chooses (CaseOrder.swift). Or, of smaller stores, each bit once and nothing else.

struct RotCase: Sendable, CustomStringConvertible {
    enum Sector: Int, CaseIterable, Sendable {
        case zeros, garbage
        /// Another place has this sector's bytes, too; this place has another's; both.
        case copiedAway, overwritten, swapped
        /// As it was at an earlier moment: a lost write.
        case stale
    }

    enum Surgery: Int, CaseIterable, Sendable {
        case missing, empty, foreign, old, readOnly, symbolicLink, hardLink, folder, fullFolder, pipe, longer
    }

    enum Damage: Sendable {
        case bit(Int)
        case byte(Int, UInt8)
        case sector(Int, Sector)
        case surgery(Surgery)
        /// Cut to so many bytes.
        case cut(Int)
        /// The file with this number and it have each other's bytes.
        case exchanged(Int)
    }

    var store: Int
    var file: String
    var damage: Damage

    var description: String {
        let what =
            switch damage {
            case .bit(let bit): "bit \(bit % 8) of byte \(bit / 8) flipped"
            case .byte(let at, let value): "byte \(at) set to \(value)"
            case .sector(let sector, let kind): "sector \(sector): \(kind)"
            case .surgery(let kind): "\(kind)"
            case .cut(let length): "cut to \(length) bytes"
            case .exchanged(let other): "exchanged with file \(other)"
            }
        return "\(file): \(what)"
    }
}

// One line of a row: Backstay beside the quickest engine with the same guarantee.

struct Summary {
    static let header = ["", "Backstay", "quickest peer", "its time", "of p50", "ratio"]

    let row: ReportRow
    let ours: Figure
    let peer: Figure

    /// Nil where there is none to compare with.
    init?(of row: ReportRow) {
        let peers = row.figures.filter { $0.role == .peer && $0.nanoseconds.median.isFinite }
        guard let ours = row.figures.first(where: { $0.role == .ours }),
            let peer = peers.min(by: { $0.nanoseconds.median < $1.nanoseconds.median })
        else { return nil }
        self.row = row
        self.ours = ours
        self.peer = peer
    }

    var cells: [String] {
        [
            row.heading, ours.nanoseconds.median.asTime, "\(peer.engine) \(peer.setting)",
            peer.nanoseconds.median.asTime,
            peer.ratioOfMedians?.median.asRatio ?? "", peer.ratio?.asRatio ?? "",
        ]
    }
}

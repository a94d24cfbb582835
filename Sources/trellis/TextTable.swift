// Tables for people: columns as wide as their widest cell, numbers to the right.

struct TextTable {
    private var rows: [[String]]

    init(_ heads: [String]) { rows = [heads] }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        let isNumeric = (0..<columns).map { column in
            rows.dropFirst().allSatisfy { $0.count <= column || Self.isNumber($0[column]) }
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return isNumeric[column] ? padding + cell : cell + padding
            }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static func isNumber(_ cell: String) -> Bool {
        cell.isEmpty || cell == "-"
            || cell.first.map { $0.isNumber } ?? true && cell.allSatisfy { "0123456789.%ms".contains($0) }
    }
}

/// Numbers as cells.
enum Cell {
    static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10)%".replacing(".0%", with: "%") }
    static func percent(_ part: Int, of whole: Int) -> String {
        whole == 0 ? "-" : percent(Double(part) / Double(whole))
    }
    static func rate(_ perSecond: Double?) -> String { perSecond.map { "\(($0 * 10).rounded() / 10)" } ?? "-" }

    static func milliseconds(_ value: Double?) -> String {
        guard let value else { return "-" }
        return value < 10 ? "\((value * 100).rounded() / 100)ms" : "\((value * 10).rounded() / 10)ms"
    }
}

/// The sets behind `\p{Greek}`, `\p{Han}` and the other Unicode scripts, read once from `UnicodeScriptTable` when a
/// pattern first names one.
enum UnicodeScripts {
    /// The script's code points, or nil when RE2 knows no script of that name.
    static func set(named name: String) -> ScalarSet? { sets[name] }

    private static let sets: [String: ScalarSet] = {
        var ranges: [String: [ScalarRange]] = [:]
        var script = ""
        for line in UnicodeScriptTable.text.split(separator: "\n") {
            var words = line.split(separator: " ")[...]
            if line.first != " " { script = String(words.removeFirst()) }
            for word in words {
                let ends = word.split(separator: "-").compactMap { UInt32($0, radix: 16) }
                guard let lo = ends.first, let hi = ends.last else { continue }
                ranges[script, default: []].append(ScalarRange(lo: lo, hi: hi))
            }
        }
        return ranges.mapValues { ScalarSet($0) }
    }()
}

// "Did you mean": the nearest of a few words by Damerau-Levenshtein distance (optimal string alignment), where case, dashes
// and underscores cost nothing. A third of the letters may differ; further away, a guess would mislead.

enum Suggestion {
    static func nearest(to word: String, among words: [String]) -> String? {
        let wanted = folded(word)
        var best: (word: String, distance: Int)?
        for candidate in words {
            let letters = folded(candidate)
            let distance = Self.distance(wanted, letters)
            let limit = max(1, max(wanted.count, letters.count) / 3)
            if distance <= limit, distance < best?.distance ?? Int.max { best = (candidate, distance) }
        }
        return best?.word
    }

    /// `did you mean …?` if something is near, else all that is possible.
    static func text(for word: String, among words: [String], introduction: String) -> String {
        if let near = nearest(to: word, among: words) { return "did you mean `\(near)`?" }
        return "\(introduction) \(list(words))"
    }

    /// `a`, `b` and so on, in backquotes.
    static func list(_ words: [String]) -> String {
        words.map { "`\($0)`" }.joined(separator: ", ")
    }

    private static func folded(_ word: String) -> [Unicode.Scalar] {
        // Long words are nobody's typing error, and the distance costs the product of the lengths.
        word.lowercased().unicodeScalars.prefix(80).filter { $0 != "-" && $0 != "_" }
    }

    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for row in 1...a.count {
            var current = [row]
            for column in 1...b.count {
                var cost = min(
                    last[column] + 1, current[column - 1] + 1,
                    last[column - 1] + (a[row - 1] == b[column - 1] ? 0 : 1))
                if row > 1, column > 1, a[row - 1] == b[column - 2], a[row - 2] == b[column - 1] {
                    cost = min(cost, beforeLast[column - 2] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[b.count]
    }
}

// "Did you mean": the known name that is nearest to a mistyped one, by the number of single-character edits (insertion,
// deletion, replacement, exchange of neighbours), of equally near ones the first in order. Only names within a third of the
// length are near; a wild guess is worse than none. `Findings.nearest` bounds how many names are compared in all.

enum Suggestion {
    /// A sentence for a diagnostic, or nil.
    static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        var best: (distance: Int, name: String)?
        // Names are limited to 255 characters by the API; longer texts are not compared.
        let typed = Array(name.lowercased().unicodeScalars.prefix(255))
        let limit = max(1, typed.count / 3)
        for candidate in known {
            let scalars = Array(candidate.lowercased().unicodeScalars.prefix(255))
            guard let distance = distance(typed, scalars, atMost: best?.distance ?? limit) else { continue }
            if best.map({ (distance, candidate) < $0 }) ?? true { best = (distance, candidate) }
        }
        return best.map { "did you mean '\($0.name)'?" }
    }

    /// nil above the limit, which is known as soon as a whole row is above it.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar], atMost limit: Int) -> Int? {
        guard abs(a.count - b.count) <= limit else { return nil }
        var beforePrevious = [Int](repeating: 0, count: b.count + 1)
        var previous = Array(0...b.count)
        var leastBefore = 0
        for i in a.indices {
            var current = [i + 1]
            var least = i + 1
            for j in b.indices {
                var cost = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforePrevious[j - 1] + 1) }
                current.append(cost)
                least = min(least, cost)
            }
            // An exchange of neighbours reaches back two rows.
            if least > limit, leastBefore >= limit { return nil }
            leastBefore = least
            beforePrevious = previous
            previous = current
        }
        return previous[b.count] <= limit ? previous[b.count] : nil
    }
}

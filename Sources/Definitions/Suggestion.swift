// "Did you mean": the nearest of a few words by Damerau-Levenshtein distance (optimal string alignment), where case, dashes
// and underscores cost nothing. A third of the letters may differ; further away, a guess would mislead. Also how findings show
// words of definitions: in backquotes, whoever speaks.

/// What findings say to somebody who wrote something that is not known.
public enum Suggestion {
    /// Longer words are nobody's typing error, and a comparison costs the product of the lengths.
    private static let lettersMax = 100

    /// The nearest word, of equally near ones the first in alphabetical order, whatever the order of `words`. Nil if none is near.
    public static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        guard let wanted = folded(word) else { return nil }
        var best: (distance: Int, word: String)?
        for candidate in words {
            guard let letters = folded(candidate) else { continue }
            let limit = best?.distance ?? max(1, max(wanted.count, letters.count) / 3)
            guard let distance = distance(wanted, letters, atMost: limit) else { continue }
            if best.map({ (distance, candidate) < $0 }) ?? true { best = (distance, candidate) }
        }
        return best?.word
    }

    /// `did you mean …?` if something is near.
    public static func question(for word: String, among words: some Sequence<String>) -> String? {
        nearest(to: word, among: words).map { "did you mean \(quoted($0))?" }
    }

    /// `did you mean …?` if something is near, else all that is possible.
    public static func text(for word: String, among words: [String], introduction: String) -> String {
        question(for: word, among: words) ?? "\(introduction) \(list(words))"
    }

    /// `a`, `b` and so on, in backquotes.
    public static func list(_ words: some Sequence<String>) -> String {
        words.map(quoted).joined(separator: ", ")
    }

    /// A word of the definitions within a text.
    public static func quoted(_ word: String) -> String { "`\(word)`" }

    /// What is compared of a word; nil if it is too long.
    private static func folded(_ word: String) -> [Unicode.Scalar]? {
        guard word.utf8.count <= lettersMax * 4 else { return nil }
        let letters = word.lowercased().unicodeScalars.filter { $0 != "-" && $0 != "_" }
        return letters.count <= lettersMax ? Array(letters) : nil
    }

    /// Nil above the limit, which is known as soon as two rows are above it.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar], atMost limit: Int) -> Int? {
        guard abs(a.count - b.count) <= limit else { return nil }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        var leastOfLast = 0
        for row in a.indices {
            var current = [row + 1]
            var least = row + 1
            for column in b.indices {
                var cost = min(
                    last[column + 1] + 1, current[column] + 1, last[column] + (a[row] == b[column] ? 0 : 1))
                if row > 0, column > 0, a[row] == b[column - 1], a[row - 1] == b[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
                least = min(least, cost)
            }
            guard min(least, leastOfLast) <= limit else { return nil }
            leastOfLast = least
            beforeLast = last
            last = current
        }
        return last[b.count] <= limit ? last[b.count] : nil
    }
}

/// Bounds how many words are compared in one run: of thousands of references to thousands of names only the first get a
/// suggestion, because that the rest is wrong as well is clear by then.
public struct SuggestionBudget: Sendable {
    private var comparisonsLeft: Int

    /// Nothing is compared any more: the words need not even be collected.
    public var isSpent: Bool { comparisonsLeft <= 0 }

    public init(comparisons: Int = 100_000) {
        comparisonsLeft = comparisons
    }

    /// Takes as many comparisons; false if that many are not left, and from then on always.
    public mutating func spend(_ comparisons: Int) -> Bool {
        guard comparisons <= comparisonsLeft else {
            comparisonsLeft = 0
            return false
        }
        comparisonsLeft -= comparisons
        return true
    }

    /// `did you mean …?` if something is near and there are comparisons left.
    public mutating func question(for word: String, among words: some Collection<String>) -> String? {
        spend(words.count) ? Suggestion.question(for: word, among: words) : nil
    }
}

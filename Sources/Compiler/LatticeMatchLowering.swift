// Match conditions of Lattice rules (lattice.md 2.2): all of them hold; path and header values are compared without case unless
// the rule minds it; a method is compared exactly and may be any token.

import Definitions
import Routing

enum LatticeMatchLowering {
    static func lower(_ match: RuleMatch) -> MatchPlan {
        switch match {
        case .httpMatch(let match):
            MatchPlan(
                path: match.pathMatch.map { lower($0) } ?? .any, method: match.method.flatMap { $0.isEmpty ? nil : $0 },
                headers: (match.headerMatches ?? []).map { lower($0) })
        }
    }

    private static func lower(_ path: LatticePathMatch) -> Routing.PathMatch {
        let ignoresCase = !(path.caseSensitive ?? false)
        return switch path.match {
        case .exact(let text): .exact(text, ignoresCase: ignoresCase)
        case .prefix(let text): .prefix(text, ignoresCase: ignoresCase)
        }
    }

    private static func lower(_ header: LatticeHeaderMatch) -> Routing.HeaderMatch {
        let condition: Routing.HeaderMatch.Condition =
            switch header.match {
            case .exact(let text): .exact(text)
            case .prefix(let text): .prefix(text)
            case .contains(let text): .contains(text)
            }
        return Routing.HeaderMatch(
            name: header.name.lowercased(), condition: condition, ignoresCase: !(header.caseSensitive ?? false))
    }
}
